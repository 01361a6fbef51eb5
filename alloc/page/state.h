/*
 * The state of a machine as text: zones with their counters, free lists in
 * their order, per-CPU lists, pageblock types and the movable pages in use of
 * each pageblock. The form is that of the SNAP sections of kernel logs:
 *
 *   SNAP n
 *   ZONE node N NAME start_pfn .. spanned .. present .. managed .. free ..
 *        freediff .. stat_threshold .. min .. low .. high .. boost ..
 *        highatomic .. reserve .. .. flags ..            (one line a zone)
 *   PCP count .. high .. batch .. free_factor ..         (rules of 6.1)
 *   PCP count .. high .. batch .. high_min .. high_max .. alloc_factor ..
 *        free_count .. flags ..                          (rules of 6.12)
 *   PL order type: pfns      per-CPU lists, head first; "PL thpN: pfns"
 *   FL order type: pfns      free lists, head first
 *   PB pages:letters         type of each pageblock, '.' not in the zone
 *   LB index:n ...           movable pages in use, pageblocks with any
 *   ENDSNAP
 *
 * free is nr_free_pages, freediff the pending delta of the CPU of which the
 * PCP lines speak; lists that are empty have no line. Sources: the logs of
 * booted kernels; nothing of the text is trusted.
 */
#ifndef ALLOC_PAGE_STATE_H
#define ALLOC_PAGE_STATE_H

#include <stdarg.h>
#include <stdio.h>

#include "alloc/page/engine.h"
#include "alloc/page/pcp.h"

/* Text to be read line by line; the caller sets all four. */
struct state_text {
	const char *at, *end;
	const char *name; /* file, for messages */
	int line;         /* of the line that was read last */
};

/* One line, without its newline. */
struct state_line {
	const char *at, *end;
};

struct state_list {
	bool pcp;      /* PL, else FL */
	uint8_t order; /* PL: index of the list */
	uint8_t mt;
	int line;
	size_t first, nr; /* in state.pfn[] */
};

struct state_pcp {
	bool given, tuned;
	int count, high, batch, free_factor;
	int high_min, high_max, alloc_factor, free_count, flags;
};

struct state_zone {
	uint16_t nid;
	uint8_t idx; /* enum zone_index */
	uint8_t nr_reserve;
	uint64_t start_pfn, spanned, present, managed;
	long free, free_diff, stat_threshold, mark[WMARK_HIGH + 1];
	long boost, highatomic, reserve[MAX_NR_ZONES], flags;
	struct state_pcp pcp;
	uint64_t pageblock_pages;
	uint64_t nr_pageblocks;
	uint8_t *pageblock_mt;   /* [nr_pageblocks], NR_MIGRATETYPES: a hole */
	uint16_t *movable;       /* [nr_pageblocks] */
	struct state_list *list; /* [nr_lists] */
	unsigned nr_lists;
	int line;
};

struct state {
	char name[256];          /* file, for messages */
	struct state_zone *zone; /* [nr_zones] */
	unsigned nr_zones;
	uint32_t *pfn; /* of all lists */
	size_t nr_pfns, max_pfns;
};

/* "FILE:LINE: " of the line that was read last, and what fmt says of it. */
void state_say(const struct state_text *in, char *out, size_t out_len,
	       const char *fmt, va_list args);

/* Next line; false at the end. */
bool state_next_line(struct state_text *in, struct state_line *out);

/*
 * Reads from the line after "SNAP n" to ENDSNAP. 0, -ENOMEM, or -EINVAL with
 * "FILE:LINE: what was expected" in err. *out is to be dropped in any case.
 */
int state_parse(struct state_text *in, struct state *out, char *err,
		size_t err_len) MUST_CHECK;
/* A whole file that holds one SNAP section; `text` may end anywhere. */
int state_parse_file(struct state_text *in, struct state *out, char *err,
		     size_t err_len) MUST_CHECK;
void state_drop(struct state *s);

/*
 * Fills what a state says about a machine: extents, nodes, layout, pageblock
 * order, kernel rules. The rest of *desc must hold defaults (layout_defaults).
 * 0, or -EINVAL with one line in err.
 */
int state_describe(const struct state *s, struct machine_desc *desc, char *err,
		   size_t err_len) MUST_CHECK;

/*
 * Puts a machine, and the pagesets of its CPU 0 where the engine has such,
 * into this state. Its zones must have the state's extents. The free lists
 * are replaced; e may be NULL (no engine yet): then the state's per-CPU lists
 * must be empty. No other thread runs. 0, -ENOMEM or -EINVAL with one line in
 * err; the machine is unusable after an error.
 */
int state_apply(const struct state *s, struct machine *m, struct page_engine *e,
		char *err, size_t err_len) MUST_CHECK;

/* Prints the state; CPU 0's deltas and pagesets. fixed: PCP fields to print
 * where the engine has no pagesets, by zone in the order of `fixed`; NULL:
 * those that a fresh pageset has. No other thread runs. */
void state_print(FILE *f, struct machine *m, struct page_engine *e,
		 const struct state *fixed);
/* The form of COUNTS sections: ZONE, PCP, NR_FREE, NR_FREE_MT lines. */
void state_print_counts(FILE *f, struct machine *m, struct page_engine *e,
			const struct state *fixed);

#endif
