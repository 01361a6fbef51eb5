/*
 * Threads against an engine: random orders, types and interfaces, frees of
 * other threads' blocks, drains in between, and an owner word per page that
 * every thread checks; meanwhile the main thread moves them from CPU to CPU and
 * sends them signals. A main of its own, because Criterion does not start
 * under ThreadSanitizer. Engines are reached through their tables.
 *
 *   torture_page [--seconds N] [--threads N] [--engine NAME]
 *
 * Without --engine each engine that has frames, for N seconds (1). Exit status
 * 0, or 1 after a line on stderr.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "alloc/base/tests/xorshift.h"
#include "alloc/page/page_alloc.h"
#include "alloc/page/tests/small_machine.h"
#include "alloc/page/tests/command_line.h"
#include "harness/bind.h"

#define MAX_THREADS 64
#define HELD        256u
#define RING        64u
#define BULK        24u

struct held {
	pfn_t pfn;
	unsigned order;
	uint32_t owner;
};

/* One producer, one consumer: blocks that another thread shall free. */
struct ring {
	struct held slot[RING];
	_Atomic uint32_t head, tail;
} CACHELINE;

struct torture {
	struct machine *m;
	struct page_engine *e;
	_Atomic uint32_t *owner; /* [end_pfn]; 0 nobody */
	_Atomic bool stop;
	_Atomic uint32_t next_owner;
	unsigned nr;
	struct ring ring[MAX_THREADS];
};

struct thread {
	struct torture *t;
	pthread_t id;
	unsigned index;
	uint64_t rng, ops;
	struct zone_counters counters[2 * MAX_NR_ZONES];
	struct page_ctx ctx;
	struct held held[HELD];
	unsigned nr_held;
} CACHELINE;

static _Noreturn void die(const char *engine, const char *what, unsigned pfn)
{
	fprintf(stderr, "torture: %s: %s (pfn %u)\n", engine, what, pfn);
	exit(1);
}

static uint64_t draw(struct thread *w, uint64_t n)
{
	return xorshift_below(&w->rng, n);
}

/* The frames are ours from here on: nobody else's mark may be on them. */
static void mark(struct thread *w, pfn_t pfn, unsigned order, uint32_t owner)
{
	for (uint32_t i = 0; i < 1u << order; i++) {
		uint32_t nobody = 0;

		/* relaxed: the allocator orders one owner after the other */
		if (!atomic_compare_exchange_strong_explicit(
			    &w->t->owner[pfn.v + i], &nobody, owner,
			    memory_order_relaxed, memory_order_relaxed))
			die(w->ctx.ops->name, "handed out twice", pfn.v + i);
	}
}

static void keep(struct thread *w, pfn_t pfn, unsigned order)
{
	struct held *h = &w->held[w->nr_held++];

	h->pfn = pfn;
	h->order = order;
	/* relaxed: only has to be unique */
	h->owner = atomic_fetch_add_explicit(&w->t->next_owner, 1,
					     memory_order_relaxed);
	mark(w, pfn, order, h->owner);
}

static void clear(struct thread *w, const struct held *h)
{
	for (uint32_t i = 0; i < 1u << h->order; i++)
		/* relaxed: see mark() */
		if (atomic_exchange_explicit(&w->t->owner[h->pfn.v + i], 0,
					     memory_order_relaxed) != h->owner)
			die(w->ctx.ops->name, "owner changed", h->pfn.v + i);
}

static void give(struct thread *w, const struct held *h)
{
	clear(w, h);
	free_pages(&w->ctx, h->pfn, h->order);
}

static bool ring_put(struct ring *r, const struct held *h)
{
	/* relaxed: ours alone */
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	/* ACQ(torture-ring): the slot was read; pairs with REL(torture-ring) */
	if (head - atomic_load_explicit(&r->tail, memory_order_acquire) == RING)
		return false;
	r->slot[head % RING] = *h;
	/* REL(torture-ring): the slot is filled */
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
	return true;
}

static bool ring_get(struct ring *r, struct held *h)
{
	/* relaxed: ours alone */
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	/* ACQ(torture-ring): the slot is filled; pairs with REL(torture-ring)
	 */
	if (tail == atomic_load_explicit(&r->head, memory_order_acquire))
		return false;
	*h = r->slot[tail % RING];
	/* REL(torture-ring): the slot was read */
	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
	return true;
}

static gfp_t random_gfp(struct thread *w)
{
	static const gfp_t masks[] = {
		GFP_KERNEL,
		GFP_HIGHUSER_MOVABLE,
		GFP_KERNEL | GFP_BIT_RECLAIMABLE,
		GFP_ATOMIC,
		GFP_KERNEL | GFP_BIT_DMA32,
		GFP_NOWAIT | GFP_BIT_COMP,
	};

	return masks[draw(w, ARRAY_SIZE(masks))];
}

static void step_bulk(struct thread *w)
{
	pfn_t pfn[BULK];
	unsigned got;

	for (unsigned i = 0; i < BULK; i++)
		pfn[i] = PFN_NONE;
	got = alloc_pages_bulk(&w->ctx, random_gfp(w), BULK, pfn);
	for (unsigned i = 0; i < got; i++)
		mark(w, pfn[i], 0, 1);
	for (unsigned i = 0; i < got; i++)
		clear(w, &(struct held){ pfn[i], 0, 1 });
	free_pages_bulk(&w->ctx, got, pfn);
}

static void step_exact(struct thread *w)
{
	const uint64_t bytes = 1 + draw(w, 40 * PAGE_SIZE);
	pfn_t pfn = alloc_pages_exact(&w->ctx, random_gfp(w), bytes);
	const uint32_t pages =
		(uint32_t)((bytes + PAGE_SIZE - 1) >> PAGE_SHIFT);

	if (!pfn_valid(pfn))
		return;
	for (uint32_t i = 0; i < pages; i++)
		mark(w, (pfn_t){ pfn.v + i }, 0, 2);
	for (uint32_t i = 0; i < pages; i++)
		clear(w, &(struct held){ { pfn.v + i }, 0, 2 });
	free_pages_exact(&w->ctx, pfn, bytes);
}

static void step_alloc(struct thread *w)
{
	unsigned order = 0;
	pfn_t pfn;

	while (order < MAX_PAGE_ORDER && !draw(w, 3))
		order++;
	pfn = alloc_pages(&w->ctx, random_gfp(w), order);
	if (pfn_valid(pfn))
		keep(w, pfn, order);
}

static void step_free(struct thread *w)
{
	const unsigned i = (unsigned)draw(w, w->nr_held);
	const struct held h = w->held[i];

	w->held[i] = w->held[--w->nr_held];
	/* one in four is freed by the next thread */
	if (draw(w, 4) || !ring_put(&w->t->ring[w->index], &h))
		give(w, &h);
}

static void *torture_thread(void *arg)
{
	struct thread *w = arg;
	struct torture *t = w->t;
	struct ring *mine = &t->ring[(w->index + t->nr - 1) % t->nr];
	struct held h;

	if (page_ctx_enter(&w->ctx, t->e, (uint16_t)(w->index % 4), w->counters,
			   NULL))
		die(t->e->ops->name, "thread_enter failed", 0);
	/* relaxed: only has to be seen eventually */
	while (!atomic_load_explicit(&t->stop, memory_order_relaxed)) {
		const unsigned what = (unsigned)draw(w, 64);

		w->ops++;
		if (ring_get(mine, &h))
			give(w, &h);
		if (what == 0)
			t->e->ops->drain(t->e, &w->ctx);
		else if (what < 4)
			step_bulk(w);
		else if (what < 8)
			step_exact(w);
		else if (w->nr_held && (w->nr_held == HELD || what < 36))
			step_free(w);
		else
			step_alloc(w);
	}
	while (w->nr_held)
		give(w, &w->held[--w->nr_held]);
	page_ctx_exit(&w->ctx);
	return NULL;
}

/* After the join, by the main thread in the place of thread 0: the rings' rest,
 * drain, verify, every page back. */
static void finish(struct torture *t, struct thread *w, uint64_t boot_pages)
{
	const char *name = t->e->ops->name;
	struct free_block_list now;
	const char *broken;
	struct held h;

	if (page_ctx_enter(&w->ctx, t->e, 0, w->counters, NULL))
		die(name, "thread_enter failed", 0);
	for (unsigned i = 0; i < t->nr; i++)
		while (ring_get(&t->ring[i], &h))
			give(w, &h);
	t->e->ops->drain(t->e, &w->ctx);
	broken = t->e->ops->verify(t->e);
	if (broken)
		die(name, broken, 0);
	now = free_blocks_take(t->m);
	if (now.pages != boot_pages)
		die(name, "pages are missing", (unsigned)now.pages);
	free_blocks_drop(&now);
	page_ctx_exit(&w->ctx);
}

static void on_signal(int sig)
{
	(void)sig;
}

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* For that many seconds: each fraction of a millisecond one thread gets another
 * CPU, or all of them, and a signal. */
static void storm(struct thread *thread, unsigned nr, unsigned seconds)
{
	const struct sigaction action = { .sa_handler = on_signal,
					  .sa_flags = SA_RESTART };
	const unsigned cpus = (unsigned)sysconf(_SC_NPROCESSORS_CONF);
	const int64_t end = now_us() + (int64_t)seconds * 1000000;
	cpu_set_t all, one;

	sigaction(SIGUSR1, &action, NULL);
	sched_getaffinity(0, sizeof(all), &all);
	for (unsigned i = 0; now_us() < end; i++) {
		const pthread_t id = thread[i % nr].id;
		const unsigned cpu = i / nr % (cpus + 1);

		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		/* a CPU that is not ours is refused: nothing moves then */
		pthread_setaffinity_np(id, sizeof(one),
				       cpu < cpus ? &one : &all);
		pthread_kill(id, SIGUSR1);
		usleep(i % 5 * 100);
	}
}

static void run(const struct page_ops *ops, unsigned nr, unsigned seconds,
		enum kernel_rules kernel)
{
	struct torture *t = aligned_alloc(CACHELINE_SIZE, sizeof(*t));
	struct thread *thread =
		aligned_alloc(CACHELINE_SIZE, nr * sizeof(*thread));
	struct free_block_list boot;
	uint64_t total = 0;

	if (!t || !thread)
		die(ops->name, "not enough memory", 0);
	memset(t, 0, sizeof(*t));
	memset(thread, 0, nr * sizeof(*thread));
	t->m = small_machine(kernel, 2);
	t->nr = nr;
	/* relaxed: no thread yet; 1 and 2 are bulk's and exact's */
	atomic_store_explicit(&t->next_owner, 3, memory_order_relaxed);
	machine_boot(t->m);
	boot = free_blocks_take(t->m);
	t->owner = calloc(t->m->end_pfn, sizeof(*t->owner));
	if (!t->owner || ops->create(&t->e, t->m))
		die(ops->name, "create failed", 0);
	for (unsigned i = 0; i < nr; i++) {
		thread[i].t = t;
		thread[i].index = i;
		thread[i].rng = 0x9e3779b97f4a7c15ULL * (i + 1);
		if (pthread_create(&thread[i].id, NULL, torture_thread,
				   &thread[i]))
			die(ops->name, "pthread_create failed", 0);
	}
	storm(thread, nr, seconds);
	/* relaxed: see torture_thread() */
	atomic_store_explicit(&t->stop, true, memory_order_relaxed);
	for (unsigned i = 0; i < nr; i++) {
		pthread_join(thread[i].id, NULL);
		total += thread[i].ops;
	}
	finish(t, thread, boot.pages);
	printf("torture: %s, rules of %s, %u threads: %llu operations\n",
	       ops->name, kernel == KERNEL_6_1 ? "6.1" : "6.12", nr,
	       (unsigned long long)total);
	ops->destroy(t->e);
	machine_destroy(t->m);
	free_blocks_drop(&boot);
	free(t->owner);
	free(thread);
	free(t);
}

int main(int argc, char **argv)
{
	struct torture_args args = { .seconds = 1, .threads = 3 };
	const struct page_binding *b = NULL;
	bool ran = false;

	if (!torture_args_read(&args, MAX_THREADS, argc, argv))
		return 2;
	while ((b = torture_next(&args, b))) {
		run(b->ops, args.threads, args.seconds, KERNEL_6_1);
		run(b->ops, args.threads, args.seconds, KERNEL_6_12);
		ran = true;
	}
	return !ran;
}
