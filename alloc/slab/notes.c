/* The memory of notes. See notes.h. */
#include "alloc/slab/notes.h"

#include <sys/mman.h>

static size_t bytes_of(const struct machine *m)
{
	return round_up_pow2(m->end_pfn * sizeof(uint16_t), PAGE_SIZE);
}

_Atomic uint16_t *notes_create(const struct machine *m)
{
	void *notes = mmap(NULL, bytes_of(m), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (notes == MAP_FAILED)
		return NULL;
	/* as with the map: the first note of 2 MiB would populate them all */
	(void)madvise(notes, bytes_of(m), MADV_NOHUGEPAGE);
	if (machine_place_by_frame(m, notes, sizeof(uint16_t), 0)) {
		munmap(notes, bytes_of(m));
		return NULL;
	}
	return notes;
}

void notes_destroy(const struct machine *m, _Atomic uint16_t *notes)
{
	if (notes)
		munmap((void *)notes, bytes_of(m));
}
