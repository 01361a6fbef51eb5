/* What of a killed run counts as done, and progress in words. */
#include "harness/progress.h"
#include "harness/rundir.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

static void put(const char *dir, const char *file, const char *text)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = fopen(path, "w");
	cr_assert_not_null(f);
	fputs(text, f);
	fclose(f);
}

static void begin(struct rundir *d, char root[64])
{
	char err[512], out[128];

	strcpy(root, "/tmp/zonebench-rundir-XXXXXX");
	cr_assert_not_null(mkdtemp(root));
	snprintf(out, sizeof(out), "%s/a/run", root);
	cr_assert_eq(rundir_create(d, out, "", err, sizeof(err)), 0, "%s", err);
}

static void end(struct rundir *d, const char *root)
{
	char command[128];

	rundir_close(d);
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	cr_expect_eq(system(command), 0);
}

Test(rundir, a_repetition_is_there_whole_or_not_at_all)
{
	char root[64], tmp[PATH_MAX], rep[PATH_MAX + 32], err[512];
	struct rundir d;

	begin(&d, root);
	cr_expect_not(rundir_has(&d, "cell", 0));
	cr_assert_eq(rundir_begin(&d, "cell", 0, tmp, err, sizeof(err)), 0);
	put(tmp, "result.json", "{}");
	cr_expect_not(rundir_has(&d, "cell", 0), "no status yet");
	cr_assert_eq(rundir_finish(&d, "cell", 0, "ok", err, sizeof(err)), 0,
		     "%s", err);
	cr_expect(rundir_has(&d, "cell", 0));
	cr_expect(access(tmp, F_OK), "the temporary folder is gone");
	snprintf(rep, sizeof(rep), "%s/cells/cell/rep-00", d.path);

	put(rep, "status", "ok");
	cr_expect_not(rundir_has(&d, "cell", 0), "a line cut short");
	put(rep, "status", "perhaps\n");
	cr_expect_not(rundir_has(&d, "cell", 0), "a word that is none");
	put(rep, "status", "crash signal 11\n");
	cr_expect(rundir_has(&d, "cell", 0), "a failure is an end");
	put(rep, "status", "ok\n");
	rundir_forget(rep, "result.json");
	cr_expect_not(rundir_has(&d, "cell", 0), "ok without a number");

	/* begun again: nothing of the old is left */
	cr_assert_eq(rundir_begin(&d, "cell", 0, tmp, err, sizeof(err)), 0);
	cr_expect(access(rep, F_OK));
	end(&d, root);
}

Test(rundir, one_writer_and_no_overwriting)
{
	char root[64], err[512];
	struct rundir d, other;

	begin(&d, root);
	cr_expect_eq(rundir_open(&other, d.path, err, sizeof(err)), -EBUSY);
	rundir_close(&other);
	put(d.path, "run.json", "{}");
	cr_expect_eq(rundir_create(&other, d.path, "", err, sizeof(err)),
		     -EEXIST);
	rundir_close(&other);
	end(&d, root);
}

Test(rundir, known_words)
{
	cr_expect(status_is_known("ok\n"));
	cr_expect(status_is_known("void worker 0 did not stay"));
	cr_expect(status_is_known("timeout"));
	cr_expect_not(status_is_known(""));
	cr_expect_not(status_is_known("okay"));
	cr_expect_not(status_is_known("o"));
}

Test(progress, fits_a_terminal)
{
	struct progress p = { .nr_steps = 9999, .done = 4999, .failed = 1234 };
	char line[256], cell[200];

	memset(cell, 'c', sizeof(cell) - 1);
	cell[sizeof(cell) - 1] = 0;
	progress_text(&p, cell, 98, 1000000000, line, sizeof(line));
	cr_expect_leq(strlen(line), PROGRESS_COLUMNS, "%zu", strlen(line));
	cr_expect_not_null(strstr(line, "#98"), "%s", line);
}

Test(progress, time_left)
{
	struct progress p = { .nr_steps = 10,
			      .done = 0,
			      .estimate_ns = 20000000000 };
	char line[256];

	progress_text(&p, "c", 0, 0, line, sizeof(line));
	cr_expect_str_eq(line, "  0% 0/10  20s left  c #0");
	/* two were there before; two more took 8 s, six are left */
	p.done = 4;
	p.skipped = 2;
	progress_text(&p, "c", 1, 8000000000, line, sizeof(line));
	cr_expect_str_eq(line, " 40% 4/10  24s left  c #1");
	progress_time(3900000000000, line, sizeof(line));
	cr_expect_str_eq(line, "1h05m");
}
