/*
 * Futexes. The word carries the ordering: who changes it releases, who saw the
 * change acquires; the system call orders nothing that anybody relies on.
 */
#include "alloc/base/wait.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

bool word_wait(_Atomic uint32_t *word, uint32_t seen, uint64_t timeout_ns)
{
	const struct timespec limit = {
		.tv_sec = (time_t)(timeout_ns / 1000000000u),
		.tv_nsec = (long)(timeout_ns % 1000000000u),
	};

	return !syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen,
			timeout_ns == WAIT_FOREVER ? NULL : &limit, NULL, 0) ||
	       errno != ETIMEDOUT;
}

void word_wake(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}
