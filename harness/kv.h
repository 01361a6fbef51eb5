/*
 * Values as people write them: numbers, sizes, durations, percentages, comma
 * lists, and the nearest known name for a misspelt one. No function here
 * knows an option; all are pure and take any bytes.
 */
#ifndef HARNESS_KV_H
#define HARNESS_KV_H

#include "alloc/base/base.h"

/* Where a piece of input stands; line 0: file is printed alone. */
struct where {
	const char *file;
	int line;
};

/* All scanners: the whole text must match. 0, -EINVAL (not of this form) or
 * -ERANGE (does not fit). */

/* Decimal digits only: no sign, no blanks. */
int scan_uint(const char *text, uint64_t *out) MUST_CHECK;
/* Bytes: digits and an optional K, M, G, T, with or without iB ("64K", "4GiB");
 * powers of 1024. */
int scan_size(const char *text, uint64_t *bytes) MUST_CHECK;
/* Nanoseconds: "500ms", "2s", "1.5m", "20us", "100ns"; no unit means s. */
int scan_duration(const char *text, uint64_t *ns) MUST_CHECK;
/* "50%": digits and a percent sign. */
int scan_percent(const char *text, uint64_t *percent) MUST_CHECK;
/* "1K-64K" or a single size, which gives lo == hi; lo > hi is -EINVAL. */
int scan_size_range(const char *text, uint64_t *lo, uint64_t *hi) MUST_CHECK;

/* The shortest exact form that the scanner of the same name reads back. */
void format_size(uint64_t bytes, char *buf, size_t len);
void format_duration(uint64_t ns, char *buf, size_t len);

/*
 * Next element of a comma list: copies it without surrounding blanks into buf
 * and moves *rest behind its comma (NULL after the last). A comma inside
 * double quotes or after a backslash belongs to the element; quotes and that
 * backslash are removed. 0; -EINVAL: quote left open, or an empty element;
 * -ENAMETOOLONG.
 */
int list_next(const char **rest, char *buf, size_t len) MUST_CHECK;

/* Nearest of `nr` names to `text` (edit distance with swaps, case ignored), or
 * NULL where all are too far away to be meant. */
const char *nearest_name(const char *text, const char *const *name,
			 unsigned nr);

/* Copies text fit for one line of a message: unprintable bytes become '?',
 * more than 48 characters are cut with "...". Returns buf. */
const char *printable(const char *text, char *buf, size_t len);

/* Writes "FILE:LINE: " and the message into err; returns -EINVAL. */
int fail_at(const struct where *where, char *err, size_t err_len,
	    const char *fmt, ...) PRINTF_LIKE(4, 5);

#endif
