/*
 * Real kernels' slab logs played on the slab engines: all must come out equal,
 * and a log with one thing changed must not.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/bind.h"
#include "harness/kernel_log.h"
#include "harness/slab_log.h"

#define DATA "alloc/slab/tests/data/kt-x64slub-256m/kt"

TestSuite(slab_log, .timeout = 120);

static char message[2048];

/* As slab_log_play(), on text; -1 bad input. */
static int play_text(const char *text, size_t len)
{
	struct slab_log log = {
		.ops = slab_binding_find("slub")->ops,
		.pages = page_binding_find("pcp")->ops,
		.nr_online = 1,
		.end_pfn = 65536,
		.in = { text, text + len, "log", 0 },
	};
	char err[1024] = "";
	int rc = slab_log_play(&log, err, sizeof(err));

	snprintf(message, sizeof(message), "%s%s", err, log.difference);
	return rc < 0 ? -1 : rc;
}

static char *log_text(const char *path, size_t *len)
{
	char err[512], *text;

	cr_assert_eq(kernel_log_read(path, &text, len, err, sizeof(err)), 0,
		     "%s", err);
	return text;
}

static int is_log(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 7 && !strcmp(e->d_name + n - 7, ".log.gz");
}

Test(slab_log, every_slub_log)
{
	struct dirent **entry;
	int n = scandir(DATA, &entry, is_log, alphasort);

	cr_assert_geq(n, 6);
	for (int i = 0; i < n; i++) {
		const char *engine;
		char path[1024];
		size_t len;
		char *text;

		snprintf(path, sizeof(path), DATA "/%s", entry[i]->d_name);
		text = log_text(path, &len);
		cr_assert_eq(slab_log_kind(text, len, &engine), LOG_OF_SLABS);
		cr_assert_str_eq(engine, "slub");
		cr_assert_eq(play_text(text, len), 0, "%s: %s", path, message);
		free(text);
		free(entry[i]);
	}
	free(entry);
}

/* The log with the first occurrence of one text replaced by another. */
static int play_changed(const char *from, const char *to)
{
	size_t len, at;
	char *text = log_text(DATA "/40_slab_2048_0_n.log.gz", &len), *found;
	char *changed = malloc(len + strlen(to) + 1);
	int rc;

	found = strstr(text, from);
	cr_assert(changed && found, "%s", from);
	at = (size_t)(found - text);
	memcpy(changed, text, at);
	memcpy(changed + at, to, strlen(to));
	strcpy(changed + at + strlen(to), found + strlen(from));
	rc = play_text(changed, strlen(changed));
	free(text);
	free(changed);
	return rc;
}

Test(slab_log, a_changed_log_differs)
{
	cr_assert_eq(play_changed("slab 1 offset 2048", "slab 1 offset 4096"),
		     1);
	cr_assert(strstr(message, "log:12: object of kt2048n0"), "%s", message);
	cr_assert_eq(play_changed("cpu_partial 24", "cpu_partial 30"), 1);
	cr_assert(strstr(message, "after 'cpu_partial': expected '30'"), "%s",
		  message);
	cr_assert_eq(play_changed("freelist: 6 2 1 0", "freelist: 6 2 0 1"), 1);
	cr_assert_eq(play_changed(" CPU-PARTIAL slab 4 inuse 6 objects 8 "
				  "slabs 1\n",
				  ""),
		     1);
	cr_assert(strstr(message, "state"), "%s", message);
}

Test(slab_log, frames_that_do_not_agree_with_each_other_differ)
{
	static const struct {
		const char *from, *to, *expect;
	} changed[] = {
		{ "2048 order 2 pfn 6348", "2048 order 2 pfn 6352",
		  "log:4: slab 0 of kt2048n0: expected pfn 6348 as before, "
		  "got 6352" },
		{ "pfn 6596", "pfn 6597",
		  "log:11: slab 1 of kt2048n0: expected a pfn aligned for "
		  "order 2, got 6597" },
		{ "pfn 6596", "pfn 6348",
		  "log:11: slab 1 of kt2048n0: expected a pfn of its own, got "
		  "6348, where slab 0 of kt2048n0 is" },
		{ "pfn 6596", "pfn 65536",
		  "log:11: slab 1 of kt2048n0: expected pages below 65536, "
		  "got 65536" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(changed); i++) {
		cr_assert_eq(play_changed(changed[i].from, changed[i].to), 1,
			     "%s", changed[i].to);
		cr_assert_str_eq(message, changed[i].expect);
	}
	cr_assert_eq(play_changed("pfn 6348", "pfn 6348 7"), -1);
	cr_assert(strstr(message, "log:3: expected 'slab N"), "%s", message);
}

/* What went back leaves its frame to others: a cache's slab of one object,
 * whose frame another cache has next. */
Test(slab_log, a_frame_is_free_again_when_its_slab_is_gone)
{
	static const char start[] =
		"KC a 16384 0 - -> ok\n"
		"KC b 16384 0 - -> ok\n"
		"KA 1 a -> slab 0 offset 0 order 3 pfn 64\n";
	static const char end[] = "KA 2 b -> slab 0 offset 0 order 3 pfn 64\n";
	static const char *const between[] = { "", "KF 1\nKZ a\n",
					       "KF 1\nKD a\n" };

	for (unsigned i = 0; i < ARRAY_SIZE(between); i++) {
		char text[256];

		snprintf(text, sizeof(text), "%s%s%s", start, between[i], end);
		cr_assert_eq(play_text(text, strlen(text)), i == 0, "%s",
			     message);
	}
}

Test(slab_log, bad_logs_are_refused_with_their_line)
{
	static const struct {
		const char *text, *expect;
	} bad[] = {
		{ "KC a 0 0 - -> ok\n", "log:1: expected KC NAME" },
		{ "KC a 8 3 - -> ok\n", "log:1: expected flags" },
		{ "KC a 8 0 x -> ok\n", "log:1: expected flags" },
		{ "KC a 8 0 - -> ok\nKC a 8 0 - -> ok\n", "log:2: cache a" },
		{ "KA 1 a -> slab 0\n", "log:1: expected the name" },
		{ "KF 1\n", "log:1: expected the id" },
		{ "KZ a\n", "log:1: expected the name of a cache" },
		{ "KSTATE a object_size 8\n", "log:1: expected the name" },
		{ "KSTATE q object_size 8\n", "log:1: expected a name of" },
		{ "# nothing\nA 1 0 U 0\n", "log:2: expected a slab command" },
		{ "KC a 8 0 - -> ok\nKA 1 a -> what\n",
		  "log:2: expected 'slab" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		cr_assert_eq(play_text(bad[i].text, strlen(bad[i].text)), -1,
			     "%s", bad[i].text);
		cr_assert(strstr(message, bad[i].expect), "%s: %s", bad[i].text,
			  message);
	}
}

Test(slab_log, sizes_are_read_from_names)
{
	static const char text[] =
		"KSTATE qp24 object_size 24 size-asked 24 slab_size 32 "
		"inuse_off 24 align 32 offset 8 order 0 objects 128 "
		"min_order 0 min_objects 128 min_partial 5 cpu_partial 120 "
		"cpu_partial_slabs 2 nr_partial 0\n"
		"KSTATE qu200 object_size 200 size-asked 200 slab_size 208 "
		"inuse_off 200 align 8 offset 200 order 0 objects 19 "
		"min_order 0 min_objects 19 min_partial 5 cpu_partial 120 "
		"cpu_partial_slabs 13 nr_partial 0\n";

	cr_assert_eq(play_text(text, strlen(text)), 0, "%s", message);
}
