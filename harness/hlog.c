/*
 * Writer of HdrHistogram logs (see hlog.h).
 *
 * A payload: cookie, length of the counts, index offset 0, digits, unit 1,
 * highest trackable value (all big-endian), ratio 1.0, then the counts up to
 * the highest that is not 0. A count n is ZigZag(n) in LEB128 of at most nine
 * bytes; a run of two or more empty counters is one negative number. Around
 * it a second cookie, the compressed length and a zlib stream; around that
 * base64.
 */
#include "harness/hlog.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "harness/outfile.h"

bool hlog_tag_ok(const char *tag)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

	return tag[strspn(tag, plain)] == '\0';
}

int hlog_ticks_to_ns(struct hist *dst, const struct hist *src,
		     double ns_per_tick)
{
	if (!(ns_per_tick > 0 && ns_per_tick <= 1000))
		return -ERANGE;
	hist_reset(dst);
	for (uint32_t i = 0; i < src->nr_counts; i++) {
		uint64_t low = hist_lowest_of(i), high = hist_highest_of(i);
		uint64_t n = src->count[i];
		double mid = (double)low + (double)(high - low) / 2;

		if (!n)
			continue;
		/* The ends are known exactly: take them out of the middle. */
		if (i == src->nr_counts - 1 || src->max <= high) {
			hist_record_n(dst,
				      (uint64_t)llround((double)src->max *
							ns_per_tick),
				      1);
			n--;
		}
		if (n && src->min >= low && src->min <= high) {
			hist_record_n(dst,
				      (uint64_t)llround((double)src->min *
							ns_per_tick),
				      1);
			n--;
		}
		if (n)
			hist_record_n(dst, (uint64_t)llround(mid * ns_per_tick),
				      n);
	}
	return 0;
}

static uint8_t *put_be32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		*p++ = (uint8_t)(v >> (24 - 8 * i));
	return p;
}

static uint8_t *put_be64(uint8_t *p, uint64_t v)
{
	return put_be32(put_be32(p, (uint32_t)(v >> 32)), (uint32_t)v);
}

static uint8_t *put_count(uint8_t *p, int64_t v)
{
	uint64_t z = ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);

	for (int i = 0; i < HLOG_WORD_MAX - 1; i++) {
		if (z < 0x80) {
			*p++ = (uint8_t)z;
			return p;
		}
		*p++ = (uint8_t)(z | 0x80);
		z >>= 7;
	}
	*p++ = (uint8_t)z; /* the ninth byte carries eight bits */
	return p;
}

static uint8_t *put_counts(uint8_t *p, const struct hist *h)
{
	uint32_t end = h->nr_counts;

	while (end > 1 && !h->count[end - 1])
		end--;
	for (uint32_t i = 0; i < end;) {
		uint32_t zeros = 0;

		while (i + zeros < end && !h->count[i + zeros])
			zeros++;
		if (zeros > 1) {
			p = put_count(p, -(int64_t)zeros);
			i += zeros;
		} else {
			p = put_count(p, (int64_t)h->count[i++]);
		}
	}
	return p;
}

/* The compressed payload of h, to be freed; NULL: no memory. */
static uint8_t *encode(const struct hist *h, size_t *len)
{
	size_t max = HLOG_HEAD_BYTES + (size_t)h->nr_counts * HLOG_WORD_MAX;
	uLong bound = compressBound(max);
	uint8_t *raw = malloc(max), *out = malloc(HLOG_COMPRESSED_HEAD + bound);
	double ratio = 1;
	uint64_t bits;
	uint8_t *p;

	if (!raw || !out)
		goto err_free;
	memcpy(&bits, &ratio, sizeof(bits));
	p = put_be32(raw, HLOG_COOKIE);
	p = put_be32(p, 0);
	p = put_be32(p, 0);
	p = put_be32(p, HIST_DIGITS);
	p = put_be64(p, 1);
	p = put_be64(p, h->highest);
	p = put_be64(p, bits);
	p = put_counts(p, h);
	put_be32(raw + 4, (uint32_t)(p - raw - HLOG_HEAD_BYTES));
	if (compress2(out + HLOG_COMPRESSED_HEAD, &bound, raw, (uLong)(p - raw),
		      Z_BEST_COMPRESSION) != Z_OK)
		goto err_free;
	put_be32(put_be32(out, HLOG_COOKIE_COMPRESSED), (uint32_t)bound);
	*len = HLOG_COMPRESSED_HEAD + bound;
	free(raw);
	return out;

err_free:
	free(raw);
	free(out);
	return NULL;
}

static void put_base64(FILE *f, const uint8_t *p, size_t len)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789+/";

	for (; len; p += 3, len = len > 3 ? len - 3 : 0) {
		uint32_t v = (uint32_t)p[0] << 16 |
			     (len > 1 ? (uint32_t)p[1] << 8 : 0) |
			     (len > 2 ? p[2] : 0);

		putc(digit[v >> 18], f);
		putc(digit[v >> 12 & 63], f);
		putc(len > 1 ? digit[v >> 6 & 63] : '=', f);
		putc(len > 2 ? digit[v & 63] : '=', f);
	}
}

static int put_entry(FILE *f, const struct hlog_entry *e)
{
	size_t len;
	uint8_t *payload;

	if (!hlog_tag_ok(e->tag))
		return -EINVAL;
	payload = encode(e->hist, &len);
	if (!payload)
		return -ENOMEM;
	if (e->tag[0])
		fprintf(f, "Tag=%s,", e->tag);
	fprintf(f, "%.3f,%.3f,%llu,", e->start_s, e->length_s,
		(unsigned long long)e->hist->max);
	put_base64(f, payload, len);
	putc('\n', f);
	free(payload);
	return 0;
}

int hlog_write(const char *path, const struct hlog *log)
{
	time_t start = (time_t)log->start_unix_s;
	char date[64] = "";
	struct tm tm;
	FILE *f = fopen(path, "wxe");
	int rc = 0;

	if (!f)
		return -errno;
	if (gmtime_r(&start, &tm))
		strftime(date, sizeof(date), "%a %b %d %H:%M:%S UTC %Y", &tm);
	fprintf(f,
		"#[Logged with zonebench; values and Interval_Max in "
		"nanoseconds]\n"
		"#[Histogram log format version 1.3]\n"
		"#[StartTime: %.3f (seconds since epoch), %s]\n"
		"\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
		"\"Interval_Compressed_Histogram\"\n",
		log->start_unix_s, date);
	for (unsigned i = 0; i < log->nr && !rc; i++)
		rc = put_entry(f, &log->entry[i]);
	if (!rc)
		rc = outfile_flush(f);
	if (fclose(f) != 0 && !rc)
		rc = -errno;
	return rc;
}
