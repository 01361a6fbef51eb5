/*
 * Memory behind the frames. See arena.h.
 *
 * The mapping of pfn p lies at base + p * PAGE_SIZE, so holes between zones
 * are addresses without memory. A memfd per node lets the same frames be
 * mapped again elsewhere.
 */
#include "harness/arena.h"

#include <errno.h>
#include <numa.h>
#include <numaif.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "alloc/page/layout.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#define POPULATE_STEP (64UL << 20)
#define HUGE_FRAMES   (ARENA_HUGE >> PAGE_SHIFT)

struct span {
	uint64_t start, end; /* pfns */
};

static struct span zone_span(const struct zone_extent *z)
{
	if (!z->present)
		return (struct span){ 0, 0 };
	return (struct span){ z->start_pfn, z->start_pfn + z->spanned };
}

/* From the first zone's start to the last one's end; empty: no memory. */
static struct span node_span(const struct node_desc *node)
{
	struct span all = { UINT64_MAX, 0 };

	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		struct span z = zone_span(&node->zone[i]);

		if (z.start == z.end)
			continue;
		if (z.start < all.start)
			all.start = z.start;
		if (z.end > all.end)
			all.end = z.end;
	}
	return all.end ? all : (struct span){ 0, 0 };
}

static bool real_node_has_memory(unsigned nid)
{
	long long spare;

	return numa_available() >= 0 && (int)nid <= numa_max_node() &&
	       numa_node_size64((int)nid, &spare) > 0;
}

int arena_may_bind(const struct machine_desc *desc, char *err, size_t err_len)
{
	struct bitmask *allowed;
	unsigned nid, nr = desc->topo.nr_nodes;

	if (numa_available() < 0)
		return 0;
	allowed = numa_get_mems_allowed();
	for (nid = 0; nid < nr; nid++) {
		struct span s = node_span(&desc->node[nid]);

		if (s.end && real_node_has_memory(nid) &&
		    !numa_bitmask_isbitset(allowed, nid))
			break;
	}
	numa_bitmask_free(allowed);
	if (nid == nr)
		return 0;
	snprintf(err, err_len,
		 "node %u: this process may not use its memory (cpuset); "
		 "expected a machine without that node, or another cpuset",
		 nid);
	return -EPERM;
}

static int fail(char *err, size_t err_len, const char *what)
{
	int r = -errno;

	snprintf(err, err_len, "memory of the machine: %s: %s", what,
		 strerror(-r));
	return r;
}

/* What is populated already moves. 0 or -errno. */
static int bind_range(char *at, size_t bytes, unsigned nid)
{
	unsigned long mask[MAX_NODES / (8 * sizeof(long)) + 1] = { 0 };

	mask[nid / (8 * sizeof(long))] = 1UL << nid % (8 * sizeof(long));
	return mbind(at, bytes, MPOL_BIND, mask, 8 * sizeof(mask), MPOL_MF_MOVE)
		       ? -errno
		       : 0;
}

int arena_place(struct frame_mapper *fm, void *at, size_t bytes, unsigned nid)
{
	const struct arena *a = arena_of_mapper(fm);
	const uintptr_t end = ((uintptr_t)at + bytes) & ~(PAGE_SIZE - 1);
	const uintptr_t first = round_up_pow2((uintptr_t)at, PAGE_SIZE);

	if (!a->bound[nid] || first >= end)
		return 0;
	return bind_range((char *)first, end - first, nid);
}

static int map_node(struct arena *a, const struct machine_desc *desc,
		    unsigned nid, char *err, size_t err_len)
{
	const struct node_desc *node = &desc->node[nid];
	const struct span all = node_span(node);
	const uint64_t file_start = all.start & ~(HUGE_FRAMES - 1);
	const uint64_t highmem = layout_highmem_pfn(desc);
	const bool bind = real_node_has_memory(nid);
	char name[32];

	snprintf(name, sizeof(name), "zonebench-node%u", nid);
	a->fd[nid] = memfd_create(name, MFD_CLOEXEC);
	if (a->fd[nid] < 0)
		return fail(err, err_len, "memfd_create");
	if (ftruncate(a->fd[nid],
		      (off_t)((all.end - file_start) << PAGE_SHIFT)))
		return fail(err, err_len, "ftruncate");
	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		struct span z = zone_span(&node->zone[i]);
		size_t bytes = (z.end - z.start) << PAGE_SHIFT;
		char *at = a->memory.base + (z.start << PAGE_SHIFT);

		if (!bytes)
			continue;
		a->span[a->nr_spans++] =
			(struct arena_span){ z.start, z.end, file_start,
					     a->fd[nid] };
		if (mmap(at, bytes,
			 z.start >= highmem ? PROT_NONE
					    : PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED | MAP_NORESERVE, a->fd[nid],
			 (off_t)((z.start - file_start) << PAGE_SHIFT)) ==
		    MAP_FAILED)
			return fail(err, err_len, "mmap");
		/* a kernel that does not know the word has none */
		(void)madvise(at, bytes, MADV_NOHUGEPAGE);
		if (bind && bind_range(at, bytes, nid))
			return fail(err, err_len, "mbind");
	}
	a->bound[nid] = bind;
	a->nr_bound += bind;
	return 0;
}

/* Addresses without memory, from a multiple of ARENA_HUGE on; or NULL. */
static char *reserve(size_t bytes)
{
	char *at = mmap(NULL, bytes + ARENA_HUGE, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t before;

	if (at == MAP_FAILED)
		return NULL;
	before = -(uintptr_t)at & (ARENA_HUGE - 1);
	if (before)
		munmap(at, before);
	munmap(at + before + bytes, ARENA_HUGE - before);
	return at + before;
}

int arena_map(struct arena *a, const struct machine_desc *desc, char *err,
	      size_t err_len)
{
	uint64_t end = 0;
	int r = 0;

	memset(a, 0, sizeof(*a));
	for (unsigned n = 0; n < MAX_NODES; n++)
		a->fd[n] = -1;
	a->mapper = arena_mapper;
	a->memory.mapper = &a->mapper;
	pthread_mutex_init(&a->remap_lock, NULL);
	for (unsigned n = 0; n < desc->topo.nr_nodes; n++) {
		struct span s = node_span(&desc->node[n]);

		end = s.end > end ? s.end : end;
	}
	a->bytes = end << PAGE_SHIFT;
	a->memory.base = reserve(a->bytes);
	if (!a->memory.base)
		return fail(err, err_len, "reserving addresses");
	for (unsigned n = 0; n < desc->topo.nr_nodes && !r; n++) {
		struct span s = node_span(&desc->node[n]);

		if (s.end)
			r = map_node(a, desc, n, err, err_len);
	}
	if (!r && arena_spare(a))
		r = fail(err, err_len, "mmap");
	return r;
}

#ifdef FAULTS
static unsigned next_bound(const struct arena *a, unsigned nid)
{
	do
		nid = (nid + 1) % MAX_NODES;
	while (!a->bound[nid]);
	return nid;
}

int arena_bind_wrongly(const struct arena *a, const struct machine_desc *desc)
{
	int r = 0;

	for (unsigned n = 0; n < desc->topo.nr_nodes; n++)
		for (unsigned i = 0; i < MAX_NR_ZONES && a->bound[n]; i++) {
			struct span z = zone_span(&desc->node[n].zone[i]);

			if (z.end > z.start && !r)
				r = bind_range(a->memory.base +
						       (z.start << PAGE_SHIFT),
					       (z.end - z.start) << PAGE_SHIFT,
					       next_bound(a, n));
		}
	return r;
}
#endif

void arena_unmap(struct arena *a)
{
	if (!a->bytes)
		return;
	arena_spare_drop(a);
	pthread_mutex_destroy(&a->remap_lock);
	if (a->memory.base)
		munmap(a->memory.base, a->bytes);
	for (unsigned n = 0; n < MAX_NODES; n++)
		if (a->fd[n] >= 0)
			close(a->fd[n]);
	memset(a, 0, sizeof(*a));
}

static uint64_t bytes_to_populate(const struct machine_desc *desc)
{
	uint64_t pages = 0;

	for (unsigned n = 0; n < desc->topo.nr_nodes; n++)
		for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
			struct span z = zone_span(&desc->node[n].zone[i]);

			pages += z.end - z.start;
		}
	return pages << PAGE_SHIFT;
}

/* MemAvailable of this host in bytes, 0: unknown. */
static uint64_t available_bytes(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long long kib = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib << 10;
}

int arena_may_populate(const struct machine_desc *desc, char *err,
		       size_t err_len)
{
	uint64_t want = bytes_to_populate(desc), have = available_bytes();

	if (want <= have / 2)
		return 0;
	snprintf(err, err_len,
		 "touch needs the whole machine in memory: %llu MiB, and this "
		 "host spares half of its %llu MiB; expected a smaller mem= or "
		 "touch=none",
		 (unsigned long long)want >> 20,
		 (unsigned long long)have >> 20);
	return -ENOMEM;
}

static int populate(char *at, size_t bytes)
{
	for (size_t done = 0; done < bytes; done += POPULATE_STEP) {
		size_t n = bytes - done < POPULATE_STEP ? bytes - done
							: POPULATE_STEP;

		if (!madvise(at + done, n, MADV_POPULATE_WRITE))
			continue;
		if (errno != EINVAL)
			return -errno;
		/* before Linux 5.14: one write a page */
		for (size_t i = 0; i < n; i += PAGE_SIZE)
			*(volatile char *)(at + done + i) = 0;
	}
	return 0;
}

/* HIGHMEM has no permanent address but while this runs. */
static int populate_highmem(char *at, size_t bytes)
{
	int r;

	if (mprotect(at, bytes, PROT_READ | PROT_WRITE))
		return -errno;
	r = populate(at, bytes);
	if (mprotect(at, bytes, PROT_NONE) && !r)
		r = -errno;
	return r;
}

int arena_populate(struct arena *a, const struct machine_desc *desc, char *err,
		   size_t err_len)
{
	const uint64_t highmem = layout_highmem_pfn(desc);
	int r = arena_may_populate(desc, err, err_len);

	for (unsigned n = 0; n < desc->topo.nr_nodes && !r; n++)
		for (unsigned i = 0; i < MAX_NR_ZONES && !r; i++) {
			struct span z = zone_span(&desc->node[n].zone[i]);
			size_t bytes = (z.end - z.start) << PAGE_SHIFT;

			char *at = a->memory.base + (z.start << PAGE_SHIFT);

			r = z.start >= highmem ? populate_highmem(at, bytes)
					       : populate(at, bytes);
			if (r)
				snprintf(err, err_len, "populating node %u: %s",
					 n, strerror(-r));
			a->populated += bytes;
		}
	return r;
}

#define QUERY_MAX 256 /* frames of a zone */

/* Addresses of frames spread over a zone's span; how many. */
static unsigned spread(const struct arena *a, struct span z, unsigned want,
		       void *page[QUERY_MAX])
{
	const uint64_t pages = z.end - z.start;
	unsigned nr = 0;

	if (want > QUERY_MAX)
		want = QUERY_MAX;
	for (; nr < want && nr < pages; nr++)
		page[nr] = a->memory.base +
			   ((z.start + pages * nr / want) << PAGE_SHIFT);
	return nr;
}

/* Adds those of nr populated pages that lie on node nid. */
static int query_pages(void **page, unsigned nr, unsigned nid,
		       struct arena_tally *tally)
{
	int status[QUERY_MAX];

	if (!nr || numa_move_pages(0, nr, page, NULL, status, 0) < 0)
		return nr ? -errno : 0;
	for (unsigned i = 0; i < nr; i++) {
		tally->checked += status[i] >= 0;
		tally->on_node += status[i] == (int)nid;
	}
	return 0;
}

/* Pages of descriptors of those frames; not such as hold another zone's too. */
static unsigned descriptors(const struct machine *m, const struct arena *a,
			    struct span z, unsigned nr, void *page[QUERY_MAX])
{
	const uintptr_t first = (uintptr_t)(m->map + z.start);
	const uintptr_t end = (uintptr_t)(m->map + z.end);
	unsigned kept = 0;

	for (unsigned i = 0; i < nr; i++) {
		const size_t pfn = (size_t)((char *)page[i] - a->memory.base) >>
				   PAGE_SHIFT;
		const uintptr_t at =
			(uintptr_t)(m->map + pfn) & ~(PAGE_SIZE - 1);

		/* in place: kept <= i */
		if (at >= first && at + PAGE_SIZE <= end)
			page[kept++] = (void *)at;
	}
	return kept;
}

static unsigned bound_zones(const struct arena *a,
			    const struct machine_desc *desc)
{
	unsigned nr = 0;

	for (unsigned n = 0; n < desc->topo.nr_nodes; n++)
		for (unsigned i = 0; i < MAX_NR_ZONES; i++)
			nr += a->bound[n] && desc->node[n].zone[i].present;
	return nr;
}

static unsigned zone_share(const struct arena *a,
			   const struct machine_desc *desc, unsigned want)
{
	const unsigned nr_zones = bound_zones(a, desc);

	return nr_zones ? (want + nr_zones - 1) / nr_zones : 0;
}

int arena_populate_some(const struct arena *a, const struct machine_desc *desc,
			unsigned want, char *err, size_t err_len)
{
	const uint64_t highmem = layout_highmem_pfn(desc);
	const unsigned share = zone_share(a, desc, want);
	void *page[QUERY_MAX];
	int r = 0;

	for (unsigned n = 0; n < desc->topo.nr_nodes; n++)
		for (unsigned i = 0; i < MAX_NR_ZONES && a->bound[n]; i++) {
			struct span z = zone_span(&desc->node[n].zone[i]);
			unsigned nr = spread(a, z, share, page);

			for (unsigned k = 0; k < nr && !r; k++)
				r = z.start >= highmem
					    ? populate_highmem(page[k],
							       PAGE_SIZE)
					    : populate(page[k], PAGE_SIZE);
		}
	if (r)
		snprintf(err, err_len, "populating frames: %s", strerror(-r));
	return r;
}

int arena_query(const struct arena *a, const struct machine *m, unsigned want,
		struct arena_tally *frames, struct arena_tally *map)
{
	const struct machine_desc *desc = &m->desc;
	const unsigned share = zone_share(a, desc, want);
	int r = 0;

	*frames = *map = (struct arena_tally){ 0 };
	for (unsigned n = 0; n < desc->topo.nr_nodes; n++)
		for (unsigned i = 0; i < MAX_NR_ZONES && !r; i++) {
			struct span z = zone_span(&desc->node[n].zone[i]);
			void *page[QUERY_MAX];
			unsigned nr;

			if (!a->bound[n] || z.end == z.start)
				continue;
			nr = spread(a, z, share, page);
			r = query_pages(page, nr, n, frames);
			nr = descriptors(m, a, z, nr, page);
			if (!r)
				r = query_pages(page, nr, n, map);
		}
	return r;
}
