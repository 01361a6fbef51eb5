/*
 * Text files read as a whole and walked line by line, for the readers of
 * /proc text. Nothing here trusts its input.
 */
#ifndef HARNESS_TEXTFILE_H
#define HARNESS_TEXTFILE_H

#include "harness/kv.h"

#define TEXTFILE_MAX (16u << 20) /* bytes; a zoneinfo of 64 nodes has 2 MiB */

struct textfile {
	char *text; /* NUL behind the last byte */
	size_t len;
};

/* Reads a file, also one of /proc or /sys that has no size. 0, or -errno with
 * one line in err (-ENOENT included; -EFBIG beyond TEXTFILE_MAX). */
int textfile_read(const char *path, struct textfile *out, char *err,
		  size_t err_len) MUST_CHECK;
void textfile_free(struct textfile *f);

/* A position in text; file and line for messages. */
struct text_cursor {
	const char *next, *end;
	struct where where;
	char *err; /* where messages go */
	size_t err_len;
};

/*
 * Next line without its newline into buf. 1; 0 at the end; -EINVAL with one
 * line in err for a line that does not fit or contains a NUL byte.
 */
int text_next_line(struct text_cursor *c, char *buf, size_t len) MUST_CHECK;

/* "FILE:LINE: " and the message into the cursor's err; -EINVAL. */
int text_fail(const struct text_cursor *c, const char *fmt, ...)
	PRINTF_LIKE(2, 3);

/* Both move *p behind what they took, or leave it and return false. The number
 * is decimal, fits, and ends at a non-digit. */
bool text_take(const char **p, const char *literal);
bool text_take_uint(const char **p, uint64_t max, uint64_t *out);
const char *text_skip_blanks(const char *p);

/* "0-3,8" (cpulist of sysfs; "" is none) into set[]; entries must be < nr.
 * 0, or -EINVAL. *count gets the number of entries set. */
int text_parse_list(const char *text, bool *set, unsigned nr, unsigned *count)
	MUST_CHECK;

#endif
