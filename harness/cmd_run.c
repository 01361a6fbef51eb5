/*
 * zonebench run: a matrix, each repetition in a process of its own, into a
 * folder that can be completed at any time.
 *
 * The runner measures nothing. It writes run.json and env.json, then goes
 * through the plan; a repetition that stands in the folder with its status is
 * done, whatever that status is. When all are done the tables and charts are
 * made from the files.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/command.h"
#include "harness/emit.h"
#include "harness/env.h"
#include "harness/plot.h"
#include "harness/progress.h"
#include "harness/rundir.h"
#include "harness/runfile.h"
#include "harness/spawn.h"
#include "harness/summary.h"

#define CALIBRATION_WINDOWS   11
#define CALIBRATION_WINDOW_NS 10000000
#define RETRY_SHARE           5 /* one retry for so many repetitions */

struct run {
	struct run_file file;
	struct rundir dir;
	struct progress progress;
	struct job_params *params; /* of the cell at hand */
	unsigned retries_left;     /* of the whole run, see run_steps() */
	char *err;
	size_t err_len;
};

/* First line of the process' stderr, for the status. */
static void first_error(const char *dir, char *out, size_t len)
{
	char path[PATH_MAX];
	FILE *f;

	*out = 0;
	if (snprintf(path, sizeof(path), "%s/stderr.txt", dir) >=
	    (int)sizeof(path))
		return;
	f = fopen(path, "re");
	if (!f)
		return;
	if (fgets(out, (int)len, f))
		out[strcspn(out, "\n")] = 0;
	else
		*out = 0;
	fclose(f);
}

/* Line of the status file from how the process ended. */
static void status_of(const struct spawn_result *s, const char *dir,
		      char *status, size_t len)
{
	char first[200];

	switch (s->end) {
	case SPAWN_TIMED_OUT:
		snprintf(status, len, "timeout");
		return;
	case SPAWN_SIGNALLED:
		snprintf(status, len, "crash signal %d", s->code);
		return;
	case SPAWN_OOM_KILLED:
		snprintf(status, len, "oom killed by the kernel");
		return;
	default:
		break;
	}
	snprintf(status, len, "%s", s->line);
	for (size_t n = strlen(status); n && status[n - 1] == ' ';)
		status[--n] = 0;
	if (s->code == EXIT_OK && status_is_known(status))
		return;
	first_error(dir, first, sizeof(first));
	snprintf(status, len, "failed exit status %d%s%s", s->code,
		 *first ? ": " : "", first);
}

/* One try of a repetition into dir. 0, or -errno: the run cannot go on. */
static int run_once(struct run *run, const struct plan_step *step,
		    unsigned attempt, const char *dir, struct spawn_result *s)
{
	char cell[16], rep[16], try[16], errors[PATH_MAX];
	char *argv[] = { "zonebench", "rep", run->dir.path, cell,
			 rep,         try,   (char *)dir,   NULL };
	int r;

	snprintf(cell, sizeof(cell), "%u", step->cell);
	snprintf(rep, sizeof(rep), "%u", step->rep);
	snprintf(try, sizeof(try), "%u", attempt);
	if (snprintf(errors, sizeof(errors), "%s/stderr.txt", dir) >=
	    (int)sizeof(errors))
		return -ENAMETOOLONG;
	r = spawn_and_wait(
		&(struct spawn_request){ .argv = argv,
					 .stderr_path = errors,
					 .timeout_ns = run->params->timeout_ns,
					 .stop = &spawn_stop },
		s, run->err, run->err_len);
	if (r)
		return r;
	if (s->end == SPAWN_INTERRUPTED)
		return -EINTR;
	if (s->end == SPAWN_EXITED && !strncmp(s->line, "nospace ", 8)) {
		snprintf(run->err, run->err_len, "%s", s->line + 8);
		return -ENOSPC;
	}
	return 0;
}

static const char *const result_files[] = { "result.json", "series.csv",
					    "events.csv",  "numa.csv",
					    "latency.csv", "latency.hlog" };

/* A repetition with its tries; its status line in status. */
static int run_tries(struct run *run, const struct plan_step *step,
		     char dir[PATH_MAX], char *status, size_t len)
{
	const char *cell = run->file.plan.cell[step->cell].id;
	struct spawn_result s;
	int r;

	for (unsigned attempt = 0;; attempt++) {
		r = rundir_begin(&run->dir, cell, step->rep, dir, run->err,
				 run->err_len);
		if (!r)
			r = run_once(run, step, attempt, dir, &s);
		if (r)
			return r;
		/* "noisy ok REASON" */
		if (s.end != SPAWN_EXITED || strncmp(s.line, "noisy ", 6))
			break;
		memmove(s.line, "ok", 3);
		if (attempt == run->params->retries || !run->retries_left)
			break;
		run->retries_left--;
	}
	status_of(&s, dir, status, len);
	if (!strncmp(status, "ok", 2))
		return 0;
	/* what has no valid end has no number */
	for (size_t i = 0; i < ARRAY_SIZE(result_files); i++)
		rundir_forget(dir, result_files[i]);
	return 0;
}

static int run_step(struct run *run, const struct plan_step *step)
{
	const char *cell = run->file.plan.cell[step->cell].id;
	char dir[PATH_MAX], status[SPAWN_LINE_MAX];
	int r = plan_cell_params(&run->file.plan, &run->file.job, step->cell,
				 run->params, run->err, run->err_len);

	if (r)
		return r;
	progress_step(&run->progress, cell, step->rep);
	r = run_tries(run, step, dir, status, sizeof(status));
	if (!r)
		r = rundir_finish(&run->dir, cell, step->rep, status, run->err,
				  run->err_len);
	if (r)
		return r;
	progress_done(&run->progress, cell, step->rep, status);
	return 0;
}

static unsigned count_done(const struct run *run)
{
	const struct plan *plan = &run->file.plan;
	unsigned done = 0;

	for (unsigned i = 0; i < plan->nr_steps; i++)
		done += rundir_has(&run->dir, plan->cell[plan->step[i].cell].id,
				   plan->step[i].rep);
	return done;
}

static int run_steps(struct run *run)
{
	const struct plan *plan = &run->file.plan;
	int r = 0;

	/* on a host that is noisy all the time, trying again only takes time */
	run->retries_left = (plan->nr_steps + RETRY_SHARE - 1) / RETRY_SHARE;
	progress_begin(&run->progress, stdout, plan->nr_steps, count_done(run),
		       plan_estimate_ns(plan));
	for (unsigned i = 0; i < plan->nr_steps && !r; i++) {
		const struct plan_step *step = &plan->step[i];

		if (spawn_stop)
			r = -EINTR;
		else if (!rundir_has(&run->dir, plan->cell[step->cell].id,
				     step->rep))
			r = run_step(run, step);
	}
	progress_end(&run->progress);
	return r;
}

static int begin_new(struct run *run, int argc, char **argv, const char **out)
{
	static char path[JOB_VALUE_MAX];
	const struct kv *kv;
	int r = run_file_make(&run->file, argc, argv, run->err, run->err_len);

	if (r)
		return r;
	kv = kv_find(&run->file.job.cli, option_find("out", AT_CLI));
	snprintf(path, sizeof(path), "%s", kv ? kv->text : "");
	*out = path;
	return 0;
}

/* Folder, env.json, run.json: from the last on it can be resumed. */
static int create_folder(struct run *run, const struct clock_info *clock,
			 const char *out)
{
	struct run_file *rf = &run->file;
	int r = rundir_create(&run->dir, out, rf->id, run->err, run->err_len);

	if (r)
		return r;
	r = env_write(rf, clock, run->dir.path, run->err, run->err_len);
	if (!r)
		r = run_file_write(rf, run->dir.path, run->err, run->err_len);
	return r;
}

static void announce(const struct run *run, const struct clock_info *clock)
{
	const struct plan *plan = &run->file.plan;
	char time[32];

	progress_time(plan_estimate_ns(plan), time, sizeof(time));
	printf("%s: %u cells x %u repetitions, seed %llu, about %s\n",
	       run->file.name, plan->nr_cells, plan->repeat,
	       (unsigned long long)plan->seed, time);
	if (clock)
		printf("clock: %.3f MHz, a reading costs %.1f ns, its quantum "
		       "is %.2f ns\n",
		       clock->tsc_hz / 1e6, clock->cost_ns, clock->quantum_ns);
	for (unsigned i = 0; i < plan->nr_left_out; i++)
		printf("left out: %s\n", plan->left_out[i]);
	printf("results: %s\n", run->dir.path);
	fflush(stdout);
}

/* What the folder holds after its last repetition. */
static int finish(struct run *run)
{
	int r = emit_run(run->dir.path, run->err, run->err_len);

	if (!r)
		r = plot_run(run->dir.path, NULL, run->err, run->err_len);
	if (r == -ENOENT) {
		/* everything but the charts is there, and can be charted */
		printf("no charts: %s\n", run->err);
		*run->err = 0;
		r = 0;
	}
	if (!r)
		r = summary_print(stdout, run->dir.path, run->err,
				  run->err_len);
	return r;
}

/* How a run that did not come to its end goes on. */
static int stopped(struct run *run, int r)
{
	char why[512];

	if (r == -EINTR)
		snprintf(why, sizeof(why), "interrupted");
	else
		snprintf(why, sizeof(why), "%.500s", run->err);
	snprintf(run->err, run->err_len,
		 "%s; continue with: zonebench run --resume %s", why,
		 run->dir.path);
	return r == -EINTR ? 128 + spawn_stop : EXIT_FAILED;
}

/* Of the whole run, not only of this call. */
static unsigned count_without_number(const struct run *run)
{
	const struct plan *plan = &run->file.plan;
	char path[PATH_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < plan->nr_steps; i++) {
		if (snprintf(path, sizeof(path),
			     "%s/cells/%s/rep-%02u/result.json", run->dir.path,
			     plan->cell[plan->step[i].cell].id,
			     plan->step[i].rep) >= (int)sizeof(path))
			continue;
		n += access(path, R_OK) != 0;
	}
	return n;
}

static int run_all(struct run *run, const struct clock_info *clock)
{
	unsigned without;
	int r;

	announce(run, clock);
	r = run_steps(run);
	if (r)
		return stopped(run, r);
	if (finish(run))
		return EXIT_FAILED;
	without = count_without_number(run);
	if (!without)
		return EXIT_OK;
	snprintf(run->err, run->err_len,
		 "%u of %u repetitions gave no number, see %s/failed.csv",
		 without, run->file.plan.nr_steps, run->dir.path);
	return EXIT_FAILED;
}

static int run_new(struct run *run, int argc, char **argv)
{
	struct clock_info clock;
	const char *out;
	int r = begin_new(run, argc, argv, &out);

	if (r)
		return r == -ENOMEM ? EXIT_FAILED : EXIT_USAGE;
	if (clock_calibrate(&clock, CALIBRATION_WINDOWS, CALIBRATION_WINDOW_NS,
			    run->err, run->err_len))
		return EXIT_FAILED;
	r = create_folder(run, &clock, out);
	if (r)
		return r == -EEXIST ? EXIT_USAGE : EXIT_FAILED;
	return run_all(run, &clock);
}

static int resume(struct run *run, const char *path)
{
	struct clock_info clock;
	int r = rundir_open(&run->dir, path, run->err, run->err_len);

	if (!r)
		r = run_file_load(&run->file, run->dir.path, -1, run->err,
				  run->err_len);
	if (r)
		return r == -EBUSY ? EXIT_FAILED : EXIT_USAGE;
	if (clock_calibrate(&clock, CALIBRATION_WINDOWS, CALIBRATION_WINDOW_NS,
			    run->err, run->err_len))
		return EXIT_FAILED;
	return run_all(run, &clock);
}

/* --resume DIR or --resume=DIR alone; "" if it is malformed. */
static const char *resume_argument(int argc, char **argv)
{
	if (argc < 2 || strncmp(argv[1], "--resume", 8))
		return NULL;
	if (argc == 3 && !argv[1][8])
		return argv[2];
	if (argc == 2 && argv[1][8] == '=')
		return argv[1] + 9;
	return "";
}

static int run_run(int argc, char **argv, char *err, size_t err_len)
{
	const char *path = resume_argument(argc, argv);
	struct run run = { .dir.lock = -1, .err = err, .err_len = err_len };
	int status;

	if (path && !*path) {
		snprintf(err, err_len,
			 "command line: --resume: expected one "
			 "folder of a run behind it");
		return EXIT_USAGE;
	}
	run.params = malloc(sizeof(*run.params));
	if (!run.params) {
		snprintf(err, err_len, "out of memory");
		return EXIT_FAILED;
	}
	spawn_stop_on_signals();
	status = path ? resume(&run, path) : run_new(&run, argc - 1, argv + 1);
	run_file_drop(&run.file);
	rundir_close(&run.dir);
	free(run.params);
	return status;
}

static struct command run_command = {
	.name = "run",
	.usage = "[JOB.ini] [KEY=VALUE...] | --resume DIR",
	.summary = "run a matrix of cells, each repetition a fresh process",
	.help = "Keys on the command line win over those of the job file; a "
		"list with commas\nmultiplies. `zonebench list options` tells "
		"all keys. With a job file workload=\nchooses among its "
		"sections.\n\n"
		"Ctrl-C leaves a folder that --resume completes.\n\n"
		"exit status: 0 all is well; 1 a repetition gave no number, or "
		"the run could not\nend; 2 bad input, nothing was written\n",
	.run = run_run,
};
COMMAND(run_command);
