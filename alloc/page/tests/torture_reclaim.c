/*
 * Threads that use a quarter more memory than the machine has, over every
 * engine: pages of their own, pages that all of them read, blocks that cannot
 * move, requests that may not wait, huge pages; swap transfers fail meanwhile.
 * With kswapd and kcompactd, and without, when all threads reclaim directly.
 * No byte may be wrong, no page lost, and every thread must get on. Then a
 * crowd that does nothing but reclaim directly, without faults: no request of
 * it may fail, since there is always something to swap. A main of its own,
 * because Criterion does not start under ThreadSanitizer.
 *
 *   torture_reclaim [--seconds N] [--threads N] [--engine NAME]
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc/base/tests/xorshift.h"
#include "alloc/page/kmap.h"
#include "alloc/page/tests/pressure.h"
#include "alloc/page/tests/command_line.h"
#include "harness/bind.h"

#define MAX_THREADS 16
#define SHARED      512u
#define HELD        32u
#define STUCK_S     60u /* no operation for so long: a livelock */
#define LOOKS       20u /* at the threads, per second */
#define CROWD       8u  /* threads */
#define CROWD_OPS   1500u
#define EVENTS      1024u
#define LOOK        512u /* bytes between the words that are looked at */

struct torture {
	struct pressure *p;
	struct owner *own, *shared;
	unsigned nr_own;
	_Atomic unsigned filled; /* threads that have filled their part */
	_Atomic unsigned ended;
	_Atomic bool stop;
};

struct thread {
	struct torture *t;
	pthread_t id;
	unsigned index, nr;
	uint64_t rng;
	_Atomic uint64_t ops;
	uint64_t failed;
	struct zone_counters counters[2 * MAX_NR_ZONES];
	struct page_ctx ctx;
	struct event_ring events;
	struct event slot[EVENTS];
	struct {
		pfn_t pfn;
		unsigned order;
	} held[HELD];
	unsigned nr_held;
} CACHELINE;

static _Noreturn void die(const char *engine, const char *what)
{
	fprintf(stderr, "torture_reclaim: %s: %s\n", engine, what);
	exit(1);
}

static uint64_t draw(struct thread *w, uint64_t n)
{
	return xorshift_below(&w->rng, n);
}

static uint64_t word_of(const struct owner *o, unsigned at)
{
	return ((uint64_t)o->id << 32 | o->generation) * 31 + at;
}

static void *open_frame(struct thread *w, pfn_t pfn)
{
	void *page = kmap_local(&w->ctx, pfn);

	if (!page)
		die(w->ctx.ops->name, "no window for a frame");
	return page;
}

static void fill(struct thread *w, const struct owner *o, pfn_t pfn)
{
	char *page = open_frame(w, pfn);

	for (unsigned at = 0; at < PAGE_SIZE; at += LOOK)
		*(uint64_t *)(void *)(page + at) = word_of(o, at);
	kunmap_local(&w->ctx, page);
}

static void look(struct thread *w, const struct owner *o, pfn_t pfn)
{
	const char *page = open_frame(w, pfn);

	for (unsigned at = 0; at < PAGE_SIZE; at += LOOK)
		if (*(const uint64_t *)(const void *)(page + at) !=
		    word_of(o, at))
			die(w->ctx.ops->name, "a page has a wrong content");
	kunmap_local(&w->ctx, page);
}

/* One access. Shared owners never change after they were filled. */
static void use(struct thread *w, struct owner *o, bool write)
{
	const struct lru_access how = { .gfp = GFP_HIGHUSER_MOVABLE,
					.flags = write ? LRU_WRITE : 0 };
	pfn_t pfn = PFN_NONE;
	int r = lru_access(&w->ctx, &o->slot, &how, &pfn);

	if (r < 0) {
		w->failed++;
		return;
	}
	if (r == LRU_ABSENT) {
		pfn = alloc_pages(&w->ctx, GFP_HIGHUSER_MOVABLE, 0);
		if (!pfn_valid(pfn)) {
			lru_cancel(&o->slot);
			w->failed++;
			return;
		}
		o->generation += write;
		fill(w, o, pfn);
		lru_add(&w->ctx, &o->slot, pfn,
			(o->file ? LRU_ADD_FILE : 0) |
				(write ? LRU_ADD_DIRTY : 0));
		return;
	}
	look(w, o, pfn);
	if (write) {
		o->generation++;
		fill(w, o, pfn);
	}
	lru_release(&o->slot);
}

static void step_blocks(struct thread *w)
{
	static const gfp_t masks[] = { GFP_KERNEL, GFP_ATOMIC, GFP_NOWAIT,
				       GFP_NOFS, GFP_KERNEL | GFP_BIT_NORETRY };
	unsigned order = (unsigned)draw(w, 4);
	gfp_t gfp = masks[draw(w, ARRAY_SIZE(masks))];
	unsigned i;

	if (w->nr_held && (w->nr_held == HELD || draw(w, 2))) {
		i = (unsigned)draw(w, w->nr_held);
		free_pages(&w->ctx, w->held[i].pfn, w->held[i].order);
		w->held[i] = w->held[--w->nr_held];
		return;
	}
	if (!draw(w, 64)) {
		order = 9;
		gfp = GFP_TRANSHUGE;
	}
	w->held[w->nr_held].pfn = alloc_pages(&w->ctx, gfp, order);
	w->held[w->nr_held].order = order;
	if (!pfn_valid(w->held[w->nr_held].pfn))
		w->failed++;
	else if (order == 9)
		free_pages(&w->ctx, w->held[w->nr_held].pfn, order);
	else
		w->nr_held++;
}

/* Memory is full before anything else: the thread's part of it. */
static void enter(struct thread *w)
{
	struct torture *t = w->t;

	w->events.slot = w->slot;
	w->events.cap = EVENTS;
	w->events.span = 1 << 20;
	if (page_ctx_enter(&w->ctx, t->p->e, (uint16_t)(w->index % 4),
			   w->counters, &w->events))
		die(t->p->e->ops->name, "thread_enter failed");
	for (unsigned i = w->index; i < t->nr_own; i += w->nr)
		use(w, &t->own[i], true);
	/* relaxed, both: only have to be seen eventually */
	atomic_fetch_add_explicit(&t->filled, 1, memory_order_relaxed);
	while (atomic_load_explicit(&t->filled, memory_order_relaxed) < w->nr)
		usleep(1000);
}

/* One of the owners that are this thread's alone. */
static struct owner *own(struct thread *w)
{
	const struct torture *t = w->t;

	return &t->own[draw(w, t->nr_own / w->nr) * w->nr + w->index];
}

static void leave(struct thread *w)
{
	page_ctx_exit(&w->ctx);
	/* relaxed: joined afterwards */
	atomic_fetch_add_explicit(&w->t->ended, 1, memory_order_relaxed);
}

static void *run_thread(void *arg)
{
	struct thread *w = arg;
	struct torture *t = w->t;

	enter(w);
	/* relaxed, both: only have to be seen eventually */
	while (!atomic_load_explicit(&t->stop, memory_order_relaxed)) {
		const unsigned what = (unsigned)draw(w, 32);

		if (what == 0)
			lru_delete(&w->ctx, &own(w)->slot);
		else if (what < 4)
			step_blocks(w);
		else if (what < 12)
			use(w, &t->shared[draw(w, SHARED)], false);
		else
			use(w, own(w), what < 22);
		atomic_fetch_add_explicit(&w->ops, 1, memory_order_relaxed);
	}
	while (w->nr_held--)
		free_pages(&w->ctx, w->held[w->nr_held].pfn,
			   w->held[w->nr_held].order);
	leave(w);
	return NULL;
}

static void *crowd_thread(void *arg)
{
	struct thread *w = arg;

	enter(w);
	for (unsigned i = 0; i < CROWD_OPS; i++) {
		use(w, own(w), draw(w, 2));
		/* relaxed: only has to be seen eventually */
		atomic_fetch_add_explicit(&w->ops, 1, memory_order_relaxed);
	}
	leave(w);
	return NULL;
}

/* Until that many seconds after memory was full, or all have ended. */
static void watch(struct thread *thread, unsigned nr, unsigned seconds)
{
	const struct torture *t = thread->t;
	uint64_t seen[MAX_THREADS] = { 0 };
	unsigned still[MAX_THREADS] = { 0 }, waited = 0;

	/* relaxed, all: they are counted */
	while (atomic_load_explicit(&t->filled, memory_order_relaxed) < nr) {
		if (waited++ == STUCK_S * LOOKS)
			die(thread->ctx.ops->name, "memory does not fill");
		usleep(1000000 / LOOKS);
	}
	for (unsigned s = 0; s < seconds * LOOKS; s++) {
		if (atomic_load_explicit(&t->ended, memory_order_relaxed) == nr)
			return;
		usleep(1000000 / LOOKS);
		for (unsigned i = 0; i < nr; i++) {
			const uint64_t ops = atomic_load_explicit(
				&thread[i].ops, memory_order_relaxed);

			still[i] = ops == seen[i] ? still[i] + 1 : 0;
			if (still[i] == STUCK_S * LOOKS && ops != CROWD_OPS)
				die(thread[i].ctx.ops->name,
				    "a thread does not get on");
			seen[i] = ops;
		}
	}
}

static struct owner *owners(unsigned nr, unsigned first, unsigned file_of)
{
	struct owner *o = calloc(nr, sizeof(*o));

	if (!o)
		die("main", "not enough memory");
	for (unsigned i = 0; i < nr; i++) {
		o[i].id = first + i;
		o[i].file = i % file_of == 0;
	}
	return o;
}

static const struct swap_faults faults = { .seed = 7,
					   .write_eio = 5000,
					   .write_enospc = 5000,
					   .write_short = 20000,
					   .read_eio = 5000,
					   .read_corrupt = 20000 };

static struct torture *torture_make(const struct page_ops *ops, bool kswapd,
				    const struct swap_faults *swap_faults)
{
	struct reclaim_config cfg = pressure_config();
	struct torture *t = calloc(1, sizeof(*t));

	if (!t)
		die(ops->name, "not enough memory");
	cfg.kswapd = cfg.kcompactd = cfg.proactive = kswapd;
	cfg.event_span = 1 << 20;
	cfg.swap.bytes = 64 << 20;
	if (swap_faults)
		cfg.swap.faults = *swap_faults;
	t->p = pressure_make(
		marked_machine(kswapd ? MARKED_I386_40M : MARKED_32M), ops,
		&cfg);
	t->nr_own = (unsigned)t->p->m->managed * 5 / 4;
	t->own = owners(t->nr_own, 1, 5);
	t->shared = owners(SHARED, t->nr_own + 1, 1);
	return t;
}

static void torture_end(struct torture *t, const char *name)
{
	const char *wrong;

	for (unsigned i = 0; i < t->nr_own; i++)
		lru_delete(&t->p->ctx, &t->own[i].slot);
	for (unsigned i = 0; i < SHARED; i++)
		lru_delete(&t->p->ctx, &t->shared[i].slot);
	wrong = pressure_end(t->p);
	if (wrong)
		die(name, wrong);
	free(t->own);
	free(t->shared);
	free(t);
}

static struct thread *start(struct torture *t, unsigned nr,
			    void *(*run)(void *))
{
	const char *name = t->p->e->ops->name;
	struct thread *thread =
		aligned_alloc(CACHELINE_SIZE, nr * sizeof(*thread));

	if (!thread)
		die(name, "not enough memory");
	memset(thread, 0, nr * sizeof(*thread));
	for (unsigned i = 0; i < nr; i++) {
		thread[i].t = t;
		thread[i].index = i;
		thread[i].nr = nr;
		thread[i].rng = 0x9e3779b97f4a7c15ULL * (i + 1);
		if (pthread_create(&thread[i].id, NULL, run, &thread[i]))
			die(name, "pthread_create failed");
	}
	return thread;
}

static void run(const struct page_ops *ops, unsigned nr, unsigned seconds,
		bool kswapd)
{
	struct torture *t = torture_make(ops, kswapd, &faults);
	struct thread *thread = start(t, nr, run_thread);
	const struct vm_events *v = reclaim_vm_events(t->p->r);
	uint64_t total = 0, failed = 0;

	watch(thread, nr, seconds);
	/* relaxed: see run_thread() */
	atomic_store_explicit(&t->stop, true, memory_order_relaxed);
	for (unsigned i = 0; i < nr; i++) {
		pthread_join(thread[i].id, NULL);
		/* relaxed: joined */
		total += atomic_load_explicit(&thread[i].ops,
					      memory_order_relaxed);
		failed += thread[i].failed;
	}
	printf("torture_reclaim: %s, kswapd %s: %llu operations, %llu failed, "
	       "%llu pages out, %llu in, %llu moved\n",
	       ops->name, kswapd ? "on" : "off", (unsigned long long)total,
	       (unsigned long long)failed,
	       (unsigned long long)vm_read(v, VM_PSWPOUT),
	       (unsigned long long)vm_read(v, VM_PSWPIN),
	       (unsigned long long)vm_read(v, VM_PGMIGRATE_SUCCESS));
	if (!vm_read(v, VM_PSWPOUT) || !vm_read(v, VM_PSWPIN))
		die(ops->name, "nothing was swapped");
	torture_end(t, ops->name);
	free(thread);
}

static bool reclaimed(const struct thread *w)
{
	for (uint32_t i = 0; i < w->events.used; i++)
		if (w->events.slot[i].kind == EV_RECLAIM_BEGIN)
			return true;
	return false;
}

static void run_crowd(const struct page_ops *ops, bool kswapd)
{
	struct torture *t = torture_make(ops, kswapd, NULL);
	struct thread *thread = start(t, CROWD, crowd_thread);
	const struct vm_events *v = reclaim_vm_events(t->p->r);
	struct reclaim_stalls stalls;

	watch(thread, CROWD, UINT32_MAX / LOOKS);
	for (unsigned i = 0; i < CROWD; i++) {
		pthread_join(thread[i].id, NULL);
		if (thread[i].failed)
			die(ops->name, "a request failed with pages to swap");
		if (!kswapd && !reclaimed(&thread[i]))
			die(ops->name, "a thread did not have to reclaim");
	}
	reclaim_stalls(t->p->r, &stalls);
	printf("torture_reclaim: %s, kswapd %s, a crowd of %u: %llu direct "
	       "reclaims, %llu pages out\n",
	       ops->name, kswapd ? "on" : "off", CROWD,
	       (unsigned long long)stalls.nr,
	       (unsigned long long)vm_read(v, VM_PSWPOUT));
	if (vm_read(v, VM_OOM_KILL))
		die(ops->name, "out of memory with pages to swap");
	torture_end(t, ops->name);
	free(thread);
}

int main(int argc, char **argv)
{
	struct torture_args args = { .seconds = 1, .threads = 3 };
	const struct page_binding *b = NULL;
	bool ran = false;

	if (!torture_args_read(&args, MAX_THREADS, argc, argv))
		return 2;
	while ((b = torture_next(&args, b))) {
		run(b->ops, args.threads, args.seconds, true);
		run(b->ops, args.threads, args.seconds, false);
		run_crowd(b->ops, true);
		run_crowd(b->ops, false);
		ran = true;
	}
	return !ran;
}
