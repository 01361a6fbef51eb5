/*
 * perf(1) as `zonebench profile` uses it: found in PATH, asked by
 * perf_event_open(2) what it may count here, run under a time limit.
 */
#ifndef HARNESS_PROFILE_PERF_H
#define HARNESS_PROFILE_PERF_H

#include <limits.h>

#include "harness/spawn.h"

/* Above this, virtual machines were seen to spend all their time sampling. */
#define PERF_HZ_MAX 999

struct perf {
	char path[PATH_MAX]; /* of the program */
	uint64_t limit_ns;   /* of each call */
	const volatile sig_atomic_t *stop;
	char *err; /* where messages go */
	size_t err_len;
};

/* What will be asked for. */
struct perf_choice {
	char event[32]; /* "cycles" or "cpu-clock"; ":u" where only user code
			   may be sampled */
	unsigned hz;
	char why[128]; /* why not cycles, "" if cycles */
};

/* What perf.data says was recorded. */
struct perf_recorded {
	char event[64];
	uint64_t hz; /* 0: by period, not by frequency */
};

/* The first perf in PATH. 0, or -ENOENT with one line in err that names the
 * package. */
int perf_find(struct perf *p) MUST_CHECK;

/* What this kernel lets this user count. 0, or -errno with one line in err
 * that says what to set. */
int perf_choose(struct perf_choice *out, char *err, size_t err_len) MUST_CHECK;

/* The message of perf_choose(): error of perf_event_open(2) as a positive
 * number; paranoid: kernel.perf_event_paranoid, INT_MIN: unknown. Pure. */
void perf_refusal(int error, bool root, int paranoid, char *err,
		  size_t err_len);

struct perf_call {
	char *const *argv;       /* argv[0] "perf", argv[1] the command */
	const char *stdout_path; /* NULL: ours */
	const char *stderr_path; /* stays if the call fails */
	const int *keep;         /* descriptors that it inherits */
	unsigned nr_keep;
};

/*
 * Runs perf to its end, or kills it and what it started at the limit.
 * 0 if it exited with 0; -ETIMEDOUT, -EINTR (*stop), -EIO with one line in err
 * that carries perf's first word on stderr. *out is how it ended.
 */
int perf_run(const struct perf *p, const struct perf_call *call,
	     struct spawn_result *out) MUST_CHECK;

/* First line of `perf evlist -v`. 0 or -EINVAL. Safe on any bytes. */
int perf_parse_evlist(const char *line, struct perf_recorded *out) MUST_CHECK;

/* First printable line of a file, "" if none. */
void perf_first_line(const char *path, char *out, size_t len);

#endif
