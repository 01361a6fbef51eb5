/*
 * Words and numbers of a kernel log's line. Nothing of the text is trusted.
 */
#ifndef HARNESS_LOG_WORDS_H
#define HARNESS_LOG_WORDS_H

#include <string.h>

#include "alloc/page/state.h"

ALWAYS_INLINE size_t line_len(const struct state_line *l)
{
	return (size_t)(l->end - l->at);
}

/* First word of a line; *l moves behind it and the blanks after it. */
ALWAYS_INLINE struct state_line word(struct state_line *l)
{
	struct state_line w;

	while (l->at < l->end && *l->at == ' ')
		l->at++;
	w.at = l->at;
	while (l->at < l->end && *l->at != ' ')
		l->at++;
	w.end = l->at;
	while (l->at < l->end && *l->at == ' ')
		l->at++;
	return w;
}

ALWAYS_INLINE bool is(const struct state_line *w, const char *text)
{
	return line_len(w) == strlen(text) && !memcmp(w->at, text, line_len(w));
}

ALWAYS_INLINE bool number(const struct state_line *w, uint64_t max,
			  uint64_t *out)
{
	uint64_t v = 0;

	if (w->at == w->end)
		return false;
	for (const char *c = w->at; c < w->end; c++) {
		unsigned digit = (unsigned)(*c - '0');

		if (*c < '0' || *c > '9' || v > (max - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*out = v;
	return true;
}

ALWAYS_INLINE bool next_number(struct state_line *l, uint64_t max,
			       uint64_t *out)
{
	struct state_line w = word(l);

	return number(&w, max, out);
}

#endif
