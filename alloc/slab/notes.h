/*
 * Notes: what a free asks of its object's slab, where it costs no cache miss.
 *
 * A note is 16 bits for each frame, so that what is known of 32 frames shares a
 * line, where struct page takes 32 bytes for one. It copies two things from the
 * state of the frame's slab (slub.h): which CPU took it last, and whether it is
 * idle, that is full and nobody's. 0: nothing is noted.
 *
 * Who finds none writes it (slub_note_make). It has an object of the slab,
 * which therefore stays what it is. Who changes what is noted, or gives the
 * slab back, takes all its notes away (notes_drop).
 *
 * Ordering. Writer: exchanges the note, then reads the state again, and begins
 * anew if it is another. Dropper: changes the state, then reads the notes. All
 * four are sequentially consistent, so that one of the two sees the other: no
 * note is left that the state does not bear out. (Between two droppers this
 * takes the order that C++20 gives such operations beside relaxed stores, which
 * x86 and AArch64 have.) A look at a note (relaxed) is
 * as good as a look at the state when its writer last read it: a moment ago, or
 * before that thread was taken off its CPU between its exchange and its second
 * look. Whoever looks has to be right with an old note, but for what it counts.
 *   A dropper may come so late that the frames are another slab's by then: that
 * one's notes are written again when they are needed.
 *
 * Progress. Looks and drops are wait-free. A writer begins anew only if the
 * state was changed.
 */
#ifndef ALLOC_SLAB_NOTES_H
#define ALLOC_SLAB_NOTES_H

#include "alloc/slab/slab.h"

#define NOTE_IDLE 0x8000u
#define NOTE_CPU  0x7fffu   /* the CPU's slot + 1 */
#define NOTE_NONE NOTE_IDLE /* what no frame's note is */

/* Of slots below NOTE_CPU. */
ALWAYS_INLINE uint16_t note_make(unsigned slot, bool idle)
{
	return (uint16_t)((slot + 1) | (idle ? NOTE_IDLE : 0));
}

/* One for each frame of the machine, on the frame's node; NULL: no memory. */
_Atomic uint16_t *notes_create(const struct machine *m);
void notes_destroy(const struct machine *m, _Atomic uint16_t *notes);

/* Of nr frames, whose slab's state was changed by a sequentially consistent
 * exchange, or whom nobody has an object of. */
ALWAYS_INLINE void notes_drop(_Atomic uint16_t *note, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		/* ACQ(slub-note): notes written before the state was changed;
		 * pairs with REL(slub-note) */
		if (atomic_load_explicit(&note[i], memory_order_seq_cst))
			/* relaxed: whoever writes one now looks at the state
			 * after it */
			atomic_store_explicit(&note[i], 0,
					      memory_order_relaxed);
}

#endif
