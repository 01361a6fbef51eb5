/*
 * The part of Criterion's interface that the tests of this project use, over
 * a plain main (runner.c). Criterion itself does not start under
 * ThreadSanitizer, so that build includes this header in its place.
 */
#ifndef PLAIN_CRITERION_H
#define PLAIN_CRITERION_H

#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct plain_options {
	int signal;     /* the test must end by this signal; 0 none */
	int exit_code;  /* the test must end with this status */
	double timeout; /* seconds; 0: the runner's */
	bool disabled;
	const char *description;
	void (*init)(void);
	void (*fini)(void);
};

struct criterion_test_params {
	size_t size;
	void *params;
	size_t length;
};

struct plain_test {
	const char *suite, *name;
	void (*run)(void);
	void (*run_param)(void *param);
	struct criterion_test_params (*params)(void);
	struct plain_options options;
	struct plain_test *next;
};

struct plain_suite {
	const char *suite;
	struct plain_options options;
	struct plain_suite *next;
};

void plain_register(struct plain_test *test);
void plain_register_suite(struct plain_suite *suite);
/* Reports a failed condition; ends the test when fatal. */
void plain_check(bool fatal, bool ok, const char *where, const char *what, ...);
__attribute__((noreturn)) void plain_skip(const char *where, const char *fmt,
					  ...);

#define PLAIN_TEXT_(x) #x
#define PLAIN_TEXT(x)  PLAIN_TEXT_(x)
#define PLAIN_WHERE    __FILE__ ":" PLAIN_TEXT(__LINE__)

#define PLAIN_CONSTRUCT(id, call)                         \
	__attribute__((constructor)) static void id(void) \
	{                                                 \
		call;                                     \
	}

#define Test(s, n, ...)                                        \
	static void plain_run_##s##_##n(void);                 \
	static struct plain_test plain_test_##s##_##n = {      \
		.suite = #s,                                   \
		.name = #n,                                    \
		.run = plain_run_##s##_##n,                    \
		.options = { __VA_ARGS__ }                     \
	};                                                     \
	PLAIN_CONSTRUCT(plain_add_##s##_##n,                   \
			plain_register(&plain_test_##s##_##n)) \
	static void plain_run_##s##_##n(void)

#define TestSuite(s, ...)                               \
	static struct plain_suite plain_suite_##s = {   \
		.suite = #s, .options = { __VA_ARGS__ } \
	};                                              \
	PLAIN_CONSTRUCT(plain_add_suite_##s,            \
			plain_register_suite(&plain_suite_##s))

#define ParameterizedTestParameters(s, n) \
	static struct criterion_test_params plain_params_##s##_##n(void)
#define ParameterizedTest(param, s, n, ...)                    \
	static void plain_run_##s##_##n(param);                \
	static void plain_call_##s##_##n(void *p)              \
	{                                                      \
		plain_run_##s##_##n(p);                        \
	}                                                      \
	static struct plain_test plain_test_##s##_##n = {      \
		.suite = #s,                                   \
		.name = #n,                                    \
		.run_param = plain_call_##s##_##n,             \
		.params = plain_params_##s##_##n,              \
		.options = { __VA_ARGS__ }                     \
	};                                                     \
	PLAIN_CONSTRUCT(plain_add_##s##_##n,                   \
			plain_register(&plain_test_##s##_##n)) \
	static void plain_run_##s##_##n(param)
#define cr_make_param_array(type, array, nr, ...) \
	((struct criterion_test_params){ sizeof(type), (void *)(array), (nr) })

#define PLAIN_CHECK(fatal, cond, text, ...) \
	plain_check(fatal, (cond), PLAIN_WHERE, text, "" __VA_ARGS__)

#define cr_assert(c, ...)            PLAIN_CHECK(true, (c), #c, __VA_ARGS__)
#define cr_assert_not(c, ...)        PLAIN_CHECK(true, !(c), "!" #c, __VA_ARGS__)
#define cr_assert_eq(a, b, ...)      PLAIN_OP(true, a, ==, b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...)     PLAIN_OP(true, a, !=, b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...)      PLAIN_OP(true, a, <, b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...)     PLAIN_OP(true, a, <=, b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...)      PLAIN_OP(true, a, >, b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...)     PLAIN_OP(true, a, >=, b, __VA_ARGS__)
#define cr_assert_null(p, ...)       PLAIN_OP(true, p, ==, NULL, __VA_ARGS__)
#define cr_assert_not_null(p, ...)   PLAIN_OP(true, p, !=, NULL, __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...)  PLAIN_STR(true, a, b, ==, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...) PLAIN_STR(true, a, b, !=, __VA_ARGS__)
#define cr_assert_str_empty(a, ...) \
	PLAIN_CHECK(true, *(a) == '\0', #a " is empty", __VA_ARGS__)
#define cr_assert_str_not_empty(a, ...) \
	PLAIN_CHECK(true, *(a) != '\0', #a " is not empty", __VA_ARGS__)
#define cr_assert_arr_eq(a, b, nr, ...) \
	PLAIN_CHECK(true, memcmp(a, b, nr) == 0, #a " equals " #b, __VA_ARGS__)
#define cr_assert_float_eq(a, b, eps, ...)                          \
	PLAIN_CHECK(true, fabs((double)(a) - (double)(b)) <= (eps), \
		    #a " ~ " #b, __VA_ARGS__)
#define cr_assert_fail(...) PLAIN_CHECK(true, false, "fail", __VA_ARGS__)
#define cr_fatal(...)       PLAIN_CHECK(true, false, "fail", __VA_ARGS__)

#define cr_expect(c, ...)            PLAIN_CHECK(false, (c), #c, __VA_ARGS__)
#define cr_expect_not(c, ...)        PLAIN_CHECK(false, !(c), "!" #c, __VA_ARGS__)
#define cr_expect_eq(a, b, ...)      PLAIN_OP(false, a, ==, b, __VA_ARGS__)
#define cr_expect_neq(a, b, ...)     PLAIN_OP(false, a, !=, b, __VA_ARGS__)
#define cr_expect_lt(a, b, ...)      PLAIN_OP(false, a, <, b, __VA_ARGS__)
#define cr_expect_leq(a, b, ...)     PLAIN_OP(false, a, <=, b, __VA_ARGS__)
#define cr_expect_gt(a, b, ...)      PLAIN_OP(false, a, >, b, __VA_ARGS__)
#define cr_expect_geq(a, b, ...)     PLAIN_OP(false, a, >=, b, __VA_ARGS__)
#define cr_expect_null(p, ...)       PLAIN_OP(false, p, ==, NULL, __VA_ARGS__)
#define cr_expect_not_null(p, ...)   PLAIN_OP(false, p, !=, NULL, __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...)  PLAIN_STR(false, a, b, ==, __VA_ARGS__)
#define cr_expect_str_neq(a, b, ...) PLAIN_STR(false, a, b, !=, __VA_ARGS__)
#define cr_expect_str_empty(a, ...) \
	PLAIN_CHECK(false, *(a) == '\0', #a " is empty", __VA_ARGS__)
#define cr_expect_arr_eq(a, b, nr, ...) \
	PLAIN_CHECK(false, memcmp(a, b, nr) == 0, #a " equals " #b, __VA_ARGS__)
#define cr_expect_float_eq(a, b, eps, ...)                           \
	PLAIN_CHECK(false, fabs((double)(a) - (double)(b)) <= (eps), \
		    #a " ~ " #b, __VA_ARGS__)
#define cr_expect_fail(...) PLAIN_CHECK(false, false, "fail", __VA_ARGS__)
#define cr_fail(...)        PLAIN_CHECK(false, false, "fail", __VA_ARGS__)

#define cr_skip_test(...) plain_skip(PLAIN_WHERE, "" __VA_ARGS__)
#define cr_skip(...)      plain_skip(PLAIN_WHERE, "" __VA_ARGS__)
#define cr_log_info(...)  fprintf(stderr, __VA_ARGS__)
#define cr_log_warn(...)  fprintf(stderr, __VA_ARGS__)
#define cr_log_error(...) fprintf(stderr, __VA_ARGS__)

#define PLAIN_OP(fatal, a, op, b, ...) \
	PLAIN_CHECK(fatal, (a)op(b), #a " " #op " " #b, __VA_ARGS__)
#define PLAIN_STR(fatal, a, b, op, ...)                                       \
	plain_check(fatal, strcmp(a, b) op 0, PLAIN_WHERE, #a " " #op " " #b, \
		    "" __VA_ARGS__)

#endif
