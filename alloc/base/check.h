/*
 * Checks in four prices, chosen at build time by CHECK_LEVEL:
 *   0  benchmark build: only check() remains (corruption always aborts)
 *   1  cheap per-call checks and lock ranks
 *   2  per-operation invariants (owner and state of every frame)
 *   3  full verify() after every operation
 * Conditions must have no side effects: they vanish at lower levels.
 * Results of a build with CHECK_LEVEL > 0 are marked invalid by the harness.
 */
#ifndef ALLOC_BASE_CHECK_H
#define ALLOC_BASE_CHECK_H

#include "alloc/base/base.h"

#ifndef CHECK_LEVEL
#define CHECK_LEVEL 0
#endif

/* Prints "zonebench: file:line: message" on stderr and aborts. */
__attribute__((noreturn, cold)) void check_failed(const char *file, int line,
						  const char *fmt, ...)
	PRINTF_LIKE(3, 4);

#define check(cond, ...)                                               \
	do {                                                           \
		if (unlikely(!(cond)))                                 \
			check_failed(__FILE__, __LINE__, __VA_ARGS__); \
	} while (0)

#define check_at(level, cond, ...)                \
	do {                                      \
		if (CHECK_LEVEL >= (level))       \
			check(cond, __VA_ARGS__); \
	} while (0)

#endif
