/* Per-CPU stacks in restartable sequences: limits, order, and preemption. */
#include "alloc/base/rseq.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#if RSEQ_X86_64
#define LIMIT 8u

/* The same set for every CPU, so that a migration between calls is harmless. */
static struct stack_slots slots_of(struct pfn_stack *stack)
{
	struct stack_slots slots = {
		.nr_cpus = (uint32_t)sysconf(_SC_NPROCESSORS_CONF),
	};

	slots.slot = malloc(slots.nr_cpus * sizeof(slots.slot[0]));
	for (uint32_t i = 0; i < slots.nr_cpus; i++)
		slots.slot[i] = (char *)stack;
	return slots;
}

static struct pfn_stack *stack_new(void)
{
	struct pfn_stack *stack =
		calloc(1, sizeof(*stack) + LIMIT * sizeof(uint32_t));

	stack->limit = LIMIT;
	return stack;
}

Test(rseq, empty_stack_pops_none_and_full_stack_refuses, .timeout = 20)
{
	struct pfn_stack *stack = stack_new();
	struct stack_slots slots = slots_of(stack);

	if (!rseq_available())
		cr_skip_test("no rseq here");
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_not(pfn_valid(stack_pop(&slots, 0)));
	cr_assert_eq(stack->count, 0);
	for (uint32_t i = 0; i < LIMIT; i++)
		cr_assert(stack_push(&slots, 0, (pfn_t){ 100 + i }));
	cr_assert_not(stack_push(&slots, 0, (pfn_t){ 7 }));
	for (uint32_t i = LIMIT; i--;)
		cr_assert_eq(stack_pop(&slots, 0).v, 100 + i);
	cr_assert_not(pfn_valid(stack_pop(&slots, 0)));
	free(slots.slot);
	free(stack);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* Signals restart sections; nothing may be lost or doubled by that. */
Test(rseq, signals_lose_nothing, .timeout = 20)
{
	const struct itimerval often = { .it_interval = { 0, 50 },
					 .it_value = { 0, 50 } };
	const struct itimerval never = { 0 };
	struct pfn_stack *stack = stack_new();
	struct stack_slots slots = slots_of(stack);
	uint32_t seen = 0;

	if (!rseq_available())
		cr_skip_test("no rseq here");
	for (uint32_t i = 0; i < LIMIT / 2; i++)
		cr_assert(stack_push(&slots, 0, (pfn_t){ i }));
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &often, NULL);
	for (unsigned n = 0; n < 3000000; n++) {
		pfn_t a = stack_pop(&slots, 0), b = stack_pop(&slots, 0);

		cr_assert(pfn_valid(a) && pfn_valid(b) && a.v != b.v);
		cr_assert(stack_push(&slots, 0, a) && stack_push(&slots, 0, b));
	}
	setitimer(ITIMER_REAL, &never, NULL);
	cr_assert_eq(stack->count, LIMIT / 2);
	for (uint32_t i = 0; i < LIMIT / 2; i++)
		seen |= 1u << stack_pop(&slots, 0).v;
	cr_assert_eq(seen, (1u << LIMIT / 2) - 1);
	free(slots.slot);
	free(stack);
}
#endif
