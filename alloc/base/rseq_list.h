/*
 * Per-CPU lists of objects in restartable sequences (rseq.h): the objects are
 * linked through a word of their own, `at` bytes from their start.
 *
 * A head belongs to one CPU and names a range of addresses beside its list: an
 * object is pushed only if it lies in there, so that a list holds objects of
 * one block of memory. slot[cpu] points to the CPU's head. A section loads the
 * slot, and commits with one store to head->first.
 *
 * Ordering: as for the stacks of rseq.h. What a section reads of an object
 * may be stale (its owner writes to it); then the section does not commit,
 * since whoever gave the object away ran on this CPU in between.
 *
 * Taking a head away: point its slot at one with first NULL and bytes 0, so
 * that pops and pushes fail, then see to it that no section is left that loaded
 * the old slot. list_slot_set() does both at once for the CPU that it runs on:
 * a section of another thread on that CPU was interrupted, and restarts. For
 * another CPU: store the slot, then rseq_fence_cpu().
 *
 * Progress: as for the stacks of rseq.h.
 */
#ifndef ALLOC_BASE_RSEQ_LIST_H
#define ALLOC_BASE_RSEQ_LIST_H

#include "alloc/base/rseq.h"

struct list_head {
	void *first;  /* NULL: empty */
	uint64_t tag; /* the owner's; not looked at by sections */
	char *base;   /* the range: [base, base + bytes) */
	uint64_t bytes;
};

struct list_slots {
	_Atomic(struct list_head *) *slot; /* by the OS's CPU number */
};

#if RSEQ_X86_64
_Static_assert(offsetof(struct list_head, base) == 16, "in the sections");
_Static_assert(offsetof(struct list_head, bytes) == 24, "in the sections");

/* The number of the CPU; at once out of date. */
ALWAYS_INLINE unsigned rseq_current_cpu(void)
{
	uint32_t cpu;

	__asm__ volatile("movl %%fs:4(%1), %0"
			 : "=r"(cpu)
			 : "r"(__rseq_offset));
	return cpu;
}

/* The first object of this CPU's list, or NULL. */
ALWAYS_INLINE void *list_pop(const struct list_slots *slots, size_t at)
{
	void *object;

restart:
	__asm__ goto volatile(RSEQ_BEGIN "movl %%fs:4(%[rseq]), %%eax\n\t"
					 "movq (%[slot], %%rax, 8), %%rax\n\t"
					 "movq (%%rax), %[object]\n\t"
					 "testq %[object], %[object]\n\t"
					 "jz 2f\n\t"
					 "movq (%[object], %[at]), %%rcx\n\t"
					 /* commit */
					 "movq %%rcx, (%%rax)\n\t" RSEQ_END
			      : [object] "=&r"(object)
			      : [rseq] "r"(__rseq_offset),
				[slot] "r"(slots->slot), [at] "r"(at)
			      : "rax", "rcx", "memory", "cc"
			      : restart);
	return object;
}

/* Pushes the object if it lies in the range; false if not. */
ALWAYS_INLINE bool list_push(const struct list_slots *slots, size_t at,
			     void *object)
{
restart:
	__asm__ goto volatile(
		RSEQ_BEGIN "movl %%fs:4(%[rseq]), %%eax\n\t"
			   "movq (%[slot], %%rax, 8), %%rax\n\t"
			   "movq %[object], %%rcx\n\t"
			   "subq 16(%%rax), %%rcx\n\t"
			   "cmpq 24(%%rax), %%rcx\n\t"
			   "jae %l[outside]\n\t"
			   "movq (%%rax), %%rcx\n\t"
			   "movq %%rcx, (%[object], %[at])\n\t"
			   /* commit */
			   "movq %[object], (%%rax)\n\t" RSEQ_END
		:
		: [rseq] "r"(__rseq_offset), [slot] "r"(slots->slot),
		  [at] "r"(at), [object] "r"(object)
		: "rax", "rcx", "memory", "cc"
		: restart, outside);
	return true;
outside:
	return false;
}

/*
 * The same with encoded links: link ^ key ^ (address of the link, bytes
 * swapped). first is not encoded.
 */
ALWAYS_INLINE void *list_pop_encoded(const struct list_slots *slots, size_t at,
				     uint64_t key)
{
	void *object;

restart:
	__asm__ goto volatile(
		RSEQ_BEGIN "movl %%fs:4(%[rseq]), %%eax\n\t"
			   "movq (%[slot], %%rax, 8), %%rax\n\t"
			   "movq (%%rax), %[object]\n\t"
			   "testq %[object], %[object]\n\t"
			   "jz 2f\n\t"
			   "leaq (%[object], %[at]), %%rdx\n\t"
			   "movq (%%rdx), %%rcx\n\t"
			   "bswapq %%rdx\n\t"
			   "xorq %%rdx, %%rcx\n\t"
			   "xorq %[key], %%rcx\n\t"
			   /* commit */
			   "movq %%rcx, (%%rax)\n\t" RSEQ_END
		: [object] "=&r"(object)
		: [rseq] "r"(__rseq_offset), [slot] "r"(slots->slot),
		  [at] "r"(at), [key] "r"(key)
		: "rax", "rcx", "rdx", "memory", "cc"
		: restart);
	return object;
}

/* LIST_TWICE: the object is the list's first already, and stays that. */
enum list_pushed { LIST_OUTSIDE, LIST_PUSHED, LIST_TWICE };

ALWAYS_INLINE enum list_pushed list_push_encoded(const struct list_slots *slots,
						 size_t at, uint64_t key,
						 void *object)
{
restart:
	__asm__ goto volatile(
		RSEQ_BEGIN "movl %%fs:4(%[rseq]), %%eax\n\t"
			   "movq (%[slot], %%rax, 8), %%rax\n\t"
			   "movq %[object], %%rcx\n\t"
			   "subq 16(%%rax), %%rcx\n\t"
			   "cmpq 24(%%rax), %%rcx\n\t"
			   "jae %l[outside]\n\t"
			   "cmpq (%%rax), %[object]\n\t"
			   "je %l[twice]\n\t"
			   "leaq (%[object], %[at]), %%rcx\n\t"
			   "movq %%rcx, %%rdx\n\t"
			   "bswapq %%rdx\n\t"
			   "xorq (%%rax), %%rdx\n\t"
			   "xorq %[key], %%rdx\n\t"
			   "movq %%rdx, (%%rcx)\n\t"
			   /* commit */
			   "movq %[object], (%%rax)\n\t" RSEQ_END
		:
		: [rseq] "r"(__rseq_offset), [slot] "r"(slots->slot),
		  [at] "r"(at), [key] "r"(key), [object] "r"(object)
		: "rax", "rcx", "rdx", "memory", "cc"
		: restart, outside, twice);
	return LIST_PUSHED;
outside:
	return LIST_OUTSIDE;
twice:
	return LIST_TWICE;
}

/* slot[cpu] = head, if this runs on that CPU; false if it does not. */
ALWAYS_INLINE bool list_slot_set(const struct list_slots *slots, unsigned cpu,
				 struct list_head *head)
{
restart:
	__asm__ goto volatile(
		RSEQ_BEGIN "cmpl %%fs:4(%[rseq]), %[cpu]\n\t"
			   "jne %l[elsewhere]\n\t"
			   /* commit */
			   "movq %[head], (%[slot])\n\t" RSEQ_END
		:
		: [rseq] "r"(__rseq_offset), [slot] "r"(&slots->slot[cpu]),
		  [cpu] "r"(cpu), [head] "r"(head)
		: "rax", "memory", "cc"
		: restart, elsewhere);
	return true;
elsewhere:
	return false;
}
#endif /* RSEQ_X86_64 */

#endif
