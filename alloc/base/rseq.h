/*
 * Per-CPU stacks of pfns in restartable sequences (rseq).
 *
 * What it is. One stack_set per CPU holds nr stacks of pfns. A push or a pop is
 * a handful of plain instructions that the kernel restarts when the thread is
 * preempted, migrated or signalled in the middle: no atomic instruction, no
 * lock, and a thread may move to another CPU at any time.
 *
 * Source: the rseq(2) ABI (Linux 4.18; registration by glibc 2.35, found
 * through __rseq_offset and __rseq_size). x86-64 only; rseq_available() says
 * whether this thread can use it, everybody else uses stack_fallback_*.
 *
 * Ordering. Every access to a set that is in its slot happens on the set's CPU
 * inside a section, so program order is enough. The last instruction of a
 * section is the store of the count (the commit); a pfn is stored before the
 * count that covers it.
 *
 * Taking a set away (remote drain, stack_set_detach): the slot is pointed at
 * an empty set whose stacks have count 0 and limit 0, then membarrier's
 * RSEQ command restarts every section that was running on that CPU. Sections
 * that start later load the slot anew and find the empty set. So after the
 * call nobody else reaches the old set, and its contents are visible to the
 * caller, since the command is a full barrier on both CPUs.
 *
 * Progress. A section restarts only when its thread was descheduled or got a
 * signal; it is a dozen instructions long, so it completes within any time
 * slice. Drain never waits for a preempted thread.
 */
#ifndef ALLOC_BASE_RSEQ_H
#define ALLOC_BASE_RSEQ_H

#include <stdatomic.h>

#include "alloc/base/base.h"

/* A stack inside a set: 8 bytes of header, then limit pfns. */
struct pfn_stack {
	uint32_t count; /* pfns held */
	uint32_t limit; /* a push beyond it fails; 0 in the empty set */
	uint32_t pfn[];
};

#if defined(__x86_64__) && defined(__linux__)
#define RSEQ_X86_64 1
#else
#define RSEQ_X86_64 0
#endif

/* Whether this thread is registered for rseq and membarrier's RSEQ command
 * exists. Registers the process for the command on first use. Any thread. */
bool rseq_available(void);

/* Restarts the sections that run on os_cpu. 0 or -errno. */
int rseq_fence_cpu(unsigned os_cpu);
/* The same for all CPUs. */
int rseq_fence_all(void);

/* The CPU number in this thread's rseq area: kept up to date by the kernel,
 * readable by other threads (relaxed). NULL where there is no rseq. */
const volatile uint32_t *rseq_cpu_id_pointer(void);

#if RSEQ_X86_64
#include <sys/rseq.h>

#define RSEQ_STR_(x) #x
#define RSEQ_STR(x)  RSEQ_STR_(x)

/*
 * Head of a section: descriptor (version, flags, start, length, abort) in
 * __rseq_cs, then its address into the thread's rseq_cs field (offset 8).
 * Abort handlers stand after the signature that was registered.
 */
#define RSEQ_BEGIN                           \
	".pushsection __rseq_cs, \"aw\"\n\t" \
	".balign 32\n\t"                     \
	"3:\n\t"                             \
	".long 0, 0\n\t"                     \
	".quad 1f, (2f - 1f), 4f\n\t"        \
	".popsection\n\t"                    \
	"leaq 3b(%%rip), %%rax\n\t"          \
	"movq %%rax, %%fs:8(%[rseq])\n\t"    \
	"1:\n\t"

/*
 * The same, and the opening of a section on per-CPU slots of 128 bytes: rax is
 * what the slot of the CPU on which we are holds, with [slot] the first slot.
 */
#define RSEQ_BEGIN_SLOT                   \
	RSEQ_BEGIN                        \
	"movl %%fs:4(%[rseq]), %%eax\n\t" \
	"shll $7, %%eax\n\t"              \
	"movq (%[slot], %%rax), %%rax\n\t"

#define RSEQ_END                                          \
	"2:\n\t"                                          \
	".pushsection __rseq_abort, \"ax\"\n\t"           \
	".byte 0x0f, 0xb9, 0x3d\n\t"                      \
	".long " RSEQ_STR(RSEQ_SIG) "\n\t"                \
				    "4:\n\t"              \
				    "jmp %l[restart]\n\t" \
				    ".popsection\n\t"

/* *word = value, if this runs on that CPU; false if it does not. Sections of
 * other threads on the CPU that loaded the word before restart. */
ALWAYS_INLINE bool rseq_store_on(unsigned cpu, void *word, void *value)
{
restart:
	__asm__ goto volatile(RSEQ_BEGIN "cmpl %%fs:4(%[rseq]), %[cpu]\n\t"
					 "jne %l[elsewhere]\n\t"
					 /* commit */
					 "movq %[value], (%[word])\n\t" RSEQ_END
			      :
			      : [rseq] "r"(__rseq_offset), [word] "r"(word),
				[cpu] "r"(cpu), [value] "r"(value)
			      : "rax", "memory", "cc"
			      : restart, elsewhere);
	return true;
elsewhere:
	return false;
}

/*
 * slot[cpu], by the OS's CPU number, points to that CPU's set: one block of
 * memory in which the stacks lie at byte offsets chosen by the owner, the same
 * for every CPU.
 *
 * Pops from the stack at byte offset `at` of this CPU's set. PFN_NONE when it
 * is empty. The thread must be registered (rseq_available()), or every slot
 * hold a set whose stacks are empty and have limit 0: the CPU comes from
 * cpu_id_start, which is 0 in a thread that is not registered and cpu_id's
 * equal inside a section of one that is.
 *
 * An empty stack leaves at the section's end with all ones in the output. A
 * second label for it, with `return PFN_NONE` behind, is miscompiled by gcc
 * 12.2: asm goto with an output loses the assignment on the labelled edge.
 */
ALWAYS_INLINE pfn_t stack_pop(char *const *slot, size_t at)
{
	uint32_t pfn;

restart:
	__asm__ goto volatile(
		RSEQ_BEGIN
		/* the set of the CPU on which we are */
		"movl %%fs:(%[rseq]), %%eax\n\t"
		"movq (%[slot], %%rax, 8), %%rax\n\t"
		"addq %[at], %%rax\n\t"
		"movl (%%rax), %%ecx\n\t"
		"movl $-1, %[pfn]\n\t"
		"subl $1, %%ecx\n\t"
		"jc 2f\n\t"
		"movl 8(%%rax, %%rcx, 4), %[pfn]\n\t"
		/* commit */
		"movl %%ecx, (%%rax)\n\t" RSEQ_END
		: [pfn] "=&r"(pfn)
		: [rseq] "r"(__rseq_offset), [slot] "r"(slot), [at] "er"(at)
		: "rax", "rcx", "memory", "cc"
		: restart);
	return (pfn_t){ pfn };
}

/* Pushes onto the stack at `at` of this CPU's set; false when it is full. */
ALWAYS_INLINE bool stack_push(char *const *slot, size_t at, pfn_t pfn)
{
restart:
	__asm__ goto volatile(RSEQ_BEGIN "movl %%fs:(%[rseq]), %%eax\n\t"
					 "movq (%[slot], %%rax, 8), %%rax\n\t"
					 "addq %[at], %%rax\n\t"
					 "movl (%%rax), %%ecx\n\t"
					 "cmpl 4(%%rax), %%ecx\n\t"
					 "jae %l[full]\n\t"
					 "movl %[pfn], 8(%%rax, %%rcx, 4)\n\t"
					 "addl $1, %%ecx\n\t"
					 /* commit */
					 "movl %%ecx, (%%rax)\n\t" RSEQ_END
			      :
			      : [rseq] "r"(__rseq_offset), [slot] "r"(slot),
				[at] "er"(at), [pfn] "r"(pfn.v)
			      : "rax", "rcx", "memory", "cc"
			      : restart, full);
	return true;
full:
	return false;
}

/*
 * Pushes nr pfns in one section: last, last - step, ... so that they are popped
 * in ascending order. nr >= 1. All or, where they do not fit, none and false.
 */
ALWAYS_INLINE bool stack_push_run(char *const *slot, size_t at, pfn_t last,
				  uint32_t step, uint32_t nr)
{
restart:
	__asm__ goto volatile(
		RSEQ_BEGIN "movl %%fs:(%[rseq]), %%eax\n\t"
			   "movq (%[slot], %%rax, 8), %%rax\n\t"
			   "addq %[at], %%rax\n\t"
			   "movl (%%rax), %%ecx\n\t"
			   "leal (%%rcx, %q[nr]), %%esi\n\t"
			   "cmpl 4(%%rax), %%esi\n\t"
			   "ja %l[full]\n\t"
			   "movl %[last], %%edx\n\t"
			   "5:\n\t"
			   "movl %%edx, 8(%%rax, %%rcx, 4)\n\t"
			   "subl %[step], %%edx\n\t"
			   "addl $1, %%ecx\n\t"
			   "cmpl %%esi, %%ecx\n\t"
			   "jne 5b\n\t"
			   /* commit */
			   "movl %%esi, (%%rax)\n\t" RSEQ_END
		:
		: [rseq] "r"(__rseq_offset), [slot] "r"(slot), [at] "er"(at),
		  [last] "r"(last.v), [step] "r"(step), [nr] "r"(nr)
		: "rax", "rcx", "rdx", "rsi", "memory", "cc"
		: restart, full);
	return true;
full:
	return false;
}

/* Pops up to max pfns in one section, those pushed last; out[] has them in the
 * order in which they were pushed. Returns how many. max >= 1. */
ALWAYS_INLINE uint32_t stack_pop_run(char *const *slot, size_t at, pfn_t *out,
				     uint32_t max)
{
	uint32_t nr;

restart:
	__asm__ goto volatile(RSEQ_BEGIN
			      "movl %%fs:(%[rseq]), %%eax\n\t"
			      "movq (%[slot], %%rax, 8), %%rax\n\t"
			      "addq %[at], %%rax\n\t"
			      "movl (%%rax), %%ecx\n\t"
			      "xorl %[nr], %[nr]\n\t"
			      /* new count: what is there less max, or 0 */
			      "movl %%ecx, %%esi\n\t"
			      "subl %[max], %%esi\n\t"
			      "cmovbl %[nr], %%esi\n\t"
			      "cmpl %%ecx, %%esi\n\t"
			      "je 2f\n\t"
			      "movl %%esi, %%ecx\n\t"
			      "5:\n\t"
			      "movl 8(%%rax, %%rcx, 4), %%edx\n\t"
			      "movl %%edx, (%[out], %q[nr], 4)\n\t"
			      "addl $1, %[nr]\n\t"
			      "addl $1, %%ecx\n\t"
			      "cmpl (%%rax), %%ecx\n\t"
			      "jne 5b\n\t"
			      /* commit */
			      "movl %%esi, (%%rax)\n\t" RSEQ_END
			      : [nr] "=&r"(nr)
			      : [rseq] "r"(__rseq_offset), [slot] "r"(slot),
				[at] "er"(at), [out] "r"(out), [max] "r"(max)
			      : "rax", "rcx", "rdx", "rsi", "memory", "cc"
			      : restart);
	return nr;
}
#endif /* RSEQ_X86_64 */

#endif
