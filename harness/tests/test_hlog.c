/*
 * latency.hlog: what is written is read back, what the Java library wrote is
 * read to the same percentiles, and nothing damaged is taken for a histogram.
 */
#include "harness/hlog.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char err[512];

TestSuite(hlog, .timeout = 60);

static struct hist *new_hist(uint64_t highest)
{
	struct hist_config cfg;
	struct hist *h;

	cr_assert_eq(hist_config_init(&cfg, highest), 0);
	h = hist_create(&cfg);
	cr_assert(h);
	return h;
}

static uint64_t rng_next(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

/* Values over many powers of two, with a long tail. */
static void fill(struct hist *h, uint64_t seed, int n)
{
	for (int i = 0; i < n; i++) {
		uint64_t v = rng_next(&seed);

		hist_record(h, (v >> 20) % (20 + (1ULL << (v % 34))));
	}
}

/* The text of a log with the two histograms, to be freed. */
static char *written(struct hist *alloc, struct hist *free_, size_t *len)
{
	struct hlog_entry e[2] = {
		{ .tag = "alloc", .length_s = 1.5, .hist = alloc },
		{ .tag = "free", .length_s = 1.5, .hist = free_ },
	};
	struct hlog log = { 1700000000.25, e, 2 };
	char path[] = "/tmp/zonebench-hlog-XXXXXX";
	char *text = NULL;
	FILE *f;
	int fd = mkstemp(path);

	cr_assert(fd >= 0);
	close(fd);
	cr_assert_eq(hlog_write(path, &log), -EEXIST);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(hlog_write(path, &log), 0);
	f = fopen(path, "r");
	cr_assert(f);
	*len = 0;
	text = malloc(1 << 20);
	*len = fread(text, 1, 1 << 20, f);
	fclose(f);
	unlink(path);
	return text;
}

Test(hlog, round_trip_keeps_every_count)
{
	struct hist *a = new_hist((1ULL << 40) - 1), *b = new_hist(1 << 20);
	struct hlog log;
	size_t len;
	char *text;

	fill(a, 42, 200000);
	fill(b, 7, 13);
	text = written(a, b, &len);
	cr_assert_eq(hlog_read_memory(&log, "t", text, len, err, sizeof(err)),
		     0, "%s", err);
	cr_assert_eq(log.nr, 2);
	cr_assert_float_eq(log.start_unix_s, 1700000000.25, 1e-6);
	cr_assert_str_eq(log.entry[0].tag, "alloc");
	cr_assert_str_eq(log.entry[1].tag, "free");
	cr_assert_float_eq(log.entry[1].length_s, 1.5, 1e-9);
	cr_assert_eq(log.entry[0].hist->nr_counts, a->nr_counts);
	cr_assert_arr_eq(log.entry[0].hist->count, a->count,
			 a->nr_counts * sizeof(a->count[0]));
	cr_assert_arr_eq(log.entry[1].hist->count, b->count,
			 b->nr_counts * sizeof(b->count[0]));
	for (double p = 0; p <= 100; p += 0.37)
		cr_assert_eq(hist_percentile(log.entry[0].hist, p),
			     hist_percentile(a, p));
	hlog_free(&log);
	free(text);
	hist_destroy(a);
	hist_destroy(b);
}

Test(hlog, empty_and_huge_counts_survive)
{
	struct hist *a = new_hist(4095), *b = new_hist(4095);
	struct hlog log;
	size_t len;
	char *text;

	hist_record_n(b, 17, INT64_MAX / 2);
	hist_record_n(b, 4095, 127);
	hist_record_n(b, 4000, 1ULL << 55);
	text = written(a, b, &len);
	cr_assert_eq(hlog_read_memory(&log, "t", text, len, err, sizeof(err)),
		     0, "%s", err);
	cr_assert_eq(hist_count(log.entry[0].hist), 0);
	cr_assert_eq(log.entry[1].hist->count[17], INT64_MAX / 2);
	cr_assert_eq(log.entry[1].hist->count[hist_index(4000)], 1ULL << 55);
	hlog_free(&log);
	free(text);
	hist_destroy(a);
	hist_destroy(b);
}

/* data/java.hlog: see scripts/tests/oracles/WriteHlog.java; the percentiles
 * are what the same library gives for it. */
Test(hlog, reads_what_the_java_library_wrote)
{
	static const double percent[] = { 50, 90, 99, 99.9, 99.99, 100 };
	static const uint64_t alloc[] = { 50015, 90047,  99007,
					  99903, 100031, 100031 };
	struct hlog log;
	uint64_t n = 0;

	cr_assert_eq(hlog_read(&log, "harness/tests/data/java.hlog", err,
			       sizeof(err)),
		     0, "%s", err);
	cr_assert_eq(log.nr, 2);
	cr_assert_float_eq(log.start_unix_s, 1700000000, 1e-3);
	for (size_t i = 0; i < ARRAY_SIZE(percent); i++)
		cr_assert_eq(hist_percentile(log.entry[0].hist, percent[i]),
			     alloc[i]);
	for (uint64_t v = 1; v < 1000000000; v *= 7) {
		cr_assert_eq(log.entry[1].hist->count[hist_index(v)],
			     v % 5 + 1);
		n += v % 5 + 1;
	}
	cr_assert_eq(hist_count(log.entry[1].hist), n);
	hlog_free(&log);
}

/* Percentiles in ns against those of the exact values. */
Test(hlog, ticks_become_nanoseconds_within_the_layout)
{
	static const double ratio[] = { 0.2631, 0.5, 1, 0.999, 3.7 };

	for (size_t i = 0; i < ARRAY_SIZE(ratio); i++) {
		struct hist *ticks = new_hist(HIST_HIGHEST_DEFAULT);
		struct hist *ns = new_hist(HIST_HIGHEST_DEFAULT);

		fill(ticks, 99 + i, 50000);
		cr_assert_eq(hlog_ticks_to_ns(ns, ticks, ratio[i]), 0);
		cr_assert_eq(hist_count(ns), hist_count(ticks));
		for (double p = 0.1; p < 100; p += 0.7) {
			double want =
				(double)hist_percentile(ticks, p) * ratio[i];
			double got = (double)hist_percentile(ns, p);

			cr_assert(fabs(got - want) <= want / 512 + 1.5,
				  "p%g: %g, want %g", p, got, want);
		}
		cr_assert_eq(ns->max,
			     (uint64_t)llround((double)ticks->max * ratio[i]));
		cr_assert_eq(ns->min,
			     (uint64_t)llround((double)ticks->min * ratio[i]));
		hist_destroy(ticks);
		hist_destroy(ns);
	}
}

Test(hlog, conversion_refuses_a_senseless_ratio)
{
	struct hist *h = new_hist(4095);

	cr_assert_eq(hlog_ticks_to_ns(h, h, 0), -ERANGE);
	cr_assert_eq(hlog_ticks_to_ns(h, h, NAN), -ERANGE);
	cr_assert_eq(hlog_ticks_to_ns(h, h, 1e9), -ERANGE);
	hist_destroy(h);
}

/* Each prefix that is not whole lines is refused with one line. */
Test(hlog, truncated_text_is_refused)
{
	struct hist *a = new_hist(1 << 20);
	struct hlog log;
	size_t len;
	char *text;

	fill(a, 1, 3000);
	text = written(a, a, &len);
	for (size_t cut = 1; cut < len; cut++) {
		if (text[cut - 1] == '\n')
			continue;
		err[0] = '\0';
		cr_assert_eq(hlog_read_memory(&log, "t", text, cut, err,
					      sizeof(err)),
			     -EINVAL);
		cr_assert_eq(strncmp(err, "t:", 2), 0);
		cr_assert_null(strchr(err, '\n'));
		cr_assert_eq(log.nr, 0);
	}
	free(text);
	hist_destroy(a);
}

/* A payload has a checksum: each flipped bit must be noticed. */
Test(hlog, a_flipped_bit_in_a_payload_is_refused)
{
	struct hist *a = new_hist(1 << 16), *b = new_hist(4095);
	struct hlog log;
	char *text, *payload;
	size_t len;

	fill(a, 3, 500);
	text = written(a, b, &len);
	payload = strstr(text, "HISTF");
	cr_assert(payload, "a compressed V2 cookie begins so in base64");
	for (char *c = payload; *c != '\n' && *c != '='; c++) {
		char was = *c;

		*c = was == 'A' ? 'B' : 'A';
		cr_assert_neq(hlog_read_memory(&log, "t", text, len, err,
					       sizeof(err)),
			      0, "at %td", c - payload);
		*c = was;
	}
	cr_assert_eq(hlog_read_memory(&log, "t", text, len, err, sizeof(err)),
		     0);
	hlog_free(&log);
	free(text);
	hist_destroy(a);
	hist_destroy(b);
}

Test(hlog, senseless_lines_are_refused)
{
	static const char *const bad[] = {
		"Tag=,0,1,2,HIST\n",
		"Tag=a b,0,1,2,HIST\n",
		"0,1,2\n",
		"0,1,2,\n",
		"x,1,2,HISTFAAA\n",
		"0,1,2,====\n",
		"0,1,2,HISTFAAAAAA=\n",
		"-1,1,2,HISTFAAA\n",
		"#[StartTime: now (seconds since epoch)]\n",
	};
	struct hlog log;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_assert_eq(hlog_read_memory(&log, "t", bad[i], strlen(bad[i]),
					      err, sizeof(err)),
			     -EINVAL, "%s", bad[i]);
}

Test(hlog, a_tag_that_would_break_the_line_is_not_written)
{
	struct hist *h = new_hist(4095);
	struct hlog_entry e = { .tag = "a,b", .hist = h };
	struct hlog log = { 0, &e, 1 };

	cr_assert_eq(hlog_write("/tmp/zonebench-never", &log), -EINVAL);
	unlink("/tmp/zonebench-never");
	hist_destroy(h);
}
