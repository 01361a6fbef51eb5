/*
 * A machine under pressure for tests: with memory behind its frames, an engine,
 * reclaim and swap, and owners whose pages say whose they are.
 */
#ifndef ALLOC_PAGE_TESTS_PRESSURE_H
#define ALLOC_PAGE_TESTS_PRESSURE_H

#include "alloc/page/page_alloc.h"
#include "alloc/page/reclaim.h"
#include "alloc/page/tests/small_machine.h"
#include "harness/arena.h"

struct pressure {
	struct machine *m;
	struct page_engine *e;
	struct reclaim *r;
	struct page_ctx ctx; /* the test's own thread, CPU 0 */
	struct zone_counters counters[2 * MAX_NR_ZONES];
	struct event_ring events;
	struct free_block_list boot;
	struct arena arena;
};

/* One owner of one page. */
struct owner {
	struct owner_slot slot;
	uint32_t id, generation;
	bool file; /* its content can be made anew */
};

/* Reclaim on machine m (not booted) with this engine. cfg.swap.dir is filled
 * in where cfg.swap.bytes says so. Aborts on a failure. */
struct pressure *pressure_make(struct machine *m, const struct page_ops *ops,
			       struct reclaim_config *cfg);
/* Verifies, takes everything apart. NULL, or what was wrong: the owners were
 * deleted before, so every page must be back. */
const char *pressure_end(struct pressure *p);

/* Linux's settings, without the threads. */
struct reclaim_config pressure_config(void);

/* Writes the owner's content into a frame; looks whether it is there. Through
 * a window where the frame has no address. */
void owner_fill(struct page_ctx *ctx, const struct owner *o, pfn_t pfn);
bool owner_check(struct page_ctx *ctx, const struct owner *o, pfn_t pfn);

/*
 * One access by a thread: brings the page in (gfp), holds its content against
 * the owner's, and, if `write`, makes a new generation. 0, or -ENOMEM, -EIO;
 * aborts when a byte is wrong.
 */
int owner_use(struct page_ctx *ctx, struct owner *o, gfp_t gfp, bool write);

/* Sums over the machine's events by kind, of the test's thread and all
 * background threads; after reclaim_stop(). */
unsigned pressure_events(struct pressure *p, enum event_kind kind);

#endif
