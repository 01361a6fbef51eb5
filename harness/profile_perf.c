/*
 * Running perf(1). See profile_perf.h.
 */
#include "harness/profile_perf.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness/kv.h"

#define PROBE_SPINS 200000

int perf_find(struct perf *p)
{
	const char *dir = getenv("PATH"), *end;
	struct stat st;

	for (; dir; dir = *end ? end + 1 : NULL) {
		end = strchrnul(dir, ':');
		if (snprintf(p->path, sizeof(p->path), "%.*s%sperf",
			     (int)(end - dir), dir,
			     end == dir ? "" : "/") >= (int)sizeof(p->path))
			continue;
		if (!stat(p->path, &st) && S_ISREG(st.st_mode) &&
		    !access(p->path, X_OK))
			return 0;
	}
	snprintf(p->err, p->err_len,
		 "perf is not installed: apt-get install linux-perf (or "
		 "scripts/install-deps.sh profile)");
	return -ENOENT;
}

/* A number in a file of /proc/sys; `otherwise` if it cannot be read. */
static long sysctl_number(const char *path, long otherwise)
{
	FILE *f = fopen(path, "re");
	long n = otherwise;

	if (f && fscanf(f, "%ld", &n) != 1)
		n = otherwise;
	if (f)
		fclose(f);
	return n;
}

/* A counter on this thread. Descriptor or -errno. */
static int event_open(uint32_t type, uint64_t config, bool user_only)
{
	struct perf_event_attr attr = {
		.type = type,
		.size = sizeof(attr),
		.config = config,
		.exclude_kernel = user_only,
		.exclude_hv = user_only,
	};
	long fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1,
			  PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

/* A counter that opens and stands still counts nothing for us either. */
static int event_counts(int fd)
{
	uint64_t count = 0;

	for (volatile unsigned i = 0; i < PROBE_SPINS; i++)
		;
	if (read(fd, &count, sizeof(count)) != sizeof(count))
		count = 0;
	close(fd);
	return count ? 0 : -ENODATA;
}

/* 0 and *user_only, or the error of the last try. */
static int probe(uint32_t type, uint64_t config, bool *user_only)
{
	int fd = event_open(type, config, false);

	*user_only = fd == -EACCES || fd == -EPERM;
	if (*user_only)
		fd = event_open(type, config, true);
	return fd < 0 ? fd : event_counts(fd);
}

void perf_refusal(int error, bool root, int paranoid, char *err, size_t err_len)
{
	if (error == ENOSYS)
		snprintf(err, err_len,
			 "perf_event_open: this kernel has no perf events "
			 "(CONFIG_PERF_EVENTS), or the container hides them");
	else if ((error == EACCES || error == EPERM) && paranoid > 2 && !root)
		snprintf(err, err_len,
			 "perf_event_open: %s: kernel.perf_event_paranoid is "
			 "%d; as root: sysctl kernel.perf_event_paranoid=2",
			 strerror(error), paranoid);
	else if (error == EACCES || error == EPERM)
		snprintf(err, err_len,
			 "perf_event_open: %s: this container forbids it; "
			 "allow the system call (seccomp) or give CAP_PERFMON",
			 strerror(error));
	else
		snprintf(err, err_len, "perf_event_open: cpu-clock: %s",
			 strerror(error));
}

int perf_choose(struct perf_choice *out, char *err, size_t err_len)
{
	const long most = sysctl_number(
		"/proc/sys/kernel/perf_event_max_sample_rate", PERF_HZ_MAX);
	bool user_only;
	int r = probe(PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, &user_only);
	const char *event = "cycles";

	memset(out, 0, sizeof(*out));
	if (r) {
		snprintf(out->why, sizeof(out->why),
			 "no hardware cycles here: %s",
			 r == -ENODATA ? "the counter stands still"
				       : strerror(-r));
		event = "cpu-clock";
		r = probe(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK,
			  &user_only);
	}
	if (r) {
		perf_refusal(-r, geteuid() == 0,
			     (int)sysctl_number("/proc/sys/kernel/"
						"perf_event_paranoid",
						INT_MIN),
			     err, err_len);
		return r;
	}
	snprintf(out->event, sizeof(out->event), "%s%s", event,
		 user_only ? ":u" : "");
	out->hz = most > 0 && most < PERF_HZ_MAX ? (unsigned)most : PERF_HZ_MAX;
	return 0;
}

void perf_first_line(const char *path, char *out, size_t len)
{
	FILE *f = fopen(path, "re");
	size_t n = 0;
	int c;

	while (f && n + 1 < len && (c = getc(f)) != EOF && !(c == '\n' && n))
		if (c >= ' ' && c <= '~')
			out[n++] = (char)c;
	out[n] = 0;
	if (f)
		fclose(f);
}

int perf_run(const struct perf *p, const struct perf_call *call,
	     struct spawn_result *out)
{
	const struct spawn_request rq = {
		.argv = call->argv,
		.stderr_path = call->stderr_path,
		.timeout_ns = p->limit_ns,
		.stop = p->stop,
		.program = p->path,
		.stdout_path = call->stdout_path,
		.keep = call->keep,
		.nr_keep = call->nr_keep,
	};
	const char *what = call->argv[1];
	char said[200];
	int r = spawn_and_wait(&rq, out, p->err, p->err_len);

	if (r)
		return r;
	if (out->end == SPAWN_EXITED && !out->code)
		return 0;
	if (out->end == SPAWN_INTERRUPTED) {
		snprintf(p->err, p->err_len, "perf %s: interrupted", what);
		return -EINTR;
	}
	if (out->end == SPAWN_TIMED_OUT) {
		snprintf(p->err, p->err_len,
			 "perf %s: killed at its time limit of %g s (timeout=)",
			 what, (double)p->limit_ns / 1e9);
		return -ETIMEDOUT;
	}
	perf_first_line(call->stderr_path, said, sizeof(said));
	snprintf(p->err, p->err_len, "perf %s: %s %d%s%s", what,
		 out->end == SPAWN_EXITED ? "exit status" : "signal", out->code,
		 *said ? ": " : "", said);
	return -EIO;
}

int perf_parse_evlist(const char *line, struct perf_recorded *out)
{
	static const char freq[] = "sample_freq }: ";
	const char *end = strstr(line, ": "), *at;
	char digits[24];
	size_t n;

	memset(out, 0, sizeof(*out));
	if (!end || end == line || end - line >= (ptrdiff_t)sizeof(out->event))
		return -EINVAL;
	for (n = 0; n < (size_t)(end - line); n++) {
		if (line[n] <= ' ' || line[n] > '~')
			return -EINVAL;
		out->event[n] = line[n];
	}
	at = strstr(end, freq);
	if (!at || !strstr(end, "freq: 1"))
		return 0;
	at += sizeof(freq) - 1;
	n = strspn(at, "0123456789");
	if (!n || n >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, at, n);
	digits[n] = 0;
	return scan_uint(digits, &out->hz) ? -EINVAL : 0;
}
