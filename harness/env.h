/*
 * env.json: the host, the build and the command line of a run.
 */
#ifndef HARNESS_ENV_H
#define HARNESS_ENV_H

#include "harness/clock.h"
#include "harness/runfile.h"

/* What this host cannot tell is null. 0 or -errno with one line in err. */
int env_write(const struct run_file *rf, const struct clock_info *clock,
	      const char *dir, char *err, size_t err_len) MUST_CHECK;

/*
 * Whether the CPUs are a program (QEMU without hardware virtualisation): what
 * takes how long says nothing about a machine then. By the name in CPUID that
 * QEMU's emulator gives, or by QEMU's name in the firmware's tables where no
 * other hypervisor gives one.
 */
bool env_emulated(void);

#endif
