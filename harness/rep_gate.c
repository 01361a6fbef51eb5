/*
 * The gate as a profiler sees it: `perf record --control fd:COMMAND,ANSWER`
 * starts with its counters off, counts from "enable" to "disable", and says
 * "ack" to each.
 *
 * Both are sent while every worker sleeps at the barrier, so the loops run
 * whole between them and what is sampled besides is the wait for the gate.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "harness/rep.h"

#define ANSWER_MS 10000

/* Reads to the end of a line that says "ack". 0 or -errno. */
static int await_answer(int fd)
{
	static const char want[] = "ack\n";
	unsigned matched = 0;

	while (matched < sizeof(want) - 1) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int r = poll(&p, 1, ANSWER_MS);
		ssize_t n;
		char c;

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r ? -errno : -ETIMEDOUT;
		n = read(fd, &c, 1);
		if (n <= 0)
			return n ? -errno : -EPIPE;
		/* perf ends its lines with a NUL as well */
		matched = c == want[matched] ? matched + 1 : c == want[0];
	}
	return 0;
}

void rep_gate_set(struct rep *rep, bool open)
{
	const char *command = open ? "enable\n" : "disable\n";
	const size_t len = strlen(command);
	ssize_t n;
	int r;

	if (rep->profiler.command < 0)
		return;
	n = write(rep->profiler.command, command, len);
	if (n < 0)
		r = -errno;
	else
		r = (size_t)n == len ? await_answer(rep->profiler.answer)
				     : -EIO;
	if (r)
		rep_judge(rep, VERDICT_FAILED, "perf did not answer %s: %s",
			  open ? "enable" : "disable", strerror(-r));
}
