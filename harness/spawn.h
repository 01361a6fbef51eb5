/*
 * A repetition's process, or another program that works for us: started in a
 * group of its own, watched, and ended with everything that it started.
 */
#ifndef HARNESS_SPAWN_H
#define HARNESS_SPAWN_H

#include <signal.h>

#include "alloc/base/base.h"

#define SPAWN_LINE_MAX 300

enum spawn_end {
	SPAWN_EXITED,      /* code; line is what it said on descriptor 3 */
	SPAWN_SIGNALLED,   /* code is the signal */
	SPAWN_TIMED_OUT,   /* killed by us */
	SPAWN_OOM_KILLED,  /* by the kernel, for memory */
	SPAWN_INTERRUPTED, /* killed by us because *stop was raised */
};

struct spawn_result {
	enum spawn_end end;
	int code;
	char line[SPAWN_LINE_MAX]; /* "" if it said nothing */
};

struct spawn_request {
	char *const *argv; /* argv[0] included, NULL ends */
	const char *stderr_path;
	uint64_t timeout_ns;
	const volatile sig_atomic_t *stop;
	/* another program's path; NULL: /proc/self/exe. Its stdin is empty. */
	const char *program;
	const char *stdout_path; /* NULL: ours */
	const int *keep;         /* descriptors that it inherits, all above 3 */
	unsigned nr_keep;
};

/* 0, or the signal that asks for an end; a request's `stop` may point here. */
extern volatile sig_atomic_t spawn_stop;
/* From now on SIGINT, SIGTERM and SIGHUP are kept there; SIGPIPE is ignored. */
void spawn_stop_on_signals(void);

/*
 * Runs the program, stderr into the file, and waits until it has ended, the
 * time is over, or *stop is not 0. 0, or -errno with one line in err where it
 * could not be started.
 */
int spawn_and_wait(const struct spawn_request *rq, struct spawn_result *out,
		   char *err, size_t err_len) MUST_CHECK;

#endif
