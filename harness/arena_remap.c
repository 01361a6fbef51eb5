/*
 * The arena's frame mapper (alloc/page/machine.h): frames at a second address
 * by mapping their node's memfd again.
 *
 * A range for second addresses is one inaccessible mapping; what is mapped in
 * it splits it, and unmapping covers it with an inaccessible one again, which
 * the kernel merges with its neighbours. So each run of frames costs the
 * process one mapping, and at most one more.
 *
 * Where the frames were populated (arena_populate) a mapping comes with its
 * page table entries, as a kernel's does: a fault for each page costs fifty
 * times as much in a virtual machine. Frames that were not have no memory yet,
 * and stay so until they are touched.
 *
 * vm.max_map_count. At the limit mmap() fails even where it would replace many
 * mappings by one, so that nothing could be taken back. The arena therefore
 * keeps spare mappings of its own, which it gives up for a moment to unmap.
 *
 * Locks: remap_lock, a mutex, around that moment only; nothing is taken under
 * it.
 */
#include <errno.h>
#include <sys/mman.h>

#include "alloc/base/check.h"
#include "harness/arena.h"

static char *map_nothing(char *at, size_t bytes)
{
	return mmap(at, bytes, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
			    (at ? MAP_FIXED : 0),
		    -1, 0);
}

static int remap_reserve(struct frame_mapper *fm, size_t bytes, char **out)
{
	char *at = map_nothing(NULL, bytes);

	(void)fm;
	if (at == MAP_FAILED)
		return -errno;
	*out = at;
	return 0;
}

static void remap_release(struct frame_mapper *fm, char *at, size_t bytes)
{
	(void)fm;
	munmap(at, bytes);
}

/* The file behind a frame and how many frames from it on are in the same one.
 * Spans of nodes may overlap: as in the arena itself the last one wins. */
static const struct arena_span *span_of(const struct arena *a, uint64_t pfn,
					uint64_t *nr)
{
	const struct arena_span *found = NULL;
	uint64_t end = UINT64_MAX;

	for (unsigned i = a->nr_spans; i-- > 0 && !found;) {
		const struct arena_span *s = &a->span[i];

		if (pfn >= s->start && pfn < s->end) {
			found = s;
			end = s->end < end ? s->end : end;
		} else if (s->start > pfn && s->start < end) {
			end = s->start;
		}
	}
	*nr = end - pfn;
	return found;
}

static void remap_unmap(struct frame_mapper *fm, char *at, size_t bytes);

static int remap_map(struct frame_mapper *fm, char *at, pfn_t pfn, uint64_t nr)
{
	const struct arena *a = arena_of_mapper(fm);
	const int flags = MAP_SHARED | MAP_FIXED | MAP_NORESERVE |
			  (a->populated ? MAP_POPULATE : 0);

	for (uint64_t done = 0, n; done < nr; done += n) {
		const uint64_t first = pfn.v + done;
		const struct arena_span *s = span_of(a, first, &n);
		char *to = at + (done << PAGE_SHIFT);
		int r = -EFAULT;

		n = n < nr - done ? n : nr - done;
		if (s && mmap(to, n << PAGE_SHIFT, PROT_READ | PROT_WRITE,
			      flags, s->fd,
			      (off_t)((first - s->file_start) << PAGE_SHIFT)) !=
				 MAP_FAILED)
			continue;
		if (s)
			r = -errno;
		/* an mmap() that fails may have unmapped what was there */
		remap_unmap(fm, at, (done + n) << PAGE_SHIFT);
		return r;
	}
	return 0;
}

int arena_spare(struct arena *a)
{
	for (unsigned i = 0; i < ARENA_SPARE; i++) {
		if (a->spare[i])
			continue;
		/* of a file, with a hole in between: never merged */
		a->spare[i] = mmap(NULL, PAGE_SIZE, PROT_NONE, MAP_SHARED,
				   a->span[0].fd,
				   (off_t)((ARENA_SPARE - i) * 2 * PAGE_SIZE));
		if (a->spare[i] == MAP_FAILED) {
			a->spare[i] = NULL;
			return -errno;
		}
	}
	return 0;
}

void arena_spare_drop(struct arena *a)
{
	for (unsigned i = 0; i < ARENA_SPARE; i++) {
		if (a->spare[i])
			munmap(a->spare[i], PAGE_SIZE);
		a->spare[i] = NULL;
	}
}

static void remap_unmap(struct frame_mapper *fm, char *at, size_t bytes)
{
	struct arena *a = arena_of_mapper(fm);
	bool gone;

	if (map_nothing(at, bytes) != MAP_FAILED)
		return;
	pthread_mutex_lock(&a->remap_lock);
	arena_spare_drop(a);
	gone = map_nothing(at, bytes) != MAP_FAILED;
	/* if there is no room for them now there may be later */
	(void)arena_spare(a);
	pthread_mutex_unlock(&a->remap_lock);
	/* another thread took the room: what is mapped stays until something
	 * else is mapped there, but nobody can reach it */
	check(gone || !mprotect(at, bytes, PROT_NONE),
	      "unmapping %zu bytes at %p failed: error %d", bytes, (void *)at,
	      errno);
}

const struct frame_mapper arena_mapper = {
	.reserve = remap_reserve,
	.release = remap_release,
	.map = remap_map,
	.unmap = remap_unmap,
	.place = arena_place,
};
