/*
 * latency.hlog: histograms in HdrHistogram's log format, version 1.3, with
 * payloads in its V2 encoding (ZigZag LEB128 counts, zlib, base64), which the
 * Java reference implementation reads. Values are nanoseconds.
 *
 * Ticks to nanoseconds. Both histograms have the same layout in their own
 * unit, so the ranges of their counters do not coincide. Each counter of ticks
 * moves as a whole to the nanosecond counter that holds its middle value times
 * ns_per_tick; the lowest and highest recorded values are converted by
 * themselves. No count is split or lost, and a percentile read back is within
 * 1/1024 of the one in ticks, plus half a nanosecond by rounding.
 */
#ifndef HARNESS_HLOG_H
#define HARNESS_HLOG_H

#include "workloads/lib/hist.h"

#define HLOG_TAG_MAX     64 /* bytes with the final NUL */
#define HLOG_ENTRIES_MAX 1024
#define HLOG_FILE_MAX    (64u << 20) /* bytes */

struct hlog_entry {
	char tag[HLOG_TAG_MAX];   /* letters, digits, -_. ; "" none */
	double start_s, length_s; /* from head.start_unix_s */
	struct hist *hist;        /* nanoseconds */
};

struct hlog {
	double start_unix_s; /* seconds since 1970 */
	struct hlog_entry *entry;
	unsigned nr;
};

/* dst = src with every value times ns_per_tick; dst is reset first. 0, or
 * -ERANGE where ns_per_tick is not in (0, 1000]. */
int hlog_ticks_to_ns(struct hist *dst, const struct hist *src,
		     double ns_per_tick) MUST_CHECK;

/* Writes the file (no rename: the caller's folder is temporary). 0 or -errno;
 * -EINVAL for a tag that is not plain. */
int hlog_write(const char *path, const struct hlog *log) MUST_CHECK;

/*
 * Reads what hlog_write() or the Java writer made, as long as the histograms
 * have three digits and unit 1. Anything else is -EINVAL with one line
 * "NAME:LINE: ..." in err. On success hlog_free() is due.
 */
int hlog_read_memory(struct hlog *log, const char *name, const char *text,
		     size_t len, char *err, size_t err_len) MUST_CHECK;
int hlog_read(struct hlog *log, const char *path, char *err, size_t err_len)
	MUST_CHECK;
void hlog_free(struct hlog *log);

/* Shared by writer and reader. */
#define HLOG_COOKIE            0x1c849313u
#define HLOG_COOKIE_COMPRESSED 0x1c849314u
#define HLOG_HEAD_BYTES        40
#define HLOG_COMPRESSED_HEAD   8
#define HLOG_WORD_MAX          9 /* bytes of the longest count */

bool hlog_tag_ok(const char *tag);

#endif
