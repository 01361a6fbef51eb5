/*
 * A flame graph as one SVG file that needs nothing else.
 *
 * Width is share of the samples, the root at the bottom. It is a whole picture
 * without scripts; a small script of its own adds zoom by a click and a line
 * that names what the pointer is on. Colours tell what a frame belongs to, not
 * how hot it is, and are told apart in grey and by colour-blind readers.
 */
#ifndef HARNESS_PROFILE_FLAME_H
#define HARNESS_PROFILE_FLAME_H

#include "harness/profile_stack.h"

/* Geometry, in hundredths of a pixel where it says so. */
#define FLAME_WIDTH_PX  1200u
#define FLAME_MARGIN_PX 10u
#define FLAME_ROW_PX    18u
#define FLAME_SPAN_CPX  ((FLAME_WIDTH_PX - 2 * FLAME_MARGIN_PX) * 100)
#define FLAME_LEAST_CPX 10u /* narrower frames are left out */
#define FLAME_TOP_PX    92u
#define FLAME_BOTTOM_PX 34u
#define FLAME_GLYPH_CPX 665u /* one letter of a label */
#define FLAME_SUBTITLES 2u

struct flame_text {
	const char *title;
	const char *subtitle[FLAME_SUBTITLES]; /* NULL: none */
};

/* Position of a boundary between samples, 0 .. FLAME_SPAN_CPX: the right edge
 * of a frame is the left edge of its neighbour, so widths add up. */
uint32_t flame_edge(const struct stack_tree *t, uint64_t before);

/* Text as XML character data or attribute; what is not printable ASCII is '?'.
 */
void flame_escape(FILE *out, const char *s, size_t len);

/* Any thread; errors show in ferror(out). */
void flame_write(FILE *out, const struct stack_tree *t,
		 const struct flame_text *text);

#endif
