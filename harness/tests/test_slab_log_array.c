/*
 * Real kernels' logs of SLAB played on the engine `slab`: objects, arrays and
 * the three lists must come out equal to the last line, and a log with one
 * thing changed must not.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/bind.h"
#include "harness/kernel_log.h"
#include "harness/slab_log.h"

#define DATA "alloc/slab/tests/data"

TestSuite(slab_log_array, .timeout = 120);

static char message[2048];

static char *text_of(const char *path, size_t *len)
{
	char err[512], *text;

	cr_assert_eq(kernel_log_read(path, &text, len, err, sizeof(err)), 0,
		     "%s", err);
	return text;
}

/* As slab_log_play(); what was compared goes to *tally. */
static int play(const char *text, size_t len, unsigned cpus,
		struct slab_log_tally *tally)
{
	struct slab_log log = {
		.ops = slab_binding_find("slab")->ops,
		.pages = page_binding_find("pcp")->ops,
		.kernel = KERNEL_6_1,
		.nr_online = cpus,
		.in = { .at = text, .end = text + len, .name = "log" },
	};
	char err[1024] = "";
	int rc = slab_log_play(&log, err, sizeof(err));

	snprintf(message, sizeof(message), "%s%s", err, log.difference);
	*tally = log.tally;
	return rc;
}

/* Every log of a folder; adds to *sum what was compared. */
static unsigned play_folder(const char *config, unsigned cpus,
			    struct slab_log_tally *sum)
{
	char folder[512], path[1024];
	struct slab_log_tally t;
	const struct dirent *e;
	unsigned nr = 0;
	DIR *dir;

	snprintf(folder, sizeof(folder), DATA "/%s/kt", config);
	dir = opendir(folder);
	cr_assert(dir, "%s: run from the root of the repository", folder);
	while ((e = readdir(dir))) {
		const char *engine;
		size_t len;
		char *text;

		if (!strstr(e->d_name, ".log.gz"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		text = text_of(path, &len);
		cr_assert_eq(slab_log_kind(text, len, &engine), LOG_OF_SLABS);
		cr_assert_str_eq(engine, "slab");
		cr_assert_eq(play(text, len, cpus, &t), 0, "%s: %s", path,
			     message);
		sum->objects += t.objects;
		sum->states += t.states;
		sum->state_lines += t.state_lines;
		free(text);
		nr++;
	}
	closedir(dir);
	return nr;
}

Test(slab_log_array, every_log_of_slab_comes_out_equal)
{
	struct slab_log_tally sum = { 0 };

	cr_assert_eq(play_folder("kt-x64slab-256m", 1, &sum), 7);
	cr_assert_eq(play_folder("kt-x64slab-cpus4", 4, &sum), 14);
	/* as many as the logs have */
	cr_assert_eq(sum.objects, 1305 + 3649);
	cr_assert_eq(sum.states, 36 + 78 + 2 * 197);
	cr_assert_geq(sum.state_lines, 2000);
}

/* The log with the first occurrence of one text replaced by another. */
static int play_changed(const char *from, const char *to)
{
	struct slab_log_tally t;
	size_t len, at;
	char *text = text_of(DATA "/kt-x64slab-cpus4/kt/40_slab_700_0_p.log.gz",
			     &len);
	char *changed = malloc(len + strlen(to) + 1);
	char *found = strstr(text, from);
	int rc;

	cr_assert(changed && found, "%s", from);
	at = (size_t)(found - text);
	memcpy(changed, text, at);
	memcpy(changed + at, to, strlen(to));
	strcpy(changed + at + strlen(to), found + strlen(from));
	rc = play(changed, strlen(changed), 4, &t);
	free(text);
	free(changed);
	return rc;
}

Test(slab_log_array, a_changed_log_differs)
{
	cr_assert_eq(play_changed("colour 7", "colour 8"), 1);
	cr_assert(strstr(message, "after 'colour'"), "%s", message);
	cr_assert_eq(play_changed("slab 3 offset 7296", "slab 3 offset 7232"),
		     1);
	cr_assert_eq(play_changed("7.0 7.1 7.2", "7.1 7.0 7.2"), 1);
	cr_assert_eq(play_changed("SHARED avail 54", "SHARED avail 55"), 1);
	cr_assert_eq(play_changed(" FULL slab 6 active 11\n", ""), 1);
}
