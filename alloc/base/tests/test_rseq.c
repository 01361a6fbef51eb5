/*
 * Per-CPU stacks, arrays and lists in restartable sequences: contents, a storm
 * of signals, migration, a drainer that takes the stacks away, and an
 * interruption in front of each single instruction of every section.
 */
#include <criterion/criterion.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc/base/rseq_array.h"
#include "alloc/base/rseq_list.h"

#if RSEQ_X86_64

#define LIMIT 64u

struct fixture {
	unsigned nr_cpus;
	char *slot[MAX_CPUS];
	char *set[MAX_CPUS];
	char *empty;
	/* the same memory as arrays and as heads of lists */
	struct array_slot array[MAX_CPUS];
	struct list_slot list[MAX_CPUS];
};

static char *new_set(uint32_t limit)
{
	char *set = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(set, MAP_FAILED);
	((struct pfn_stack *)(void *)set)->limit = limit;
	return set;
}

static void fixture_make(struct fixture *f)
{
	const long nr = sysconf(_SC_NPROCESSORS_CONF);

	cr_assert_leq(nr, MAX_CPUS);
	f->nr_cpus = (unsigned)nr;
	f->empty = new_set(0);
	for (long i = 0; i < nr; i++) {
		f->slot[i] = f->set[i] = new_set(LIMIT);
		atomic_init(&f->array[i].array, (void *)f->set[i]);
		atomic_init(&f->list[i].head, (void *)f->set[i]);
	}
}

static void fixture_drop(struct fixture *f)
{
	for (unsigned i = 0; i < f->nr_cpus; i++)
		munmap(f->set[i], 4096);
	munmap(f->empty, 4096);
}

static struct pfn_stack *stack_of(const struct fixture *f, unsigned cpu)
{
	return (struct pfn_stack *)(void *)f->set[cpu];
}

/* Tokens 0 .. nr-1 must be on the stacks of all CPUs once each. */
static void assert_tokens(const struct fixture *f, unsigned nr)
{
	unsigned char seen[LIMIT * 64] = { 0 };
	unsigned total = 0;

	for (unsigned cpu = 0; cpu < f->nr_cpus; cpu++) {
		const struct pfn_stack *s = stack_of(f, cpu);

		cr_assert_leq(s->count, s->limit);
		for (uint32_t i = 0; i < s->count; i++) {
			cr_assert_lt(s->pfn[i], nr, "token %u", s->pfn[i]);
			cr_assert_eq(seen[s->pfn[i]]++, 0, "token %u twice",
				     s->pfn[i]);
			total++;
		}
	}
	cr_assert_eq(total, nr, "%u of %u tokens are left", total, nr);
}

static bool usable(void)
{
	if (rseq_available())
		return true;
	cr_skip_test("no restartable sequences here");
	return false;
}

static void stay_on_one_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
}

Test(rseq, a_stack_is_last_in_first_out_and_bounded)
{
	struct fixture f;

	if (!usable())
		return;
	fixture_make(&f);
	stay_on_one_cpu();
	cr_assert_not(pfn_valid(stack_pop(f.slot, 0)));
	for (uint32_t i = 0; i < LIMIT; i++)
		cr_assert(stack_push(f.slot, 0, (pfn_t){ i }));
	cr_assert_not(stack_push(f.slot, 0, (pfn_t){ LIMIT }));
	for (uint32_t i = LIMIT; i-- > 0;)
		cr_assert_eq(stack_pop(f.slot, 0).v, i);
	cr_assert_not(pfn_valid(stack_pop(f.slot, 0)));
	fixture_drop(&f);
}

/* --- many threads ------------------------------------------------------- */

struct team {
	struct fixture f;
	_Atomic bool stop;
	_Atomic uint64_t moved;
};

static bool team_stopped(struct team *t)
{
	/* relaxed: only has to be seen eventually */
	return atomic_load_explicit(&t->stop, memory_order_relaxed);
}

/* Pops a token and pushes it again, for ever; what does not fit is kept until
 * it does. */
static void *juggle(void *arg)
{
	struct team *t = arg;
	uint64_t moved = 0;

	while (!team_stopped(t)) {
		pfn_t token = stack_pop(t->f.slot, 0);

		if (!pfn_valid(token)) {
			sched_yield();
			continue;
		}
		while (!stack_push(t->f.slot, 0, token))
			sched_yield();
		moved++;
	}
	/* relaxed: read after the join */
	atomic_fetch_add_explicit(&t->moved, moved, memory_order_relaxed);
	return NULL;
}

static void on_signal(int sig)
{
	(void)sig;
}

/* Sends both threads around the CPUs and through signal handlers. */
static void storm(pthread_t *thread, unsigned nr, unsigned rounds)
{
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGUSR1, &action, NULL);
	for (unsigned i = 0; i < rounds; i++) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET((int)(i / 3 % (unsigned)cpus), &set);
		pthread_setaffinity_np(thread[i % nr], sizeof(set), &set);
		pthread_kill(thread[i % nr], SIGUSR1);
		usleep(i % 7 * 10);
	}
}

static void start_tokens(struct fixture *f, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		struct pfn_stack *s = stack_of(f, i % f->nr_cpus);

		s->pfn[s->count++] = i;
	}
}

Test(rseq, no_token_is_lost_in_a_storm_of_signals_and_migrations, .timeout = 60)
{
	struct team t = { 0 };
	pthread_t thread[3];

	if (!usable())
		return;
	fixture_make(&t.f);
	start_tokens(&t.f, 24);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(pthread_create(&thread[i], NULL, juggle, &t), 0);
	storm(thread, 3, 5000);
	/* relaxed: see team_stopped() */
	atomic_store_explicit(&t.stop, true, memory_order_relaxed);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	/* relaxed: the writers were joined */
	cr_assert_gt(atomic_load_explicit(&t.moved, memory_order_relaxed), 0);
	assert_tokens(&t.f, 24);
	fixture_drop(&t.f);
}

static void *take_away(void *arg)
{
	struct team *t = arg;

	while (!team_stopped(t)) {
		uint32_t sum = 0;

		for (unsigned cpu = 0; cpu < t->f.nr_cpus; cpu++)
			__atomic_store_n(&t->f.slot[cpu], t->f.empty,
					 __ATOMIC_RELEASE);
		cr_assert_eq(rseq_fence_all(), 0);
		/* ours alone now: what is read twice must be the same */
		for (unsigned cpu = 0; cpu < t->f.nr_cpus; cpu++)
			sum += stack_of(&t->f, cpu)->count;
		for (unsigned i = 0; i < 100; i++)
			__asm__ volatile("" ::: "memory");
		for (unsigned cpu = 0; cpu < t->f.nr_cpus; cpu++)
			sum -= stack_of(&t->f, cpu)->count;
		cr_assert_eq(sum, 0, "somebody changed a detached stack");
		for (unsigned cpu = 0; cpu < t->f.nr_cpus; cpu++)
			__atomic_store_n(&t->f.slot[cpu], t->f.set[cpu],
					 __ATOMIC_RELEASE);
		usleep(50);
	}
	return NULL;
}

Test(rseq, a_detached_set_belongs_to_the_drainer, .timeout = 60)
{
	struct team t = { 0 };
	pthread_t thread[3];

	if (!usable())
		return;
	fixture_make(&t.f);
	start_tokens(&t.f, 16);
	cr_assert_eq(pthread_create(&thread[0], NULL, juggle, &t), 0);
	cr_assert_eq(pthread_create(&thread[1], NULL, juggle, &t), 0);
	cr_assert_eq(pthread_create(&thread[2], NULL, take_away, &t), 0);
	storm(thread, 2, 3000);
	/* relaxed: see team_stopped() */
	atomic_store_explicit(&t.stop, true, memory_order_relaxed);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	assert_tokens(&t.f, 16);
	fixture_drop(&t.f);
}

/* --- an abort at each instruction --------------------------------------- */

struct rseq_descriptor {
	uint32_t version, flags;
	uint64_t start, length, abort;
};

extern const struct rseq_descriptor __start___rseq_cs[];
extern const struct rseq_descriptor __stop___rseq_cs[];

static NOINLINE bool one_push(char *const *slot)
{
	return stack_push(slot, 0, (pfn_t){ 77 });
}

static NOINLINE uint32_t one_pop(char *const *slot)
{
	return stack_pop(slot, 0).v;
}

static NOINLINE bool one_push_run(char *const *slot)
{
	return stack_push_run(slot, 0, (pfn_t){ 77 }, 2, 3);
}

static NOINLINE bool one_pop_run(char *const *slot)
{
	pfn_t out[3] = { { 0 } };
	uint32_t nr = stack_pop_run(slot, 0, out, 3);

	return nr == 3 && out[0].v == 5 && out[1].v == 6 && out[2].v == 7;
}

/* The same memory as arrays of objects, whose addresses are the tokens. */
static struct object_array *array_of(const struct fixture *f, unsigned cpu)
{
	return (struct object_array *)(void *)f->set[cpu];
}

static struct array_slots array_slots(const struct fixture *f)
{
	return (struct array_slots){ (struct array_slot *)f->array };
}

static NOINLINE bool one_array_push(const struct fixture *f)
{
	const struct array_slots slots = array_slots(f);

	return array_push(&slots, LIMIT, (void *)77);
}

static NOINLINE void *one_array_pop(const struct fixture *f)
{
	const struct array_slots slots = array_slots(f);

	return array_pop(&slots, LIMIT);
}

/* What is interrupted: the stacks, or arrays, hold `before` pfns 5, 6, ... and
 * one of them afterwards `change` more; run: 0 or the exit status. */
struct operation {
	uintptr_t function;
	uint32_t before;
	int change;
	int (*run)(const struct fixture *f);
};

static int run_array_push(const struct fixture *f)
{
	return !one_array_push(f);
}

static int run_array_pop(const struct fixture *f)
{
	return one_array_pop(f) != (void *)5;
}

static int run_push(const struct fixture *f)
{
	return !one_push(f->slot);
}

static int run_pop(const struct fixture *f)
{
	return one_pop(f->slot) != 5;
}

static int run_push_run(const struct fixture *f)
{
	return !one_push_run(f->slot);
}

static int run_pop_run(const struct fixture *f)
{
	return !one_pop_run(f->slot);
}

/* The descriptor of the section inside the function at `function`. */
static const struct rseq_descriptor *section_of(uintptr_t function)
{
	const struct rseq_descriptor *best = NULL;

	for (const struct rseq_descriptor *d = __start___rseq_cs;
	     d < __stop___rseq_cs; d++)
		if (d->start >= function && (!best || d->start < best->start))
			best = d;
	return best;
}

/* Addresses of the section's instructions, by objdump. */
static unsigned instructions(const struct rseq_descriptor *d, uint64_t *out,
			     unsigned max)
{
	extern const char __executable_start[];
	const uint64_t base = (uint64_t)(uintptr_t)__executable_start;
	char command[256], line[512], self[128];
	unsigned nr = 0;
	FILE *pipe;
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	cr_assert_gt(len, 0);
	self[len] = 0;
	snprintf(command, sizeof(command),
		 "objdump -dw --start-address=%#llx --stop-address=%#llx %s",
		 (unsigned long long)(d->start - base),
		 (unsigned long long)(d->start + d->length - base), self);
	pipe = popen(command, "r");
	cr_assert_not_null(pipe);
	while (fgets(line, sizeof(line), pipe)) {
		unsigned long long at;
		char colon;

		if (sscanf(line, " %llx%c\t", &at, &colon) == 2 &&
		    colon == ':' && nr < max)
			out[nr++] = base + at;
	}
	pclose(pipe);
	return nr;
}

/* Replaces the byte at `at`; returns what was there. */
static long poke_byte(pid_t child, uint64_t at, long byte)
{
	long word = ptrace(PTRACE_PEEKTEXT, child, (void *)at, NULL);

	ptrace(PTRACE_POKETEXT, child, (void *)at,
	       (void *)((word & ~0xffL) | byte));
	return word & 0xff;
}

/* Lets the child run into a breakpoint at `at`, and stand there. False: its way
 * does not lead there, and it is done. */
static bool run_to(pid_t child, uint64_t at)
{
	struct user_regs_struct regs;
	long byte = poke_byte(child, at, 0xcc);
	int status;

	cr_assert_eq(ptrace(PTRACE_CONT, child, NULL, NULL), 0);
	cr_assert_eq(waitpid(child, &status, 0), child);
	if (WIFEXITED(status))
		return false;
	cr_assert(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP,
		  "no stop at %#llx: status %#x", (unsigned long long)at,
		  status);
	poke_byte(child, at, byte);
	ptrace(PTRACE_GETREGS, child, NULL, &regs);
	cr_assert_eq(regs.rip, at + 1);
	regs.rip = at;
	ptrace(PTRACE_SETREGS, child, NULL, &regs);
	return true;
}

/* A child that stands in front of run(). */
static pid_t start_traced(const struct fixture *f,
			  int (*run)(const struct fixture *f))
{
	pid_t child = fork();
	int status;

	cr_assert_geq(child, 0);
	if (!child) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(run(f));
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFSTOPPED(status));
	return child;
}

/* From `at` the kernel sends the child to the abort handler, and its run() is
 * right in the end. */
static void assert_aborts(pid_t child, uint64_t at, uint64_t abort_at)
{
	int status;

	cr_assert(run_to(child, abort_at));
	cr_assert_eq(ptrace(PTRACE_CONT, child, NULL, NULL), 0);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		  "status %#x after an abort at %#llx", status,
		  (unsigned long long)at);
}

/* One operation in a child that is stopped in front of the instruction at
 * `at`: the kernel must send it to the abort handler, after which it is done
 * once and once only. False: it did not come by. */
static bool interrupt_at(const struct fixture *f, const struct operation *op,
			 uint64_t at, uint64_t abort_at)
{
	pid_t child = start_traced(f, op->run);

	if (!run_to(child, at))
		return false;
	assert_aborts(child, at, abort_at);
	return true;
}

static void fill_arrays(const struct fixture *f, uint32_t count)
{
	for (unsigned cpu = 0; cpu < f->nr_cpus; cpu++) {
		struct object_array *a = array_of(f, cpu);

		a->size = count;
		for (uintptr_t i = 0; i < LIMIT; i++)
			a->object[i] = i < count ? (void *)(5 + i) : NULL;
	}
}

/* How many are there; what was pushed beyond `before` is as it should be. */
static uint32_t count_arrays(const struct fixture *f, uint32_t before)
{
	uint32_t total = 0;

	for (unsigned cpu = 0; cpu < f->nr_cpus; cpu++) {
		const struct object_array *a = array_of(f, cpu);

		for (uint32_t i = before; i < a->size; i++)
			cr_assert_eq(a->object[i], (void *)77);
		total += a->size;
	}
	return total;
}

static void fill_all(const struct fixture *f, uint32_t count)
{
	for (unsigned cpu = 0; cpu < f->nr_cpus; cpu++) {
		struct pfn_stack *s = stack_of(f, cpu);

		s->count = count;
		for (uint32_t i = 0; i < LIMIT; i++)
			s->pfn[i] = i < count ? 5 + i : 0;
	}
}

/* A run leaves pfns 77, 75, 73 where it was pushed. */
static void assert_pushed_run(const struct fixture *f, uint32_t before)
{
	for (unsigned cpu = 0; cpu < f->nr_cpus; cpu++) {
		const struct pfn_stack *s = stack_of(f, cpu);

		for (uint32_t i = before; i < s->count; i++)
			cr_assert_eq(s->pfn[i], 77 - 2 * (i - before));
	}
}

static void interrupt_each(const struct operation *op, bool on_arrays)
{
	const struct rseq_descriptor *d = section_of(op->function);
	uint64_t at[32];
	struct fixture f;
	unsigned nr;

	fixture_make(&f);
	cr_assert_not_null(d);
	nr = instructions(d, at, ARRAY_SIZE(at));
	cr_assert_geq(nr, 8, "%u instructions seen", nr);
	for (unsigned i = 0; i < nr; i++) {
		uint32_t total = 0;

		if (on_arrays)
			fill_arrays(&f, op->before);
		else
			fill_all(&f, op->before);
		cr_assert(interrupt_at(&f, op, at[i], d->abort));
		if (on_arrays)
			total = count_arrays(&f, op->before);
		for (unsigned cpu = 0; cpu < f.nr_cpus && !on_arrays; cpu++)
			total += stack_of(&f, cpu)->count;
		cr_assert_eq(total,
			     f.nr_cpus * op->before + (uint32_t)op->change,
			     "instruction %u", i);
		if (op->change > 0 && !on_arrays)
			assert_pushed_run(&f, op->before);
	}
	fixture_drop(&f);
}

static void interrupt_everywhere(const struct operation *op)
{
	interrupt_each(op, false);
}

Test(rseq, a_push_that_is_interrupted_at_any_instruction_happens_once,
     .timeout = 60)
{
	if (usable())
		interrupt_everywhere(&(struct operation){ (uintptr_t)one_push,
							  1, 1, run_push });
}

Test(rseq, a_pop_that_is_interrupted_at_any_instruction_happens_once,
     .timeout = 60)
{
	if (usable())
		interrupt_everywhere(&(struct operation){ (uintptr_t)one_pop, 1,
							  -1, run_pop });
}

Test(rseq, a_run_that_is_interrupted_at_any_instruction_happens_once,
     .timeout = 120)
{
	if (!usable())
		return;
	interrupt_everywhere(&(struct operation){ (uintptr_t)one_push_run, 2, 3,
						  run_push_run });
	interrupt_everywhere(&(struct operation){ (uintptr_t)one_pop_run, 3, -3,
						  run_pop_run });
}

Test(rseq, an_array_that_is_interrupted_at_any_instruction_changes_once,
     .timeout = 60)
{
	const struct operation push = { (uintptr_t)one_array_push, 1, 1,
					run_array_push };
	const struct operation pop = { (uintptr_t)one_array_pop, 1, -1,
				       run_array_pop };

	if (!usable())
		return;
	interrupt_each(&push, true);
	interrupt_each(&pop, true);
}

Test(rseq, arrays_have_the_limit_of_their_caller_and_can_be_held)
{
	struct object_array held_one = { .size = OBJECT_ARRAY_HELD };
	struct array_slots slots;
	unsigned cpu, elsewhere;
	struct fixture f;

	if (!usable())
		return;
	fixture_make(&f);
	stay_on_one_cpu();
	cpu = rseq_current_cpu();
	elsewhere = (cpu + 1) % f.nr_cpus;
	fill_arrays(&f, 0);
	slots = array_slots(&f);
	cr_assert_null(array_pop(&slots, 3));
	for (uintptr_t i = 1; i <= 3; i++)
		cr_assert(array_push(&slots, 3, (void *)i));
	cr_assert_not(array_push(&slots, 3, (void *)4));
	cr_assert(array_slot_set(&slots, cpu, &held_one));
	cr_assert_not(array_push(&slots, UINT32_MAX, (void *)4));
	cr_assert_null(array_pop(&slots, INT32_MAX));
	cr_assert(array_slot_set(&slots, cpu, array_of(&f, cpu)));
	for (uintptr_t i = 3; i >= 1; i--)
		cr_assert_eq(array_pop(&slots, 3), (void *)i);
	cr_assert_null(array_pop(&slots, 0));
	cr_assert(elsewhere == cpu ||
		  !array_slot_set(&slots, elsewhere, &held_one));
	fixture_drop(&f);
}

/* --- lists -----------------------------------------------------------------
 */

#define LINK  16u   /* bytes from an object's start to its link */
#define BLOCK 1024u /* the range of a list, the length of a block */

static struct list_head *head_of(const struct fixture *f, unsigned cpu)
{
	return (struct list_head *)(void *)f->set[cpu];
}

static struct list_slots list_slots(const struct fixture *f)
{
	return (struct list_slots){ (struct list_slot *)f->list };
}

/* Objects of every CPU's range are at the same places: `near` ones in CPU 0's
 * set, which all ranges are; far ones in no range. */
static char *near(const struct fixture *f, unsigned i)
{
	return f->set[0] + BLOCK + (size_t)i * 64;
}

static char *far(const struct fixture *f, unsigned i)
{
	return f->set[0] + 2 * BLOCK + (size_t)i * 64;
}

static void *link_of(const char *object)
{
	return *(void *const *)(const void *)(object + LINK);
}

static NOINLINE void *one_list_pop(const struct fixture *f)
{
	const struct list_slots slots = list_slots(f);

	return list_pop(&slots, LINK);
}

static NOINLINE bool one_list_push(const struct fixture *f, void *object)
{
	const struct list_slots slots = list_slots(f);

	return list_push(&slots, LINK, object);
}

static NOINLINE void *one_list_free(const struct fixture *f, void *object)
{
	const struct list_slots slots = list_slots(f);

	return list_push_or_put_off(&slots, LINK, BLOCK, object);
}

static NOINLINE void *one_list_take_up(const struct fixture *f)
{
	const struct list_slots slots = list_slots(f);

	return list_take_up(&slots);
}

static NOINLINE bool one_list_hand_out(const struct fixture *f, void *object,
				       char *block)
{
	const struct list_slots slots = list_slots(f);

	return list_hand_out(&slots, object, block);
}

#define NOTE 7u /* of the frame that all objects lie in */

static NOINLINE void *one_list_pop_or_hand_out(const struct fixture *f,
					       bool *handed)
{
	static const _Atomic uint16_t note[1] = { NOTE };
	const struct list_slots slots = list_slots(f);
	const struct list_notes notes = { note, f->set[0], 64 };

	return list_pop_or_hand_out(&slots, LINK, &notes, handed);
}

static int run_list_pop(const struct fixture *f)
{
	return one_list_pop(f) != near(f, 1);
}

static int run_list_push(const struct fixture *f)
{
	return !one_list_push(f, near(f, 3));
}

static int run_list_free_near(const struct fixture *f)
{
	return one_list_free(f, near(f, 3)) != near(f, 3);
}

static int run_list_free_far(const struct fixture *f)
{
	return one_list_free(f, far(f, 3)) != far(f, 1);
}

static int run_list_take_up(const struct fixture *f)
{
	return one_list_take_up(f) != far(f, 1);
}

static int run_list_hand_out(const struct fixture *f)
{
	return !one_list_hand_out(f, far(f, 1), far(f, 0));
}

static int run_list_pop_else(const struct fixture *f)
{
	bool handed;

	return one_list_pop_or_hand_out(f, &handed) != near(f, 1) || handed;
}

static int run_list_hand_out_else(const struct fixture *f)
{
	bool handed;

	return one_list_pop_or_hand_out(f, &handed) != far(f, 1) || !handed;
}

/* near 1 -> near 2 on the list, far 1 put off. */
static struct list_head head_before(const struct fixture *f)
{
	return (struct list_head){ .first = near(f, 1),
				   .tag = 9,
				   .base = near(f, 0),
				   .bytes = BLOCK,
				   .late = far(f, 1),
				   .last = LIST_NO_BLOCK };
}

/* far 1 can be handed out: it was put off, and all that is asked is so. */
static struct list_head head_to_hand_out(const struct fixture *f)
{
	return (struct list_head){ .tag = 9,
				   .base = near(f, 0),
				   .late = far(f, 1),
				   .last = far(f, 9),
				   .note = NOTE };
}

struct list_operation {
	uintptr_t function;
	int (*run)(const struct fixture *f);
	struct list_head before, after;
	const char *pushed; /* its link is near 1 afterwards; NULL: none */
};

/* The head of the CPU that it ran on is `after`, the others are as before. */
static void assert_list(const struct fixture *f,
			const struct list_operation *op, unsigned i)
{
	unsigned changed = 0;

	for (unsigned cpu = 0; cpu < f->nr_cpus; cpu++) {
		const struct list_head *h = head_of(f, cpu);

		if (!memcmp(h, &op->after, sizeof(*h)))
			changed++;
		else
			cr_assert(!memcmp(h, &op->before, sizeof(*h)),
				  "instruction %u: the head of CPU %u is none "
				  "of the two: first %p, late %p, last %p",
				  i, cpu, h->first, h->late, (void *)h->last);
	}
	cr_assert_eq(changed, 1, "instruction %u: %u heads changed", i,
		     changed);
	if (op->pushed)
		cr_assert_eq(link_of(op->pushed), near(f, 1));
}

static void interrupt_list(const struct fixture *f,
			   const struct list_operation *op)
{
	const struct rseq_descriptor *d = section_of(op->function);
	const struct operation run = { .run = op->run };
	unsigned nr, seen = 0;
	uint64_t at[32];

	cr_assert_not_null(d);
	nr = instructions(d, at, ARRAY_SIZE(at));
	for (unsigned i = 0; i < nr; i++) {
		for (unsigned cpu = 0; cpu < f->nr_cpus; cpu++)
			*head_of(f, cpu) = op->before;
		memset(near(f, 3), 0, 64);
		*(void **)(void *)(near(f, 1) + LINK) = near(f, 2);
		seen += interrupt_at(f, &run, at[i], d->abort);
		assert_list(f, op, i);
	}
	cr_assert_geq(seen, 7, "%u of %u instructions are on its way", seen,
		      nr);
}

Test(rseq, a_list_that_is_interrupted_at_any_instruction_changes_once,
     .timeout = 120)
{
	struct list_operation op;
	struct fixture f;

	if (!usable())
		return;
	fixture_make(&f);
	op = (struct list_operation){ (uintptr_t)one_list_pop, run_list_pop,
				      head_before(&f), head_before(&f), NULL };
	op.after.first = near(&f, 2);
	interrupt_list(&f, &op);
	op = (struct list_operation){ (uintptr_t)one_list_push, run_list_push,
				      head_before(&f), head_before(&f),
				      near(&f, 3) };
	op.after.first = near(&f, 3);
	interrupt_list(&f, &op);
	op.function = (uintptr_t)one_list_free;
	op.run = run_list_free_near;
	interrupt_list(&f, &op);
	op = (struct list_operation){ (uintptr_t)one_list_free,
				      run_list_free_far, head_before(&f),
				      head_before(&f), NULL };
	op.after.late = far(&f, 3);
	interrupt_list(&f, &op);
	op.function = (uintptr_t)one_list_take_up;
	op.run = run_list_take_up;
	op.after.late = NULL;
	interrupt_list(&f, &op);
	op.function = (uintptr_t)one_list_hand_out;
	op.run = run_list_hand_out;
	op.before.bytes = op.after.bytes = 0;
	op.after.last = far(&f, 0);
	interrupt_list(&f, &op);
	fixture_drop(&f);
}

Test(rseq, a_pop_or_hand_out_that_is_interrupted_changes_the_list_once,
     .timeout = 120)
{
	struct list_operation op;
	struct fixture f;

	if (!usable())
		return;
	fixture_make(&f);
	stay_on_one_cpu(); /* for the other case see the next test */
	op = (struct list_operation){ (uintptr_t)one_list_pop_or_hand_out,
				      run_list_pop_else, head_before(&f),
				      head_before(&f), NULL };
	op.after.first = near(&f, 2);
	interrupt_list(&f, &op);
	op.run = run_list_hand_out_else;
	op.before = op.after = head_to_hand_out(&f);
	op.after.late = NULL;
	op.after.last = far(&f, 0);
	interrupt_list(&f, &op);
	fixture_drop(&f);
}

/* One that is moved from CPU 0 to CPU 1 in front of the instruction at `at`. */
static bool move_at(const struct fixture *f, uint64_t at, uint64_t abort_at)
{
	cpu_set_t one;
	pid_t child;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	child = start_traced(f, run_list_hand_out_else);
	cr_assert_eq(sched_setaffinity(child, sizeof(one), &one), 0);
	if (!run_to(child, at))
		return false;
	CPU_ZERO(&one);
	CPU_SET(1, &one);
	cr_assert_eq(sched_setaffinity(child, sizeof(one), &one), 0);
	assert_aborts(child, at, abort_at);
	return true;
}

Test(rseq, a_hand_out_that_is_moved_leaves_the_object_behind, .timeout = 120)
{
	const struct rseq_descriptor *d =
		section_of((uintptr_t)one_list_pop_or_hand_out);
	struct list_head before, named, after;
	unsigned nr, unnamed = 0, behind = 0;
	struct fixture f;
	uint64_t at[32];
	cpu_set_t mine;

	if (!usable())
		return;
	cr_assert_eq(sched_getaffinity(0, sizeof(mine), &mine), 0);
	if (!CPU_ISSET(0, &mine) || !CPU_ISSET(1, &mine)) {
		cr_skip_test("CPU 0 and CPU 1 are not both ours");
		return;
	}
	fixture_make(&f);
	before = named = after = head_to_hand_out(&f);
	named.last = after.last = far(&f, 0);
	after.late = NULL;
	cr_assert_not_null(d);
	nr = instructions(d, at, ARRAY_SIZE(at));
	for (unsigned i = 0; i < nr; i++) {
		*head_of(&f, 0) = *head_of(&f, 1) = before;
		if (!move_at(&f, at[i], d->abort))
			continue;
		cr_assert(!memcmp(head_of(&f, 1), &after, sizeof(after)));
		if (!memcmp(head_of(&f, 0), &before, sizeof(before)))
			unnamed++;
		else if (!memcmp(head_of(&f, 0), &named, sizeof(named)))
			behind++;
		else
			cr_assert(false,
				  "instruction %u: CPU 0 lost the "
				  "object",
				  i);
	}
	/* both happen: moved before the block is named, and after */
	cr_assert_gt(unnamed, 0);
	cr_assert_gt(behind, 0);
	fixture_drop(&f);
}

Test(rseq, a_list_puts_one_object_off)
{
	struct list_head held = LIST_HEAD_HELD, before;
	struct list_slots slots;
	struct fixture f;
	unsigned cpu;

	if (!usable())
		return;
	fixture_make(&f);
	stay_on_one_cpu();
	cpu = rseq_current_cpu();
	slots = list_slots(&f);
	before = head_before(&f);
	before.late = NULL;
	*head_of(&f, cpu) = before;
	/* the first is put off, the second returns it */
	cr_assert_null(one_list_free(&f, far(&f, 1)));
	cr_assert_eq(one_list_free(&f, far(&f, 2)), far(&f, 1));
	/* not handed out while there is a range, or instead of another */
	cr_assert_not(one_list_hand_out(&f, far(&f, 2), far(&f, 0)));
	head_of(&f, cpu)->bytes = 0;
	cr_assert_not(one_list_hand_out(&f, far(&f, 1), far(&f, 0)));
	cr_assert(one_list_hand_out(&f, far(&f, 2), far(&f, 0)));
	cr_assert_null(one_list_take_up(&f));
	/* none of the block of the last one is put off */
	cr_assert_eq(one_list_free(&f, far(&f, 5)), LIST_REFUSED);
	cr_assert_eq(one_list_free(&f, far(&f, 0) + BLOCK - 1), LIST_REFUSED);
	cr_assert_null(one_list_free(&f, far(&f, 0) + BLOCK));
	cr_assert_eq(one_list_free(&f, far(&f, 0) - 64), far(&f, 0) + BLOCK);
	/* a held head does nothing */
	cr_assert(list_slot_set(&slots, cpu, &held));
	cr_assert_eq(one_list_free(&f, near(&f, 1)), LIST_REFUSED);
	cr_assert_null(one_list_take_up(&f));
	cr_assert_not(one_list_push(&f, near(&f, 1)));
	cr_assert_null(one_list_pop(&f));
	cr_assert_not(one_list_hand_out(&f, far(&f, 1), far(&f, 0)));
	fixture_drop(&f);
}

Test(rseq, a_list_hands_out_what_was_put_off_and_nothing_else)
{
	struct list_head head[6], held = LIST_HEAD_HELD, after;
	struct list_slots slots;
	struct fixture f;
	bool handed;
	unsigned cpu;

	if (!usable())
		return;
	fixture_make(&f);
	stay_on_one_cpu();
	cpu = rseq_current_cpu();
	slots = list_slots(&f);
	for (unsigned i = 0; i < ARRAY_SIZE(head); i++)
		head[i] = head_to_hand_out(&f);
	head[0].late = NULL;
	head[1].late = LIST_REFUSED;
	head[2].bytes = BLOCK;
	head[3].last = LIST_NO_BLOCK;
	head[4].note = NOTE + 1;
	head[5].note = NOTE | 0x10000;
	for (unsigned i = 0; i < ARRAY_SIZE(head); i++) {
		*head_of(&f, cpu) = head[i];
		handed = true;
		cr_assert_null(one_list_pop_or_hand_out(&f, &handed), "head %u",
			       i);
		cr_assert_not(handed);
		cr_assert(!memcmp(head_of(&f, cpu), &head[i], sizeof(head[i])),
			  "head %u was changed", i);
	}
	*head_of(&f, cpu) = after = head_to_hand_out(&f);
	cr_assert(list_slot_set(&slots, cpu, &held));
	cr_assert_null(one_list_pop_or_hand_out(&f, &handed));
	cr_assert(list_slot_set(&slots, cpu, head_of(&f, cpu)));
	cr_assert_eq(one_list_pop_or_hand_out(&f, &handed), far(&f, 1));
	cr_assert(handed);
	after.late = NULL;
	after.last = far(&f, 0);
	cr_assert(!memcmp(head_of(&f, cpu), &after, sizeof(after)));
	fixture_drop(&f);
}

Test(rseq, runs_are_whole_and_bounded)
{
	pfn_t out[LIMIT];
	struct fixture f;

	if (!usable())
		return;
	fixture_make(&f);
	stay_on_one_cpu();
	cr_assert_eq(stack_pop_run(f.slot, 0, out, 5), 0);
	cr_assert(stack_push_run(f.slot, 0, (pfn_t){ 100 }, 4, 10));
	cr_assert_not(stack_push_run(f.slot, 0, (pfn_t){ 1000 }, 1, LIMIT - 9));
	cr_assert(stack_push_run(f.slot, 0, (pfn_t){ 1000 }, 1, LIMIT - 10));
	cr_assert_not(stack_push(f.slot, 0, (pfn_t){ 1 }));
	cr_assert_eq(stack_pop_run(f.slot, 0, out, LIMIT - 10), LIMIT - 10);
	cr_assert_eq(out[0].v, 1000);
	cr_assert_eq(stack_pop(f.slot, 0).v, 64);
	cr_assert_eq(stack_pop_run(f.slot, 0, out, LIMIT), 9);
	cr_assert_eq(out[0].v, 100);
	cr_assert_eq(out[8].v, 68);
	fixture_drop(&f);
}

#endif
