/*
 * Per-CPU lists of objects in restartable sequences (rseq.h): the objects are
 * linked through a word of their own, `at` bytes from their start.
 *
 * A head belongs to one CPU and names a range of addresses beside its list: an
 * object is pushed only if it lies in there, so that a list holds objects of
 * one block of memory. slot[cpu] points to the CPU's head. A section loads the
 * slot, and commits with one store to the head.
 *
 * Beside its list a head has a place for one object that was put off: given
 * back, but not taken up yet (list_push_or_put_off). What becomes of it is its
 * owner's affair. A head may say that no object of one block, the last one's,
 * is put off, and by which note of its frame such an object may be handed out
 * again at once.
 *
 * Ordering: as for the stacks of rseq.h. What a section reads of an object
 * may be stale (its owner writes to it); then the section does not commit,
 * since whoever gave the object away ran on this CPU in between.
 *
 * Taking a head away: point its slot at LIST_HEAD_HELD, whose first is NULL and
 * whose bytes are 0, so that pops and pushes fail, and whose place is taken for
 * good, so that nothing is put off; then see to it that no section is left that
 * loaded the old slot. list_slot_set() does both at once for the CPU that it
 * runs on: a section of another thread on that CPU was interrupted, and
 * restarts. For another CPU: store the slot, then rseq_fence_cpu().
 *
 * Progress: as for the stacks of rseq.h.
 */
#ifndef ALLOC_BASE_RSEQ_LIST_H
#define ALLOC_BASE_RSEQ_LIST_H

#include "alloc/base/rseq.h"

#if RSEQ_X86_64
#include <emmintrin.h>
#endif

struct list_head {
	void *first;  /* NULL: empty */
	uint64_t tag; /* the owner's; not looked at by sections */
	char *base;   /* the range: [base, base + bytes) */
	uint64_t bytes;
	void *late;    /* the object that was put off; NULL: none */
	char *last;    /* the block of which none is; LIST_NO_BLOCK: any */
	uint64_t note; /* of frames whose objects list_pop_or_hand_out() hands
			  out again; what no frame's note is: of none */
};

/* What is noted of frames of 4 KiB, see list_pop_or_hand_out(). */
struct list_notes {
	const _Atomic uint16_t *note; /* of frames, the first is at `memory` */
	char *memory;
	uint64_t before; /* bytes from the block of an object to the object */
};

/* More than a block's length in front of every address. */
#define LIST_NO_BLOCK ((char *)UINTPTR_MAX)
/* In head->late: none can be put off; no address of an object. */
#define LIST_REFUSED ((void *)1)

#define LIST_HEAD_HELD                                      \
	(struct list_head)                                  \
	{                                                   \
		.late = LIST_REFUSED, .last = LIST_NO_BLOCK \
	}

/* Read by every fast path of its CPU, written by whoever takes the head away:
 * no line is shared with another CPU's. */
struct list_slot {
	_Atomic(struct list_head *) head;
} __attribute__((aligned(2 * CACHELINE_SIZE)));

struct list_slots {
	struct list_slot *slot; /* by the OS's CPU number */
};

#if RSEQ_X86_64
_Static_assert(sizeof(struct list_slot) == 128, "in the sections");
_Static_assert(offsetof(struct list_head, base) == 16, "in the sections");
_Static_assert(offsetof(struct list_head, bytes) == 24, "in the sections");
_Static_assert(offsetof(struct list_head, late) == 32, "in the sections");
_Static_assert(offsetof(struct list_head, last) == 40, "in the sections");
_Static_assert(offsetof(struct list_head, note) == 48, "in the sections");

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
	__asm__ goto volatile(RSEQ_BEGIN_SLOT
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

/*
 * The same, or where the list is empty the object that was put off: if the
 * range is empty too, head->last is some block, and the note of the object's
 * frame is head->note. head->last becomes the block `before` the object, and
 * *handed true. NULL: none of the two.
 *
 * head->last is stored before the commit takes the object. A thread that is
 * moved to another CPU in between leaves the block behind with the object still
 * put off; the caller has to bear that.
 */
ALWAYS_INLINE void *list_pop_or_hand_out(const struct list_slots *slots,
					 size_t at,
					 const struct list_notes *notes,
					 bool *handed)
{
	uint64_t late;
	void *object;

restart:
	__asm__ goto volatile(
		"xorl %k[late], %k[late]\n\t" RSEQ_BEGIN_SLOT
		"movq (%%rax), %[object]\n\t"
		"testq %[object], %[object]\n\t"
		"jnz 5f\n\t"
		"movq 32(%%rax), %[object]\n\t"
		"cmpq $1, %[object]\n\t"
		"jbe 7f\n\t"
		"cmpq $0, 24(%%rax)\n\t"
		"jne 7f\n\t"
		"cmpq $-1, 40(%%rax)\n\t"
		"je 7f\n\t"
		"movq %[object], %%rcx\n\t"
		"subq %[memory], %%rcx\n\t"
		"shrq $12, %%rcx\n\t"
		"addq %%rcx, %%rcx\n\t"
		"addq %[note], %%rcx\n\t"
		"movzwl (%%rcx), %%ecx\n\t"
		"cmpq %%rcx, 48(%%rax)\n\t"
		"jne 7f\n\t"
		"movq %[object], %%rcx\n\t"
		"subq %[before], %%rcx\n\t"
		"movq %%rcx, 40(%%rax)\n\t"
		"xorl %%ecx, %%ecx\n\t"
		"addq $32, %%rax\n\t"
		"movl $1, %k[late]\n\t"
		"jmp 6f\n"
		"7:\n\t"
		"xorl %k[object], %k[object]\n\t"
		"jmp 2f\n"
		"5:\n\t"
		"movq (%[object], %[at]), %%rcx\n"
		"6:\n\t"
		/* commit */
		"movq %%rcx, (%%rax)\n\t" RSEQ_END
		: [object] "=&r"(object), [late] "=&r"(late)
		: [rseq] "r"(__rseq_offset), [slot] "r"(slots->slot),
		  [at] "r"(at), [memory] "m"(notes->memory),
		  [note] "m"(notes->note), [before] "m"(notes->before)
		: "rax", "rcx", "memory", "cc"
		: restart);
	*handed = late;
	return object;
}

/* Pushes the object if it lies in the range; false if not. */
ALWAYS_INLINE bool list_push(const struct list_slots *slots, size_t at,
			     void *object)
{
restart:
	__asm__ goto volatile(
		RSEQ_BEGIN_SLOT "movq %[object], %%rcx\n\t"
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
		RSEQ_BEGIN_SLOT "movq (%%rax), %[object]\n\t"
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
		RSEQ_BEGIN_SLOT "movq %[object], %%rcx\n\t"
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

/*
 * Pushes the object if it lies in the range, else puts it off: this CPU's place
 * is its. Returns the object itself: pushed. Another: put off; that one was
 * there, and the caller has now to take it up; NULL: put off, none was there.
 * LIST_REFUSED: the CPU's head is held, or puts nothing off, or the object lies
 * in the `block` bytes from head->last; nothing was done. Which word is the
 * commit's is chosen before, since a section has but one.
 */
ALWAYS_INLINE void *list_push_or_put_off(const struct list_slots *slots,
					 size_t at, uint64_t block,
					 void *object)
{
	void *before;

restart:
	__asm__ goto volatile(
		RSEQ_BEGIN_SLOT "movq %[object], %%rcx\n\t"
				"subq 16(%%rax), %%rcx\n\t"
				"cmpq 24(%%rax), %%rcx\n\t"
				"jb 5f\n\t"
				"movq %[object], %%rcx\n\t"
				"subq 40(%%rax), %%rcx\n\t"
				"movl $1, %k[before]\n\t"
				"cmpq %[block], %%rcx\n\t"
				"jb 2f\n\t"
				"movq 32(%%rax), %[before]\n\t"
				"cmpq $1, %[before]\n\t"
				"je 2f\n\t"
				"addq $32, %%rax\n\t"
				"jmp 6f\n"
				"5:\n\t"
				"movq (%%rax), %%rcx\n\t"
				"movq %[object], %[before]\n\t"
				"movq %%rcx, (%[object], %[at])\n"
				"6:\n\t"
				/* commit */
				"movq %[object], (%%rax)\n\t" RSEQ_END
		: [before] "=&r"(before)
		: [rseq] "r"(__rseq_offset), [slot] "r"(slots->slot),
		  [at] "r"(at), [block] "rm"(block), [object] "r"(object)
		: "rax", "rcx", "memory", "cc"
		: restart);
	return before;
}

/* The object that was put off on this CPU, which the caller has now to take up;
 * NULL: there is none. */
ALWAYS_INLINE void *list_take_up(const struct list_slots *slots)
{
	void *object;

restart:
	__asm__ goto volatile(
		RSEQ_BEGIN_SLOT "movq 32(%%rax), %[object]\n\t"
				/* neither NULL nor LIST_REFUSED */
				"cmpq $1, %[object]\n\t"
				"jbe 2f\n\t"
				/* commit */
				"movq $0, 32(%%rax)\n\t" RSEQ_END
		: [object] "=&r"(object)
		: [rseq] "r"(__rseq_offset), [slot] "r"(slots->slot)
		: "rax", "memory", "cc"
		: restart);
	return object == LIST_REFUSED ? NULL : object;
}

/*
 * Hands out the object that was put off, if it still is that one and this CPU's
 * range is empty; head->last becomes `block`. Both in one store of 16 bytes.
 * False: nothing was done.
 */
ALWAYS_INLINE bool list_hand_out(const struct list_slots *slots, void *object,
				 char *block)
{
	const __m128i after = _mm_set_epi64x((long long)(uintptr_t)block, 0);

restart:
	__asm__ goto volatile(
		RSEQ_BEGIN_SLOT "cmpq %[object], 32(%%rax)\n\t"
				"jne %l[other]\n\t"
				"cmpq $0, 24(%%rax)\n\t"
				"jne %l[other]\n\t"
				/* commit */
				"movaps %[after], 32(%%rax)\n\t" RSEQ_END
		:
		: [rseq] "r"(__rseq_offset), [slot] "r"(slots->slot),
		  [object] "r"(object), [after] "x"(after)
		: "rax", "memory", "cc"
		: restart, other);
	return true;
other:
	return false;
}

/* slot[cpu] = head, if this runs on that CPU; false if it does not. */
ALWAYS_INLINE bool list_slot_set(const struct list_slots *slots, unsigned cpu,
				 struct list_head *head)
{
	return rseq_store_on(cpu, &slots->slot[cpu], head);
}
#endif /* RSEQ_X86_64 */

#endif
