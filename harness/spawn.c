/*
 * Starting and ending the process of a repetition. See spawn.h.
 *
 * Between fork and exec only async-signal-safe calls are made. The process
 * leads a group, so that a time-out ends whatever it started as well.
 */
#include "harness/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define VERDICT_FD 3
#define LOOK_MS    50 /* between two looks at *stop */

volatile sig_atomic_t spawn_stop;

static void on_signal(int signal)
{
	spawn_stop = signal;
}

void spawn_stop_on_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Processes that the kernel killed for memory so far; 0: unknown. */
static uint64_t oom_kills(void)
{
	FILE *f = fopen("/proc/vmstat", "re");
	unsigned long long n = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "oom_kill %llu", &n) == 1)
			break;
	if (f)
		fclose(f);
	return n;
}

/* What another program reads, writes and inherits; -1: not possible. */
static int redirect(const struct spawn_request *rq)
{
	int in = rq->program ? open("/dev/null", O_RDONLY) : STDIN_FILENO;
	int out = rq->stdout_path ? open(rq->stdout_path,
					 O_WRONLY | O_CREAT | O_TRUNC, 0666)
				  : STDOUT_FILENO;

	if (in < 0 || out < 0 || dup2(in, STDIN_FILENO) < 0 ||
	    dup2(out, STDOUT_FILENO) < 0)
		return -1;
	if (in > STDERR_FILENO)
		close(in);
	if (out > STDERR_FILENO)
		close(out);
	for (unsigned i = 0; i < rq->nr_keep; i++)
		if (fcntl(rq->keep[i], F_SETFD, 0))
			return -1;
	return 0;
}

__attribute__((noreturn)) static void child(const struct spawn_request *rq,
					    int verdict, int errors)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	setpgid(0, 0);
	/* the runner's death must not leave a busy process behind */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* dup2 onto itself would keep close-on-exec */
	if (dup2(errors, STDERR_FILENO) < 0 ||
	    (verdict == VERDICT_FD ? fcntl(verdict, F_SETFD, 0)
				   : dup2(verdict, VERDICT_FD)) < 0 ||
	    redirect(rq))
		_exit(127);
	execv(rq->program ? rq->program : "/proc/self/exe", rq->argv);
	_exit(127);
}

/* Appends what there is; false at the end of the pipe. */
static bool read_line(int fd, struct spawn_result *out)
{
	char buf[256];
	ssize_t n = read(fd, buf, sizeof(buf));
	size_t used = strlen(out->line);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	for (ssize_t i = 0; i < n && used + 1 < sizeof(out->line); i++)
		if (buf[i] >= ' ' && buf[i] <= '~')
			out->line[used++] = buf[i];
	out->line[used] = 0;
	return n > 0;
}

/* Reads until the process has closed the pipe, which its end does. */
static enum spawn_end watch(int fd, uint64_t deadline,
			    const volatile sig_atomic_t *stop,
			    struct spawn_result *out)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		uint64_t now = now_ns();

		if (*stop)
			return SPAWN_INTERRUPTED;
		if (now >= deadline)
			return SPAWN_TIMED_OUT;
		if (poll(&p, 1, LOOK_MS) > 0 && !read_line(fd, out))
			return SPAWN_EXITED;
	}
}

/* The pipe may close before the end: a process that hangs on its way out. */
static enum spawn_end await_exit(pid_t pid, uint64_t deadline, int *status)
{
	struct timespec pause = { 0, 200000 };

	while (waitpid(pid, status, WNOHANG) == 0) {
		if (now_ns() >= deadline) {
			kill(-pid, SIGKILL);
			while (waitpid(pid, status, 0) < 0 && errno == EINTR)
				;
			return SPAWN_TIMED_OUT;
		}
		nanosleep(&pause, NULL);
	}
	return SPAWN_EXITED;
}

static void supervise(pid_t pid, int fd, uint64_t deadline,
		      const volatile sig_atomic_t *stop,
		      struct spawn_result *out)
{
	const uint64_t killed_before = oom_kills();
	int status = 0;

	out->end = watch(fd, deadline, stop, out);
	if (out->end != SPAWN_EXITED) {
		kill(-pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		return;
	}
	out->end = await_exit(pid, deadline, &status);
	/* nothing of its group may live on */
	kill(-pid, SIGKILL);
	if (out->end != SPAWN_EXITED)
		return;
	out->code = WEXITSTATUS(status);
	if (!WIFSIGNALED(status))
		return;
	out->code = WTERMSIG(status);
	out->end = SPAWN_SIGNALLED;
	if (out->code == SIGKILL && oom_kills() > killed_before)
		out->end = SPAWN_OOM_KILLED;
}

static int fail(char *err, size_t err_len, const char *what)
{
	int r = -errno;

	snprintf(err, err_len, "%s: %s", what, strerror(-r));
	return r;
}

int spawn_and_wait(const struct spawn_request *rq, struct spawn_result *out,
		   char *err, size_t err_len)
{
	int pipefd[2], errors, r = 0;
	pid_t pid;

	memset(out, 0, sizeof(*out));
	errors = open(rq->stderr_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		      0666);
	if (errors < 0)
		return fail(err, err_len, rq->stderr_path);
	if (pipe2(pipefd, O_CLOEXEC)) {
		r = fail(err, err_len, "pipe");
		close(errors);
		return r;
	}
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(rq, pipefd[1], errors);
	if (pid < 0)
		r = fail(err, err_len, "fork");
	close(pipefd[1]);
	close(errors);
	if (pid > 0) {
		setpgid(pid, pid); /* whoever comes first */
		supervise(pid, pipefd[0], now_ns() + rq->timeout_ns, rq->stop,
			  out);
	}
	close(pipefd[0]);
	return r;
}
