/*
 * Threads against a slab engine: objects of several caches and kmalloc blocks,
 * of any and of named nodes, frees of other threads' objects, at once and
 * behind readers, lent sheaves, shrinking and the reaper in between, caches
 * that come and go; each object carries its owner's token and is looked at when
 * it is freed. Objects of a TYPESAFE_BY_RCU cache are looked at by others while
 * they may be freed: they find what its constructor wrote. Meanwhile the main
 * thread moves them from CPU to CPU and sends them signals. Twice: as it comes,
 * and with two nodes, memory that runs out, two threads for each modelled CPU,
 * compare-and-swap and freelists that are encoded and in random order. A main
 * of its own, because Criterion does not start under ThreadSanitizer. Engines
 * are reached through their tables.
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

#include "alloc/base/tests/xorshift.h"
#include "alloc/slab/kmalloc.h"
#include "alloc/slab/pressure.h"
#include "alloc/slab/rcu.h"
#include "alloc/slab/slub.h"
#include "alloc/slab/tests/slab_bench.h"
#include "harness/bind.h"

#define MAX_THREADS 4 /* as many CPUs as the machine of tests has */
#define HELD        512u
/* Where memory shall run out: pages that are left to the threads. */
#define SCARCE_PAGES 1200u
#define MAX_HOARD    (1u << 14)
#define RING         64u
#define NR_CACHES    6u
#define TYPED        2u /* the TYPESAFE_BY_RCU cache among them ... */
#define TYPED_SIZE   256u
#define LINGER       100u
#define NR_SHOWN     16u /* ... and how many of its objects others may see */

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
	_Atomic uint32_t seconds;        /* of virtual time */
	_Atomic(void *) shown[NR_SHOWN]; /* of the typed cache */
	unsigned nr, nodes;
	bool scarce; /* memory runs out */
	pfn_t hoard[MAX_HOARD];
	unsigned nr_hoard;
	struct ring ring[MAX_THREADS];
};

struct thread {
	struct torture *t;
	pthread_t id;
	unsigned index;
	uint64_t rng, ops, refused;
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
	return xorshift_below(&w->rng, n);
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

/* ---- type stability ------------------------------------------------------
 * Readers: look(), linger(); updater: release(), which hides an object before
 * it frees it; reclaimer: the engine. An object's last word is its
 * constructor's.
 */

#define TYPE_WORD 0x7970652d7479u

static uint64_t *type_word(void *object)
{
	return (uint64_t *)(void *)((char *)object + TYPED_SIZE -
				    sizeof(uint64_t));
}

static void construct(void *object)
{
	*type_word(object) = TYPE_WORD;
}

static void show(struct thread *w, void *object)
{
	void *none = NULL;

	/* REL(torture-shown): as constructed; pairs with ACQ(torture-shown).
	 * relaxed on failure: the place is taken */
	(void)atomic_compare_exchange_strong_explicit(
		&w->t->shown[draw(w, NR_SHOWN)], &none, object,
		memory_order_release, memory_order_relaxed);
}

static void hide(struct torture *t, void *object)
{
	for (unsigned i = 0; i < NR_SHOWN; i++) {
		void *seen = object;

		/* relaxed: readers are waited for, not ordered */
		(void)atomic_compare_exchange_strong_explicit(
			&t->shown[i], &seen, NULL, memory_order_relaxed,
			memory_order_relaxed);
	}
}

/* By a reader; somebody may own the object, or nobody, and somebody again.
 * ThreadSanitizer does not know grace periods: to it, whoever has the page next
 * writes beside us. */
__attribute__((no_sanitize("thread"))) static void check_type(struct thread *w,
							      void *object)
{
	const struct torture *t = w->t;

	/* relaxed: a word that nobody writes */
	if (__atomic_load_n(type_word(object), __ATOMIC_RELAXED) != TYPE_WORD)
		die(t, "an object changed its type under a reader");
	if (!(w->ctx->ops->features & SLAB_F_NO_OWNER) &&
	    slab_cache_of(t->b->slab, object) != t->s[TYPED])
		die(t, "an object changed its cache under a reader");
}

static void look(struct thread *w)
{
	void *object;

	slab_rcu_read_lock();
	/* ACQ(torture-shown): pairs with REL(torture-shown) */
	object = atomic_load_explicit(&w->t->shown[draw(w, NR_SHOWN)],
				      memory_order_acquire);
	for (unsigned i = 0; object && i < 20; i++)
		check_type(w, object);
	slab_rcu_read_unlock();
}

/* A reader who frees what he looks at, and reclaims. */
static void linger(struct thread *w)
{
	struct kmem_cache *s = w->t->s[TYPED];
	struct slab_ctx *ctx;
	void *object[LINGER], *freed[LINGER];

	if (!kmem_cache_alloc_bulk(w->ctx, s, GFP_KERNEL, LINGER, object))
		return;
	memcpy(freed, object, sizeof(freed));
	slab_rcu_read_lock();
	kmem_cache_free_bulk(w->ctx, s, LINGER, freed);
	ctx = slab_reclaim_enter(w->t->b->slab, w->ctx->pages);
	if (ctx) {
		slab_reclaim_shrink(ctx, s);
		slab_reclaim_exit(ctx);
	}
	for (unsigned i = 0; i < LINGER; i++)
		check_type(w, object[i]);
	slab_rcu_read_unlock();
}

/* ---- objects ------------------------------------------------------------- */

static void release(struct thread *w, struct held *h)
{
	if (!is_marked(h))
		die(w->t, "an object was overwritten while it was ours");
	if (h->s == w->t->s[TYPED])
		hide(w->t, h->object);
	if (!h->s)
		kfree(w->ctx, h->object);
	else if (w->ctx->ops->free_rcu && !draw(w, 8))
		kmem_cache_free_rcu(w->ctx, h->s, h->object);
	else
		kmem_cache_free(w->ctx, h->s, h->object);
}

/* An object of the cache, of any or of a named node. */
static void *take_object(struct thread *w, struct kmem_cache *s)
{
	if (draw(w, 8))
		return kmem_cache_alloc(w->ctx, s, GFP_KERNEL);
	return kmem_cache_alloc_node(
		w->ctx, s, GFP_KERNEL | (draw(w, 2) ? GFP_BIT_THISNODE : 0),
		(unsigned)draw(w, w->t->nodes));
}

static void take(struct thread *w)
{
	struct held *h = &w->held[w->nr_held];

	if (w->nr_held == HELD)
		return;
	if (draw(w, 4)) {
		h->s = w->t->s[draw(w, NR_CACHES)];
		h->size = h->s->size_asked;
		h->object = take_object(w, h->s);
	} else {
		h->s = NULL;
		h->size = 8 + (uint32_t)draw(w, draw(w, 8) ? 400 : 12000);
		h->object = kmalloc(w->ctx, h->size, GFP_KERNEL);
	}
	if (!h->object) {
		w->refused++;
		return;
	}
	/* relaxed: only has to be unique */
	h->token = atomic_fetch_add_explicit(&w->t->next_token, 1,
					     memory_order_relaxed);
	if (h->s == w->t->s[TYPED])
		h->size -= sizeof(uint64_t);
	mark(h);
	if (h->s == w->t->s[TYPED])
		show(w, h->object);
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
	if (!s && w->t->scarce)
		return;
	if (!s)
		die(w->t, "no cache");
	if (kmem_cache_alloc_bulk(w->ctx, s, GFP_KERNEL, 70, object))
		kmem_cache_free_bulk(w->ctx, s, 70, object);
	if (kmem_cache_destroy(w->ctx, s))
		die(w->t, "an empty cache could not be destroyed");
}

/* Objects from a sheaf that is ours alone; some go back with it. */
static void borrow(struct thread *w)
{
	struct kmem_cache *s = w->t->s[draw(w, NR_CACHES)];
	struct sheaf *sheaf = kmem_cache_prefill_sheaf(
		w->ctx, s, GFP_KERNEL, 1 + (uint32_t)draw(w, 80));
	unsigned n = (unsigned)draw(w, 80);

	if (!sheaf)
		return;
	while (n-- > 0 && w->nr_held < HELD) {
		struct held *h = &w->held[w->nr_held];

		*h = (struct held){ .s = s, .size = s->size_asked, .token = n };
		h->object = kmem_cache_alloc_from_sheaf(w->ctx, sheaf);
		if (!h->object)
			break;
		if (s == w->t->s[TYPED])
			h->size -= sizeof(uint64_t);
		mark(h);
		w->nr_held++;
	}
	kmem_cache_return_sheaf(w->ctx, s, GFP_KERNEL, sheaf);
}

static void rare(struct thread *w)
{
	const struct slab_ops *ops = w->t->b->slab->ops;

	switch (draw(w, ops->sheaf ? 5 : 4)) {
	case 0:
		kmem_cache_shrink(w->ctx, w->t->s[draw(w, NR_CACHES)]);
		break;
	case 1:
		live(w);
		break;
	case 2:
		linger(w);
		break;
	case 4:
		borrow(w);
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

	if (what < 450)
		take(w);
	else if (what < 840)
		give(w);
	else if (what < 880)
		look(w);
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
	const unsigned cpu = w->t->scarce ? w->index / 2 : w->index;
	struct slab_peer *peer = slab_peer_enter(w->t->b, (uint16_t)cpu);

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
	static const struct kmem_cache_args row[NR_CACHES] = {
		{ .name = "torture-24", .size = 24 },
		{ .name = "torture-104", .size = 104 },
		[TYPED] = { .name = "torture-typed",
			    .size = TYPED_SIZE,
			    .flags = SLAB_TYPESAFE_BY_RCU,
			    .ctor = construct },
		{ .name = "torture-700",
		  .size = 700,
		  .flags = SLAB_HWCACHE_ALIGN },
		{ .name = "torture-5000",
		  .size = 5000,
		  .flags = SLAB_RECLAIM_ACCOUNT },
		{ .name = "torture-debug",
		  .size = 88,
		  .flags = SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER |
			   SLAB_CONSISTENCY_CHECKS },
	};

	for (unsigned i = 0; i < NR_CACHES; i++) {
		struct kmem_cache_args args = row[i];

		args.flags |= SLAB_NO_MERGE;
		t->s[i] = kmem_cache_create(&t->b->ctx, &args, NULL);
		check(t->s[i], "cache %s", args.name);
	}
}

static void take_pages(struct torture *t)
{
	for (t->nr_hoard = 0; t->nr_hoard < MAX_HOARD; t->nr_hoard++) {
		t->hoard[t->nr_hoard] =
			alloc_pages(&t->b->pages, GFP_KERNEL, 0);
		if (!pfn_valid(t->hoard[t->nr_hoard]))
			break;
	}
	for (unsigned i = 0; i < SCARCE_PAGES; i++)
		free_pages(&t->b->pages, t->hoard[--t->nr_hoard], 0);
}

static void give_pages(struct torture *t)
{
	while (t->nr_hoard > 0)
		free_pages(&t->b->pages, t->hoard[--t->nr_hoard], 0);
}

/* What nobody took over, and the end of everything. */
static void finish(struct torture *t, struct thread *w)
{
	const char *broken;
	uint64_t ops = 0, refused = 0;

	for (unsigned i = 0; i < t->nr; i++) {
		pthread_join(w[i].id, NULL);
		ops += w[i].ops;
		refused += w[i].refused;
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
	printf("torture: %s: %u threads, %llu operations, %llu without "
	       "memory\n",
	       t->b->slab->ops->name, t->nr, (unsigned long long)ops,
	       (unsigned long long)refused);
	give_pages(t);
	slab_bench_end(t->b);
}

static void torture(const struct slab_ops *ops, unsigned nr, unsigned seconds,
		    bool scarce)
{
	const struct slab_bench_spec plain = { .nodes = 1, .bytes = 256 << 20 };
	const struct slab_bench_spec other = {
		.config = { .kernel = KERNEL_6_1,
			    .word = 8,
			    .nr_cpus = MAX_THREADS,
			    .nr_possible = MAX_THREADS,
			    .slub_max_order = 3,
			    .ram_bytes = 64 << 20,
			    .slub_fast = SLUB_FAST_CMPXCHG,
			    .hardened = true,
			    .random = true,
			    .seed = 1 },
		.nodes = 2,
		.bytes = 32 << 20,
	};
	struct torture *t = aligned_alloc(
		CACHELINE_SIZE, round_up_pow2(sizeof(*t), CACHELINE_SIZE));
	struct thread *w = calloc(nr, sizeof(*w));

	check(t && w, "not enough memory");
	memset(t, 0, sizeof(*t));
	t->b = slab_bench_make(ops, scarce ? &other : &plain);
	t->nr = nr;
	t->nodes = scarce ? 2 : 1;
	t->scarce = scarce;
	/* relaxed: no thread has started */
	atomic_store_explicit(&t->next_token, 1, memory_order_relaxed);
	make_caches(t);
	if (scarce)
		take_pages(t);
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
		torture(b->ops, threads, seconds, false);
		torture(b->ops, threads, seconds, true);
	}
	return 0;
}
