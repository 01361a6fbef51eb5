/*
 * Threads against vmalloc and kmap at once, over each engine: sizes at random,
 * areas that another thread frees, shared and local windows of HIGHMEM frames,
 * and a word in each page that only its owner writes. The machine is an i386
 * one, so areas come and go in 120 MiB of addresses, and every thread wants
 * windows. A main of its own, because Criterion does not start under
 * ThreadSanitizer.
 *
 *   torture_vmap [--seconds N] [--threads N] [--engine NAME]
 *
 * Exit status 0, or 1 after a line on stderr.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc/base/tests/xorshift.h"
#include "alloc/page/kmap.h"
#include "alloc/page/tests/mapped_machine.h"
#include "alloc/page/tests/command_line.h"
#include "alloc/page/vmalloc.h"

#define MAX_THREADS 32
#define HELD        6u
#define FRAMES      96u
#define MAX_PAGES   9000u

struct area {
	char *addr;
	uint64_t pages;
	uint32_t owner;
};

struct torture {
	struct mapped *b;
	_Atomic bool stop;
	_Atomic uint32_t next_owner;
	/* areas on their way to whoever frees them */
	pthread_mutex_t lock;
	struct area passed[64];
	unsigned nr_passed;
};

struct thread {
	struct torture *t;
	pthread_t id;
	uint64_t rng, ops, refused[NR_VMALLOC_WHYS];
	struct zone_counters counters[MAX_NR_ZONES];
	struct page_ctx ctx;
	struct area held[HELD];
	unsigned nr_held;
	pfn_t frame[FRAMES];
} CACHELINE;

static _Noreturn void die(const char *engine, const char *what)
{
	fprintf(stderr, "torture_vmap: %s: %s\n", engine, what);
	exit(1);
}

static uint64_t draw(struct thread *w, uint64_t n)
{
	return xorshift_below(&w->rng, n);
}

static uint32_t *word_of(const struct area *a, uint64_t page)
{
	return (uint32_t *)(a->addr + (page << PAGE_SHIFT));
}

static void give(struct thread *w, const struct area *a)
{
	for (uint64_t i = 0; i < a->pages; i += 7)
		if (*word_of(a, i) != a->owner)
			die(w->ctx.ops->name, "a page of an area changed");
	vfree(&w->ctx, a->addr);
}

static void step_take(struct thread *w)
{
	struct area *a = &w->held[w->nr_held];
	enum vmalloc_why why;

	a->pages = 1 + draw(w, draw(w, 8) ? 64 : MAX_PAGES);
	a->addr = vmalloc(&w->ctx, a->pages << PAGE_SHIFT, GFP_KERNEL, &why);
	if (!a->addr) {
		w->refused[why]++;
		return;
	}
	/* relaxed: only has to be unique */
	a->owner = atomic_fetch_add_explicit(&w->t->next_owner, 1,
					     memory_order_relaxed);
	for (uint64_t i = 0; i < a->pages; i += 7)
		*word_of(a, i) = a->owner;
	w->nr_held++;
}

static void step_give(struct thread *w)
{
	const unsigned i = (unsigned)draw(w, w->nr_held);
	struct torture *t = w->t;
	const struct area a = w->held[i];
	bool passed = false;

	w->held[i] = w->held[--w->nr_held];
	if (!draw(w, 3)) {
		pthread_mutex_lock(&t->lock);
		passed = t->nr_passed < ARRAY_SIZE(t->passed);
		if (passed)
			t->passed[t->nr_passed++] = a;
		pthread_mutex_unlock(&t->lock);
	}
	if (!passed)
		give(w, &a);
}

static void step_give_passed(struct thread *w)
{
	struct torture *t = w->t;
	struct area a = { 0 };

	pthread_mutex_lock(&t->lock);
	if (t->nr_passed)
		a = t->passed[--t->nr_passed];
	pthread_mutex_unlock(&t->lock);
	if (a.addr)
		give(w, &a);
}

/* A window of the pool and one of the thread's own show one frame. */
static void step_windows(struct thread *w)
{
	struct machine *m = w->ctx.machine;
	const unsigned i = (unsigned)draw(w, FRAMES);
	const pfn_t pfn = w->frame[i];
	uint32_t *pool = draw(w, 2) ? kmap(m, pfn) : kmap_try(m, pfn);
	uint32_t *mine;

	if (!pool)
		return;
	*pool = i + (uint32_t)w->ops;
	mine = kmap_local(&w->ctx, pfn);
	if (!mine || *mine != *pool)
		die(w->ctx.ops->name, "two windows, two frames");
	*mine = pfn.v;
	kunmap_local(&w->ctx, mine);
	if (*pool != pfn.v ||
	    (pfn_is_highmem(m, pfn) && page_address(m, pfn) != (void *)pool))
		die(w->ctx.ops->name, "a window changed while it was used");
	kunmap(m, pfn);
}

static void frames_take(struct thread *w)
{
	for (unsigned i = 0; i < FRAMES; i++) {
		w->frame[i] = alloc_pages(&w->ctx, GFP_HIGHUSER, 0);
		if (!pfn_valid(w->frame[i]))
			die(w->ctx.ops->name, "no frame to begin with");
	}
}

static void *torture_thread(void *arg)
{
	struct thread *w = arg;
	struct torture *t = w->t;

	if (page_ctx_enter(&w->ctx, t->b->e, (uint16_t)(w->rng % 4),
			   w->counters, NULL))
		die(t->b->ops->name, "thread_enter failed");
	frames_take(w);
	/* relaxed: only has to be seen eventually */
	while (!atomic_load_explicit(&t->stop, memory_order_relaxed)) {
		const unsigned what = (unsigned)draw(w, 16);

		w->ops++;
		if (what < 8)
			step_windows(w);
		else if (what < 9)
			step_give_passed(w);
		else if (w->nr_held && (w->nr_held == HELD || what < 12))
			step_give(w);
		else
			step_take(w);
	}
	while (w->nr_held)
		give(w, &w->held[--w->nr_held]);
	for (unsigned i = 0; i < FRAMES; i++)
		free_pages(&w->ctx, w->frame[i], 0);
	page_ctx_exit(&w->ctx);
	return NULL;
}

static void report(const struct page_ops *ops, const struct thread *thread,
		   unsigned nr, const struct vmalloc_stat *s)
{
	uint64_t total = 0, refused = 0;

	for (unsigned i = 0; i < nr; i++) {
		total += thread[i].ops;
		refused += thread[i].refused[VMALLOC_ADDRESSES] +
			   thread[i].refused[VMALLOC_FRAMES];
		if (thread[i].refused[VMALLOC_MAPPINGS] ||
		    thread[i].refused[VMALLOC_NO_RECORD] ||
		    thread[i].refused[VMALLOC_ZERO])
			die(ops->name, "a request was refused for no reason");
	}
	if (!s->made.areas || s->now.areas)
		die(ops->name, "areas are missing");
	printf("torture_vmap: %s: %llu operations, %llu areas, %llu refused\n",
	       ops->name, (unsigned long long)total,
	       (unsigned long long)s->made.areas, (unsigned long long)refused);
}

static void run(const struct page_ops *ops, unsigned nr, unsigned seconds)
{
	struct torture *t = calloc(1, sizeof(*t));
	struct thread *thread =
		aligned_alloc(CACHELINE_SIZE, nr * sizeof(*thread));
	struct vmalloc_stat s;
	const char *wrong;

	if (!t || !thread)
		die(ops->name, "not enough memory");
	memset(thread, 0, nr * sizeof(*thread));
	t->b = mapped_make((struct mapped_spec){
		.ops = ops, .highmem = true, .pae = true, .vmalloc = true });
	pthread_mutex_init(&t->lock, NULL);
	for (unsigned i = 0; i < nr; i++) {
		thread[i].t = t;
		thread[i].rng = 0x9e3779b97f4a7c15ULL * (i + 1);
		if (pthread_create(&thread[i].id, NULL, torture_thread,
				   &thread[i]))
			die(ops->name, "pthread_create failed");
	}
	sleep(seconds);
	/* relaxed: see torture_thread() */
	atomic_store_explicit(&t->stop, true, memory_order_relaxed);
	for (unsigned i = 0; i < nr; i++)
		pthread_join(thread[i].id, NULL);
	while (t->nr_passed)
		vfree(&t->b->ctx, t->passed[--t->nr_passed].addr);
	vmalloc_stat(t->b->m, &s);
	report(ops, thread, nr, &s);
	wrong = mapped_end(t->b);
	if (wrong)
		die(ops->name, wrong);
	pthread_mutex_destroy(&t->lock);
	free(thread);
	free(t);
}

int main(int argc, char **argv)
{
	struct torture_args args = { .seconds = 1, .threads = 4 };
	const struct page_binding *b = NULL;
	bool ran = false;

	if (!torture_args_read(&args, MAX_THREADS, argc, argv))
		return 2;
	while ((b = torture_next(&args, b))) {
		run(b->ops, args.threads, args.seconds);
		ran = true;
	}
	return !ran;
}
