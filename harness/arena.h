/*
 * The memory behind a machine's frames: one reserved range of addresses for
 * the whole pfn space, and inside it one memfd per node, bound to the real
 * node of the same number where there is one. Nothing is populated until it
 * is asked for. HIGHMEM frames lie in the range like all others, but cannot be
 * reached there: they have no permanent address, as on the machine that is
 * modelled.
 *
 * Where a page of 2 MiB begins in the range one begins in the file too, so that
 * huge pages can be put behind frames; see arena_huge.c. Until then all are of
 * 4 KiB, whatever this host does by default.
 *
 * The arena is also the machine's frame mapper (alloc/page/machine.h), which
 * maps frames of those files at second addresses; see arena_remap.c.
 */
#ifndef HARNESS_ARENA_H
#define HARNESS_ARENA_H

#include <pthread.h>

#include "alloc/page/desc.h"
#include "alloc/page/machine.h"

#define ARENA_SPARE 4           /* mappings kept for the moment of unmapping */
#define ARENA_HUGE  (2UL << 20) /* bytes of a huge page */

/* Frames [start, end) lie in the file fd, which begins with file_start: the
 * node's first one, or up to a huge page before it. */
struct arena_span {
	uint64_t start, end, file_start;
	int fd;
};

/* Not to be moved or copied once it is mapped: memory.mapper points into it. */
struct arena {
	struct machine_memory memory;
	struct frame_mapper mapper;
	struct arena_span span[MAX_NODES * MAX_NR_ZONES]; /* [nr_spans], in the
			     order in which they were mapped */
	unsigned nr_spans;
	pthread_mutex_t remap_lock; /* spare[] */
	char *spare[ARENA_SPARE];
	size_t bytes;          /* reserved */
	int fd[MAX_NODES];     /* -1: node without memory */
	bool bound[MAX_NODES]; /* to the real node of the same number */
	unsigned nr_bound;
	uint64_t populated; /* bytes */
};

static inline struct arena *arena_of_mapper(struct frame_mapper *fm)
{
	return (struct arena *)((char *)fm - offsetof(struct arena, mapper));
}

/*
 * Whether this process may have memory on each real node that the machine's
 * nodes of the same number would be bound to. -EPERM with one line in err if
 * not. When a run is planned; arena_map() would fail.
 */
int arena_may_bind(const struct machine_desc *desc, char *err, size_t err_len)
	MUST_CHECK;

/* 0, or -errno with one line in err. arena_unmap() in either case. */
int arena_map(struct arena *a, const struct machine_desc *desc, char *err,
	      size_t err_len) MUST_CHECK;
void arena_unmap(struct arena *a);

#ifdef FAULTS
/* fault=binding: binds each node's memory to the next real node's. Before
 * anything is populated. 0 or -errno. */
int arena_bind_wrongly(const struct arena *a, const struct machine_desc *desc)
	MUST_CHECK;
#endif

/* Bytes that arena_populate() would take, and whether that is at most half of
 * what this host has to spare now. -ENOMEM with one line in err if not. */
int arena_may_populate(const struct machine_desc *desc, char *err,
		       size_t err_len) MUST_CHECK;

/* Faults in every frame that the machine may hand out. 0, or -errno with one
 * line in err. */
int arena_populate(struct arena *a, const struct machine_desc *desc, char *err,
		   size_t err_len) MUST_CHECK;

/* Bytes of frames that are mapped at their permanent address, and those of them
 * by huge pages. */
struct arena_mapping {
	uint64_t bytes, huge;
};

/*
 * arena_huge.c. Puts 2 MiB pages behind the frames, as far as whole ones fit
 * into the zones; of a populated arena. HIGHMEM, which a direct map leaves out,
 * stays as it is. 0, or -errno with one line in err: no frame got one.
 */
int arena_make_huge(struct arena *a, const struct machine_desc *desc, char *err,
		    size_t err_len) MUST_CHECK;

/* How the frames are mapped now, by /proc/self/smaps. 0 or -errno. */
int arena_mapped(const struct arena *a, struct arena_mapping *out) MUST_CHECK;

/*
 * Faults in the frames that arena_query() with the same `want` will ask about,
 * so that there is something to ask where nothing else touches the memory. 0 or
 * -errno with one line in err.
 */
int arena_populate_some(const struct arena *a, const struct machine_desc *desc,
			unsigned want, char *err, size_t err_len) MUST_CHECK;

/* Pages that were looked at, and those of them that lie where they should. */
struct arena_tally {
	unsigned checked, on_node;
};

/*
 * Asks the kernel on which real node frames and their descriptors (the map of
 * machine m, whose memory a is) lie: up to `want` frames, evenly spread over
 * the bound nodes. What is not populated is not counted. 0 or -errno; nothing
 * is counted where the host has no NUMA support.
 */
int arena_query(const struct arena *a, const struct machine *m, unsigned want,
		struct arena_tally *frames, struct arena_tally *map) MUST_CHECK;

/* The mapper's `place`: what the machine keeps of a bound node goes to the same
 * real node. */
int arena_place(struct frame_mapper *fm, void *at, size_t bytes, unsigned nid);

/* arena_remap.c. Makes the spare mappings that are not there: 0 or -errno. */
extern const struct frame_mapper arena_mapper;
int arena_spare(struct arena *a);
void arena_spare_drop(struct arena *a);

#endif
