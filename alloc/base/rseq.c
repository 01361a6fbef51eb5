/*
 * Availability of restartable sequences and membarrier's RSEQ command.
 */
#include "alloc/base/rseq.h"

#include <errno.h>
#include <unistd.h>

#if defined(__linux__)
#include <linux/membarrier.h>
#include <sys/syscall.h>
#endif

#if RSEQ_X86_64

static char *thread_rseq(void)
{
	char *self;

	__asm__("movq %%fs:0, %0" : "=r"(self));
	return self + __rseq_offset;
}

bool rseq_available(void)
{
	/* 0 unknown, 1 yes, 2 no; racing threads compute the same answer */
	static _Atomic int membarrier_state;
	/* relaxed: the answer orders nothing */
	int state =
		atomic_load_explicit(&membarrier_state, memory_order_relaxed);

	if (state == 0) {
		long rc = syscall(
			SYS_membarrier,
			MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0);

		state = rc == 0 ? 1 : 2;
		/* relaxed: see above */
		atomic_store_explicit(&membarrier_state, state,
				      memory_order_relaxed);
	}
	/* cpu_id is negative in a thread that was not registered */
	return state == 1 && __rseq_size > 0 &&
	       (int32_t)*rseq_cpu_id_pointer() >= 0;
}

int rseq_fence_cpu(unsigned os_cpu)
{
	long rc = syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ,
			  MEMBARRIER_CMD_FLAG_CPU, os_cpu);

	return rc == 0 ? 0 : -errno;
}

int rseq_fence_all(void)
{
	long rc = syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ,
			  0, 0);

	return rc == 0 ? 0 : -errno;
}

const volatile uint32_t *rseq_cpu_id_pointer(void)
{
	if (__rseq_size == 0)
		return NULL;
	return (const volatile uint32_t *)(const void *)(thread_rseq() + 4);
}

#else

bool rseq_available(void)
{
	return false;
}

int rseq_fence_cpu(unsigned os_cpu)
{
	(void)os_cpu;
	return -ENOSYS;
}

int rseq_fence_all(void)
{
	return -ENOSYS;
}

const volatile uint32_t *rseq_cpu_id_pointer(void)
{
	return NULL;
}

#endif
