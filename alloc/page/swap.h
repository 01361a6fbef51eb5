/*
 * The swap device: a file of page-sized slots, a bitmap of those in use, and a
 * checksum for each page written, so that a page which comes back other than
 * it went is noticed here and not by its owner. The only file that the
 * allocators touch.
 *
 * Any thread, no lock held, but for open and close. Slots are numbered from 0.
 */
#ifndef ALLOC_PAGE_SWAP_H
#define ALLOC_PAGE_SWAP_H

#include "alloc/base/base.h"

#define SWAP_CLUSTER_MAX 32u /* pages of one write, as in Linux */

enum swap_status {
	SWAP_OK,
	SWAP_FULL,    /* no slot is free */
	SWAP_ENOSPC,  /* the file system is full; nothing was written */
	SWAP_EIO,     /* the device failed; the slot's content is as before */
	SWAP_CORRUPT, /* what was read, twice, is not what was written */
	NR_SWAP_STATUS
};

/* Deliberate faults, for proofs: so many of a million transfers fail. 0: none.
 */
struct swap_faults {
	uint64_t seed;
	uint32_t write_eio, write_enospc, write_short;
	uint32_t read_eio, read_corrupt;
};

/*
 * path: the file, created and cut to size, kept afterwards; NULL: a file in
 * `dir` without a name, which is gone with the process. Both NULL: no swap.
 * bytes: a multiple of PAGE_SIZE, up to 16 TiB.
 */
struct swap_config {
	const char *path, *dir;
	uint64_t bytes;
	struct swap_faults faults;
};

struct swap;

/* What was done, racy while others swap. */
struct swap_stats {
	uint64_t slots, used;            /* pages */
	uint64_t written, read;          /* pages */
	uint64_t writes, reads;          /* system calls */
	uint64_t failed[NR_SWAP_STATUS]; /* transfers that ended so */
	bool direct; /* O_DIRECT: past the host's page cache */
};

/* 0, or -errno with one line in err: no room in the file system (-ENOSPC), not
 * a regular file, ... */
int swap_open(struct swap **out, const struct swap_config *cfg, char *err,
	      size_t err_len) MUST_CHECK;
void swap_close(struct swap *s);

/* Up to n slots in a row, 1 <= n <= SWAP_CLUSTER_MAX; *first is the first one.
 * Returns how many, 0: full. */
unsigned swap_alloc(struct swap *s, unsigned n, uint32_t *first);
void swap_free(struct swap *s, uint32_t slot);

/* Slots that are free; a hint. */
uint64_t swap_nr_free(const struct swap *s);
/* More than half is in use: then a page that was read back gives its slot up,
 * as in Linux. */
bool swap_half_full(const struct swap *s);

/* Writes n pages (addresses aligned to PAGE_SIZE) to slots first, first+1, ...
 * All or nothing counts: on a failure no slot may be read. */
enum swap_status swap_write(struct swap *s, uint32_t first, unsigned n,
			    void *const *page);
/* Reads one page and holds it against its checksum. */
enum swap_status swap_read(struct swap *s, uint32_t slot, void *page);

void swap_stats(const struct swap *s, struct swap_stats *out);
const char *swap_status_name(enum swap_status status);

#endif
