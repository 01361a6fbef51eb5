/*
 * A plain main for tests written against Criterion's interface: each test (and
 * each parameter of a parameterized one) runs in a child process, which must
 * end as its options say. Used where Criterion cannot start.
 */
#include "harness/tests/plain/criterion/criterion.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT_S 240
#define EXIT_FAILED       1
#define EXIT_SKIPPED      77

static struct plain_test *tests;
static struct plain_suite *suites;
static atomic_uint nr_failed_checks;

void plain_register(struct plain_test *test)
{
	struct plain_test **at = &tests;

	while (*at)
		at = &(*at)->next;
	*at = test;
}

void plain_register_suite(struct plain_suite *suite)
{
	suite->next = suites;
	suites = suite;
}

void plain_check(bool fatal, bool ok, const char *where, const char *what, ...)
{
	va_list args;
	const char *fmt;

	if (ok)
		return;
	va_start(args, what);
	fmt = va_arg(args, const char *);
	fprintf(stderr, "%s: expected: %s: ", where, what);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	/* RLX: a count; read by the same process after its threads joined */
	atomic_fetch_add_explicit(&nr_failed_checks, 1, memory_order_relaxed);
	if (fatal)
		exit(EXIT_FAILED);
}

void plain_skip(const char *where, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "skipped: %s: ", where);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	exit(EXIT_SKIPPED);
}

static const struct plain_options *suite_options(const struct plain_test *t)
{
	static const struct plain_options none;

	for (struct plain_suite *s = suites; s; s = s->next) {
		if (strcmp(s->suite, t->suite) == 0)
			return &s->options;
	}
	return &none;
}

__attribute__((noreturn)) static void run_child(const struct plain_test *t,
						void *param)
{
	const struct plain_options *own = &t->options;
	const struct plain_options *suite = suite_options(t);
	double limit = own->timeout > 0 ? own->timeout : suite->timeout;

	alarm(limit > 0 ? (unsigned)limit + 1 : DEFAULT_TIMEOUT_S);
	if (own->init || suite->init)
		(own->init ? own->init : suite->init)();
	if (t->run_param)
		t->run_param(param);
	else
		t->run();
	if (own->fini || suite->fini)
		(own->fini ? own->fini : suite->fini)();
	/* RLX: every thread of the test has been joined */
	exit(atomic_load_explicit(&nr_failed_checks, memory_order_relaxed)
		     ? EXIT_FAILED
		     : EXIT_SUCCESS);
}

/* 0 passed, 1 failed, 2 skipped. */
static int run_one(const struct plain_test *t, void *param)
{
	const struct plain_options *suite = suite_options(t);
	int want_signal = t->options.signal ? t->options.signal : suite->signal;
	int want_exit =
		t->options.exit_code ? t->options.exit_code : suite->exit_code;
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		run_child(t, param);
	while (pid < 0 || waitpid(pid, &status, 0) < 0) {
		if (pid < 0 || errno != EINTR) {
			perror("fork or waitpid");
			return 1;
		}
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) == want_signal)
		return 0;
	if (WIFEXITED(status) && !want_signal) {
		if (WEXITSTATUS(status) == want_exit)
			return 0;
		if (WEXITSTATUS(status) == EXIT_SKIPPED)
			return 2;
	}
	fprintf(stderr, "FAIL %s::%s: %s %d\n", t->suite, t->name,
		WIFSIGNALED(status) ? "signal" : "exit status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return 1;
}

int main(void)
{
	unsigned count[3] = { 0 };

	for (struct plain_test *t = tests; t; t = t->next) {
		struct criterion_test_params p = { .length = 1 };

		if (t->options.disabled || suite_options(t)->disabled) {
			count[2]++;
			continue;
		}
		if (t->params)
			p = t->params();
		for (size_t i = 0; i < p.length; i++)
			count[run_one(t, (char *)p.params + i * p.size)]++;
	}
	printf("%u passed, %u failed, %u skipped\n", count[0], count[1],
	       count[2]);
	return count[1] == 0 && count[0] > 0 ? 0 : 1;
}
