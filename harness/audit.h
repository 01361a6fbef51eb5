/*
 * Proof after a run that the allocator is whole: every page came back and was
 * merged, and the blocks that it hands out do not overlap.
 */
#ifndef HARNESS_AUDIT_H
#define HARNESS_AUDIT_H

#include "alloc/page/engine.h"

struct free_block {
	uint32_t pfn, order;
};

/* The blocks on the free lists, sorted by pfn. */
struct free_state {
	struct free_block *block;
	uint64_t nr, pages;
};

/* No other thread may be inside the engine. 0, -ENOMEM, or -EIO where a list
 * does not end. free_state_drop() in either case. */
int free_state_take(struct free_state *s, const struct machine *m) MUST_CHECK;
void free_state_drop(struct free_state *s);

/* Whether both hold the same blocks; if not, err says what differs. `merged`
 * false: only the number of pages is compared. */
bool free_state_same(const struct free_state *before,
		     const struct free_state *after, bool merged, char *err,
		     size_t err_len);

struct audit_request {
	gfp_t gfp;
	unsigned want;  /* blocks held at once, at most */
	unsigned total; /* blocks taken in all, in rounds */
	uint64_t seed;
};

/*
 * Allocates blocks of mixed orders, each entered in a bitmap of owners, and
 * gives them back in another order, in rounds. Checks that no block overlaps
 * another that is held, that each is aligned and inside one zone. *blocks: how
 * many were had. 0, -ENOMEM, or -EIO with the broken rule in err.
 */
int audit_blocks(struct page_ctx *ctx, const struct audit_request *rq,
		 unsigned *blocks, char *err, size_t err_len) MUST_CHECK;

#endif
