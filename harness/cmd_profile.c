/*
 * zonebench profile: where one cell's time goes.
 *
 * The cell is run as `zonebench run` would run it, one repetition in a process
 * of its own, but under `perf record`, which counts only while the gate of the
 * throughput window is open. What perf recorded is then read back by perf's own
 * tools and turned into text and a flame graph, in the folder's profile/.
 *
 * Stacks are unwound from copies of the stack with the debugger's tables
 * (--call-graph dwarf). Frame pointers would be cheaper, but an optimised build
 * keeps none, and with the tables perf also names the functions that were
 * inlined into a loop, which in this program is nearly all of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/command.h"
#include "harness/env.h"
#include "harness/profile.h"
#include "harness/rundir.h"

#define CALIBRATION_WINDOWS   11
#define CALIBRATION_WINDOW_NS 10000000
#define LEAST_FD              10 /* beyond those that the process uses itself */
#define STACK_DUMP_BYTES      "4096"

/* What a user's settings would change in perf's output, or send abroad. */
static void plain_environment(void)
{
	setenv("PERF_CONFIG", "/dev/null", 1);
	setenv("LC_ALL", "C", 1);
	unsetenv("DEBUGINFOD_URLS");
}

/* "engine, threads": the keys in which the cells of a matrix differ. */
static void differing_keys(const struct plan *plan, char *out, size_t len)
{
	size_t used = 0;

	*out = 0;
	for (unsigned k = 0; k < nr_options && used < len; k++) {
		const char *first = cell_value(&plan->cell[0], options[k].name);
		unsigned i = 1;

		while (i < plan->nr_cells &&
		       !strcmp(first,
			       cell_value(&plan->cell[i], options[k].name)))
			i++;
		if (i < plan->nr_cells)
			used += (size_t)snprintf(out + used, len - used, "%s%s",
						 used ? ", " : "",
						 options[k].name);
	}
}

/* One cell, one repetition. */
static int check_one(struct profile *p)
{
	const struct plan *plan = &p->file.plan;
	char keys[200];

	if (plan->nr_cells != 1) {
		differing_keys(plan, keys, sizeof(keys));
		snprintf(p->err, p->err_len,
			 "command line: expected one cell, these are %u that "
			 "differ in %s; give one value for each",
			 plan->nr_cells, *keys ? keys : "their section");
		return -EINVAL;
	}
	if (plan->repeat != 1) {
		snprintf(p->err, p->err_len,
			 "command line: repeat=%u: expected 1, a profile is "
			 "one repetition",
			 plan->repeat);
		return -EINVAL;
	}
	return 0;
}

static bool has_key(int argc, char **argv, const char *key)
{
	const size_t n = strlen(key);

	for (int i = 0; i < argc; i++)
		if (!strncmp(argv[i], key, n) && argv[i][n] == '=')
			return true;
	return false;
}

static bool has_file(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (!strchr(argv[i], '='))
			return true;
	return false;
}

/* The run's grammar with a profile's own defaults. */
static int make_plan(struct profile *p, int argc, char **argv)
{
	char **all = calloc((size_t)argc + 8, sizeof(*all));
	bool file = has_file(argc, argv);
	int n = argc, r;

	if (!all) {
		snprintf(p->err, p->err_len, "out of memory");
		return -ENOMEM;
	}
	memcpy(all, argv, (size_t)argc * sizeof(*all));
	if (!has_key(argc, argv, "repeat"))
		all[n++] = "repeat=1";
	if (!has_key(argc, argv, "lat_runtime"))
		all[n++] = "lat_runtime=0";
	if (!has_key(argc, argv, "name"))
		all[n++] = "name=profile";
	if (!file && !has_key(argc, argv, "runtime"))
		all[n++] = "runtime=2s";
	r = run_file_make(&p->file, n, all, p->err, p->err_len);
	free(all);
	if (!r)
		r = check_one(p);
	if (!r)
		r = plan_cell_params(&p->file.plan, &p->file.job, 0, p->params,
				     p->err, p->err_len);
	return r;
}

static int create_folder(struct profile *p)
{
	const struct kv *kv =
		kv_find(&p->file.job.cli, option_find("out", AT_CLI));
	struct clock_info clock;
	int r = clock_calibrate(&clock, CALIBRATION_WINDOWS,
				CALIBRATION_WINDOW_NS, p->err, p->err_len);

	if (!r)
		r = rundir_create(&p->dir, kv ? kv->text : "", p->file.id,
				  p->err, p->err_len);
	if (!r)
		r = env_write(&p->file, &clock, p->dir.path, p->err,
			      p->err_len);
	if (!r)
		r = run_file_write(&p->file, p->dir.path, p->err, p->err_len);
	if (r)
		return r;
	if (snprintf(p->out, sizeof(p->out), "%s/profile", p->dir.path) >=
	    (int)sizeof(p->out) - NAME_MAX) {
		snprintf(p->err, p->err_len, "%.200s: path too long",
			 p->dir.path);
		return -ENAMETOOLONG;
	}
	if (mkdir(p->out, 0777)) {
		r = -errno;
		snprintf(p->err, p->err_len, "%.600s: %s", p->out,
			 strerror(-r));
	}
	return r;
}

/* Two pipes, all ends beyond the descriptors that spawn.c uses. */
static int open_gate(int fd[4], char *err, size_t err_len)
{
	int pair[2], r = 0;

	for (unsigned i = 0; i < 4; i++)
		fd[i] = -1;
	for (unsigned i = 0; i < 4 && !r; i += 2) {
		if (pipe2(pair, O_CLOEXEC)) {
			r = -errno;
			break;
		}
		for (unsigned k = 0; k < 2; k++) {
			fd[i + k] = fcntl(pair[k], F_DUPFD_CLOEXEC, LEAST_FD);
			if (fd[i + k] < 0)
				r = -errno;
			close(pair[k]);
		}
	}
	if (r)
		snprintf(err, err_len, "pipe: %s", strerror(-r));
	return r;
}

static void close_gate(int fd[4])
{
	for (unsigned i = 0; i < 4; i++)
		if (fd[i] >= 0)
			close(fd[i]);
}

/* perf record over the repetition. fd: command read, write; answer read,
 * write. */
static int record(struct profile *p, const char *dir, int fd[4],
		  struct spawn_result *s)
{
	char hz[16], control[64], command[16], answer[16], errors[PATH_MAX];
	char *argv[] = {
		"perf",
		"record",
		"-q",
		"-e",
		p->choice.event,
		"-F",
		hz,
		"--call-graph",
		"dwarf," STACK_DUMP_BYTES,
		"-N",
		"-D",
		"-1",
		"--control",
		control,
		"-o",
		p->data,
		"--",
		p->self,
		"rep",
		p->dir.path,
		"0",
		"0",
		"0",
		(char *)dir,
		command,
		answer,
		NULL,
	};
	const struct perf_call call = { argv, NULL, errors, fd, 4 };

	if (snprintf(errors, sizeof(errors), "%s/stderr.txt", dir) >=
	    (int)sizeof(errors)) {
		snprintf(p->err, p->err_len, "%.200s: path too long", dir);
		return -ENAMETOOLONG;
	}
	snprintf(hz, sizeof(hz), "%u", p->choice.hz);
	snprintf(control, sizeof(control), "fd:%d,%d", fd[0], fd[3]);
	snprintf(command, sizeof(command), "%d", fd[1]);
	snprintf(answer, sizeof(answer), "%d", fd[2]);
	return perf_run(&p->perf, &call, s);
}

/* The status line of the repetition. r: of record(), which left its reason in
 * err. 0, or -EIO with one line in err. */
static int judge(struct profile *p, const struct spawn_result *s, int r,
		 char *status, size_t len)
{
	if (s->end == SPAWN_TIMED_OUT)
		snprintf(status, len, "timeout");
	else if (s->end == SPAWN_SIGNALLED)
		snprintf(status, len, "crash signal %d", s->code);
	else if (r || !*s->line)
		snprintf(status, len, "failed %.200s",
			 r ? p->err : "perf record started nothing");
	else if (!strncmp(s->line, "ok", 2) || !strncmp(s->line, "noisy ok", 8))
		snprintf(status, len, "ok");
	else
		snprintf(status, len, "%s", s->line);
	if (!strcmp(status, "ok"))
		return 0;
	if (!r)
		snprintf(p->err, p->err_len, "the repetition under perf: %s",
			 status);
	return -EIO;
}

static int run_cell(struct profile *p)
{
	const char *cell = p->file.plan.cell[0].id;
	char dir[PATH_MAX], status[SPAWN_LINE_MAX], err[COMMAND_ERR_MAX];
	struct spawn_result s = { .end = SPAWN_EXITED };
	int fd[4], r, failed;

	r = rundir_begin(&p->dir, cell, 0, dir, p->err, p->err_len);
	if (r)
		return r;
	r = open_gate(fd, p->err, p->err_len);
	if (!r)
		r = record(p, dir, fd, &s);
	close_gate(fd);
	if (r == -EINTR)
		return r;
	failed = judge(p, &s, r, status, sizeof(status));
	r = rundir_finish(&p->dir, cell, 0, status, err, sizeof(err));
	if (r && !failed)
		snprintf(p->err, p->err_len, "%s", err);
	return failed ? failed : r;
}

static int set_up(struct profile *p)
{
	ssize_t n = readlink("/proc/self/exe", p->self, sizeof(p->self) - 1);
	int r;

	/* perf would take /proc/self/exe for itself */
	if (n <= 0 || access(p->self, X_OK)) {
		snprintf(p->err, p->err_len,
			 "/proc/self/exe: expected the program's own file");
		return -ENOENT;
	}
	plain_environment();
	p->perf.stop = &spawn_stop;
	p->perf.limit_ns = p->params->timeout_ns;
	p->perf.err = p->err;
	p->perf.err_len = p->err_len;
	r = perf_find(&p->perf);
	return r ? r : perf_choose(&p->choice, p->err, p->err_len);
}

static int profile_cell(struct profile *p)
{
	int r = create_folder(p);

	if (r)
		return r == -EEXIST ? EXIT_USAGE : EXIT_FAILED;
	snprintf(p->data, sizeof(p->data), "%.*s/perf.data",
		 (int)(sizeof(p->data) - NAME_MAX), p->out);
	printf("%s: %s at %u Hz under perf, killed after %g s\n",
	       p->file.plan.cell[0].id, p->choice.event, p->choice.hz,
	       (double)p->params->timeout_ns / 1e9);
	fflush(stdout);
	r = run_cell(p);
	if (!r)
		r = profile_report(p);
	printf("results: %s\n", p->out);
	if (r == -EINTR)
		return 128 + spawn_stop;
	return r ? EXIT_FAILED : EXIT_OK;
}

static int run_profile(int argc, char **argv, char *err, size_t err_len)
{
	struct profile *p = calloc(1, sizeof(*p));
	int status = EXIT_FAILED, r = -ENOMEM;

	snprintf(err, err_len, "out of memory");
	if (p)
		p->params = malloc(sizeof(*p->params));
	if (p && p->params) {
		p->dir.lock = -1;
		p->err = err;
		p->err_len = err_len;
		r = make_plan(p, argc - 1, argv + 1);
		if (!r)
			r = set_up(p);
		if (r && r != -ENOMEM)
			status = EXIT_USAGE;
	}
	if (!r) {
		spawn_stop_on_signals();
		status = profile_cell(p);
	}
	if (p) {
		run_file_drop(&p->file);
		rundir_close(&p->dir);
		free(p->params);
	}
	free(p);
	return status;
}

static struct command profile_command = {
	.name = "profile",
	.usage = "[JOB.ini] KEY=VALUE...",
	.summary = "where the time of one cell goes: perf, annotated, a flame "
		   "graph",
	.help = "Takes the keys of `run`, for one cell; runtime is 2 s unless "
		"a job file or the\ncommand line says otherwise. perf samples "
		"the throughput window only: hardware\ncycles where there are "
		"any, else cpu-clock, at most 999 times a second and\nthread; "
		"timeout= limits each call of perf.\n\n"
		"The run folder's profile/ gets perf.data, event.txt (what was "
		"sampled, read back\nfrom perf.data), annotate.txt, "
		"folded.txt, flame.svg and summary.txt.\n\n"
		"Needs perf (linux-perf) and, for an ordinary user, "
		"kernel.perf_event_paranoid of\nat most 2.\n\n"
		"exit status: 0 all is well; 1 perf or the cell failed; 2 bad "
		"input, no perf, or\nno permission: nothing was written\n",
	.run = run_profile,
};
COMMAND(profile_command);
