/*
 * Threads against a slab engine: objects of several caches and kmalloc blocks,
 * frees of other threads' objects, shrinking and the reaper in between, caches
 * that come and go; each object carries its owner's token and is looked at when
 * it is freed. Meanwhile the main thread moves them from CPU to CPU and sends
 * them signals. A main of its own, because Criterion does not start under
 * ThreadSanitizer. Engines are reached through their tables.
 *
 *   torture_slab [--seconds N] [--threads N] [--engine NAME]
 *
 * Without --engine each engine that has objects, for N seconds (1). Exit status
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

#include "alloc/slab/kmalloc.h"
#include "alloc/slab/tests/slab_bench.h"
#include "harness/bind.h"

#define MAX_THREADS 4 /* as many CPUs as the machine of tests has */
#define HELD        512u
#define RING        64u
#define NR_CACHES   5u

struct held {
	unsigned char *object;
	struct kmem_cache *s; /* NULL: kmalloc */
	uint32_t size, token;
};

/* One producer, one consumer: objects that another thread shall free. */
struct ring {
	struct held slot[RING];
	_Atomic uint32_t head, tail;
} CACHELINE;

struct torture {
	struct slab_bench *b;
	struct kmem_cache *s[NR_CACHES];
	_Atomic bool stop;
	_Atomic uint32_t next_token;
	_Atomic uint32_t seconds; /* of virtual time */
	unsigned nr;
	struct ring ring[MAX_THREADS];
};

struct thread {
	struct torture *t;
	pthread_t id;
	unsigned index;
	uint64_t rng, ops;
	struct slab_ctx *ctx;
	struct held held[HELD];
	unsigned nr_held;
};

static _Noreturn void die(const struct torture *t, const char *what)
{
	fprintf(stderr, "torture: %s: %s\n", t->b->slab->ops->name, what);
	exit(1);
}

static uint64_t draw(struct thread *w, uint64_t n)
{
	w->rng ^= w->rng << 13;
	w->rng ^= w->rng >> 7;
	w->rng ^= w->rng << 17;
	return (w->rng >> 11) % n;
}

/* The token at both ends of the object. */
static void mark(struct held *h)
{
	memcpy(h->object, &h->token, sizeof(h->token));
	memcpy(h->object + h->size - sizeof(h->token), &h->token,
	       sizeof(h->token));
}

static bool is_marked(const struct held *h)
{
	return !memcmp(h->object, &h->token, sizeof(h->token)) &&
	       !memcmp(h->object + h->size - sizeof(h->token), &h->token,
		       sizeof(h->token));
}

static void release(struct thread *w, struct held *h)
{
	if (!is_marked(h))
		die(w->t, "an object was overwritten while it was ours");
	if (h->s)
		kmem_cache_free(w->ctx, h->s, h->object);
	else
		kfree(w->ctx, h->object);
}

static void take(struct thread *w)
{
	struct held *h = &w->held[w->nr_held];

	if (w->nr_held == HELD)
		return;
	if (draw(w, 4)) {
		h->s = w->t->s[draw(w, NR_CACHES)];
		h->size = h->s->size_asked;
		h->object = kmem_cache_alloc(w->ctx, h->s, GFP_KERNEL);
	} else {
		h->s = NULL;
		h->size = 8 + (uint32_t)draw(w, draw(w, 8) ? 400 : 12000);
		h->object = kmalloc(w->ctx, h->size, GFP_KERNEL);
	}
	if (!h->object)
		return;
	/* relaxed: only has to be unique */
	h->token = atomic_fetch_add_explicit(&w->t->next_token, 1,
					     memory_order_relaxed);
	mark(h);
	w->nr_held++;
}

static void give(struct thread *w)
{
	const unsigned i = w->nr_held ? (unsigned)draw(w, w->nr_held) : 0;

	if (!w->nr_held)
		return;
	release(w, &w->held[i]);
	w->held[i] = w->held[--w->nr_held];
}

/* To the next thread, which frees it. */
static void hand_over(struct thread *w)
{
	struct ring *r = &w->t->ring[w->index];
	/* relaxed: we are the only one who writes head */
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	/* ACQ(torture-tail): the slot was read; pairs with REL(torture-tail) */
	if (!w->nr_held ||
	    head - atomic_load_explicit(&r->tail, memory_order_acquire) == RING)
		return;
	r->slot[head % RING] = w->held[--w->nr_held];
	/* REL(torture-head): the slot's contents; pairs with
	 * ACQ(torture-head) */
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
}

static void take_over(struct thread *w)
{
	struct ring *r = &w->t->ring[(w->index + w->t->nr - 1) % w->t->nr];
	/* relaxed: we are the only one who writes tail */
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	/* ACQ(torture-head): the slot; pairs with REL(torture-head) */
	while (tail != atomic_load_explicit(&r->head, memory_order_acquire)) {
		release(w, &r->slot[tail % RING]);
		/* REL(torture-tail): the slot is free; pairs with
		 * ACQ(torture-tail) */
		atomic_store_explicit(&r->tail, ++tail, memory_order_release);
	}
}

/* A cache's whole life. */
static void live(struct thread *w)
{
	char name[32];
	const struct kmem_cache_args args = { .name = name,
					      .size = 8 +
						      (uint32_t)draw(w, 500),
					      .flags = SLAB_NO_MERGE };
	struct kmem_cache *s;
	void *object[70];

	snprintf(name, sizeof(name), "short-%u", w->index);
	s = kmem_cache_create(w->ctx, &args, NULL);
	if (!s)
		die(w->t, "no cache");
	if (kmem_cache_alloc_bulk(w->ctx, s, GFP_KERNEL, 70, object))
		kmem_cache_free_bulk(w->ctx, s, 70, object);
	if (kmem_cache_destroy(w->ctx, s))
		die(w->t, "an empty cache could not be destroyed");
}

static void rare(struct thread *w)
{
	const struct slab_ops *ops = w->t->b->slab->ops;

	switch (draw(w, 3)) {
	case 0:
		kmem_cache_shrink(w->ctx, w->t->s[draw(w, NR_CACHES)]);
		break;
	case 1:
		live(w);
		break;
	default:
		/* relaxed: a clock, nothing else */
		if (ops->tick)
			ops->tick(w->ctx, atomic_fetch_add_explicit(
						  &w->t->seconds, 1,
						  memory_order_relaxed));
	}
}

static void one(struct thread *w)
{
	const uint64_t what = draw(w, 1000);

	if (what < 470)
		take(w);
	else if (what < 880)
		give(w);
	else if (what < 940)
		hand_over(w);
	else if (what < 998)
		take_over(w);
	else
		rare(w);
	w->ops++;
}

static void *thread_main(void *arg)
{
	struct thread *w = arg;
	struct slab_peer *peer = slab_peer_enter(w->t->b, (uint16_t)w->index);

	w->ctx = &peer->ctx;
	/* relaxed: only has to be seen eventually */
	while (!atomic_load_explicit(&w->t->stop, memory_order_relaxed))
		one(w);
	while (w->nr_held)
		give(w);
	slab_peer_exit(peer);
	return NULL;
}

static void on_signal(int sig)
{
	(void)sig;
}

/* Moves and interrupts the threads until the time is over. */
static void disturb(struct thread *w, unsigned nr, unsigned seconds)
{
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	const struct timespec pause = { .tv_nsec = 500000 };

	for (unsigned i = 0; i < seconds * 1000; i++) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(i % (unsigned)cpus, &set);
		pthread_setaffinity_np(w[i % nr].id, sizeof(set), &set);
		pthread_kill(w[(i + 1) % nr].id, SIGUSR1);
		nanosleep(&pause, NULL);
	}
}

static void make_caches(struct torture *t)
{
	static const struct {
		uint32_t size, flags;
	} row[NR_CACHES] = {
		{ 24, 0 },
		{ 104, 0 },
		{ 256, SLAB_TYPESAFE_BY_RCU },
		{ 700, SLAB_HWCACHE_ALIGN },
		{ 5000, SLAB_RECLAIM_ACCOUNT },
	};

	for (unsigned i = 0; i < NR_CACHES; i++) {
		char name[32];

		snprintf(name, sizeof(name), "torture-%u", row[i].size);
		t->s[i] =
			slab_bench_cache(t->b, name, row[i].size, row[i].flags);
	}
}

/* What nobody took over, and the end of everything. */
static void finish(struct torture *t, struct thread *w)
{
	const char *broken;
	uint64_t ops = 0;

	for (unsigned i = 0; i < t->nr; i++) {
		pthread_join(w[i].id, NULL);
		ops += w[i].ops;
	}
	for (unsigned i = 0; i < t->nr; i++) {
		w[i].ctx = &t->b->ctx;
		take_over(&w[i]);
	}
	broken = slab_verify(t->b->slab);
	if (broken)
		die(t, broken);
	for (unsigned i = 0; i < NR_CACHES; i++)
		if (kmem_cache_destroy(&t->b->ctx, t->s[i]))
			die(t, "objects are left");
	if (t->b->nr_lines)
		die(t, t->b->line[0]);
	printf("torture: %s: %u threads, %llu operations\n",
	       t->b->slab->ops->name, t->nr, (unsigned long long)ops);
	slab_bench_end(t->b);
}

static void torture(const struct slab_ops *ops, unsigned nr, unsigned seconds,
		    unsigned nodes)
{
	const struct slab_bench_spec spec = { .nodes = nodes,
					      .bytes = 256 << 20 };
	struct torture *t = aligned_alloc(
		CACHELINE_SIZE, round_up_pow2(sizeof(*t), CACHELINE_SIZE));
	struct thread *w = calloc(nr, sizeof(*w));

	check(t && w, "not enough memory");
	memset(t, 0, sizeof(*t));
	t->b = slab_bench_make(ops, &spec);
	t->nr = nr;
	/* relaxed: no thread has started */
	atomic_store_explicit(&t->next_token, 1, memory_order_relaxed);
	make_caches(t);
	for (unsigned i = 0; i < nr; i++) {
		w[i] = (struct thread){ .t = t, .index = i, .rng = i + 1 };
		check(!pthread_create(&w[i].id, NULL, thread_main, &w[i]),
		      "no thread");
	}
	disturb(w, nr, seconds);
	/* relaxed: only has to be seen eventually */
	atomic_store_explicit(&t->stop, true, memory_order_relaxed);
	finish(t, w);
	free(w);
	free(t);
}

int main(int argc, char **argv)
{
	const char *engine = NULL;
	unsigned seconds = 1, threads = MAX_THREADS;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--seconds"))
			seconds = (unsigned)atoi(argv[i + 1]);
		else if (!strcmp(argv[i], "--threads"))
			threads = (unsigned)atoi(argv[i + 1]);
		else if (!strcmp(argv[i], "--engine"))
			engine = argv[i + 1];
	}
	if (!threads || threads > MAX_THREADS)
		threads = MAX_THREADS;
	signal(SIGUSR1, on_signal);
	for (const struct slab_binding *b = slab_binding_first(); b;
	     b = b->next) {
		if ((b->ops->features & (SLAB_F_FLOOR | SLAB_F_FOREIGN)) ||
		    (engine && strcmp(engine, b->ops->name)))
			continue;
		torture(b->ops, threads, seconds, 1);
		torture(b->ops, threads, seconds, 2);
	}
	return 0;
}
