/*
 * Per-CPU arrays of objects in restartable sequences (rseq.h): last in, first
 * out. slot[cpu] points to the CPU's array, whose header belongs to its owner
 * but for the number of objects in it. A section loads the slot, and commits
 * with one store of that number.
 *
 * An array has no limit of its own: the caller names one for all arrays of a
 * set of slots. OBJECT_ARRAY_HELD in place of a number of objects is beyond
 * every limit, so that neither a pop nor a push finds anything to do.
 *
 * Ordering: as for the stacks of rseq.h; an object is stored before the number
 * that covers it.
 *
 * Taking an array away: point its slot at one that is held, then see to it that
 * no section is left that loaded the old slot. array_slot_set() does both at
 * once for the CPU that it runs on: a section of another thread on that CPU was
 * interrupted, and restarts. For another CPU: store the slot, then
 * rseq_fence_cpu().
 *
 * Progress: as for the stacks of rseq.h.
 */
#ifndef ALLOC_BASE_RSEQ_ARRAY_H
#define ALLOC_BASE_RSEQ_ARRAY_H

#include "alloc/base/rseq.h"

#define OBJECT_ARRAY_HELD UINT32_MAX

struct object_array {
	uint64_t header[3]; /* the owner's; not looked at by sections */
	uint32_t size;      /* objects, or OBJECT_ARRAY_HELD */
	uint32_t tag;       /* the owner's as well */
	void *object[];
};

/* Read by every fast path of its CPU, written by whoever takes the array away:
 * no line is shared with another CPU's. */
struct array_slot {
	_Atomic(struct object_array *) array;
} __attribute__((aligned(2 * CACHELINE_SIZE)));

struct array_slots {
	struct array_slot *slot; /* by the OS's CPU number */
};

#if RSEQ_X86_64
_Static_assert(sizeof(struct array_slot) == 128, "in the sections");
_Static_assert(offsetof(struct object_array, size) == 24, "in the sections");
_Static_assert(offsetof(struct object_array, object) == 32, "in the sections");

/* The object that was pushed last; NULL: there is none. limit < 2^31. */
ALWAYS_INLINE void *array_pop(const struct array_slots *slots, uint32_t limit)
{
	void *object;

restart:
	__asm__ goto volatile(RSEQ_BEGIN_SLOT
			      "xorl %k[object], %k[object]\n\t"
			      "movl 24(%%rax), %%ecx\n\t"
			      /* 0 and a held array's number are both above */
			      "subl $1, %%ecx\n\t"
			      "cmpl %[limit], %%ecx\n\t"
			      "jae 2f\n\t"
			      "movq 32(%%rax, %%rcx, 8), %[object]\n\t"
			      /* commit */
			      "movl %%ecx, 24(%%rax)\n\t" RSEQ_END
			      : [object] "=&r"(object)
			      : [rseq] "r"(__rseq_offset),
				[slot] "r"(slots->slot), [limit] "r"(limit)
			      : "rax", "rcx", "memory", "cc"
			      : restart);
	return object;
}

/* False: the array holds `limit` objects, or is held. */
ALWAYS_INLINE bool array_push(const struct array_slots *slots, uint32_t limit,
			      void *object)
{
restart:
	__asm__ goto volatile(
		RSEQ_BEGIN_SLOT "movl 24(%%rax), %%ecx\n\t"
				"cmpl %[limit], %%ecx\n\t"
				"jae %l[full]\n\t"
				"movq %[object], 32(%%rax, %%rcx, 8)\n\t"
				"addl $1, %%ecx\n\t"
				/* commit */
				"movl %%ecx, 24(%%rax)\n\t" RSEQ_END
		:
		: [rseq] "r"(__rseq_offset), [slot] "r"(slots->slot),
		  [limit] "r"(limit), [object] "r"(object)
		: "rax", "rcx", "memory", "cc"
		: restart, full);
	return true;
full:
	return false;
}

/* slot[cpu] = array, if this runs on that CPU; false if it does not. */
ALWAYS_INLINE bool array_slot_set(const struct array_slots *slots, unsigned cpu,
				  struct object_array *array)
{
	return rseq_store_on(cpu, &slots->slot[cpu], array);
}
#endif /* RSEQ_X86_64 */

#endif
