/*
 * What a kernel log does not say stands beside it, in its own folder or the one
 * above:
 *
 *   version              which kernel's rules hold
 *   sys_vm               THP built in or not, sysctl values
 *   nodeN/distance, or the "Fallback order" lines of dmesg
 *   zoneinfo             the machine, and its CPUs that are online
 *   cmdline.txt, dmesg   its CPUs, and the kernel's parameters
 */
#ifndef HARNESS_LOG_BESIDE_H
#define HARNESS_LOG_BESIDE_H

#include "alloc/page/desc.h"

#define LOG_FOLDER_MAX 4096

struct log_beside {
	char folder[LOG_FOLDER_MAX];
	/* Defaults of the machine that a page log's snapshot describes. */
	struct machine_desc *desc;
	bool kernel_given, distance_given;
	struct machine_desc *machine; /* that of zoneinfo; NULL: none */
	uint64_t end_pfn;             /* of its zones; 0: none */
	/* CPUs, 0: not known. Online: that run; present: plugged in;
	 * possible: that may come. */
	unsigned nr_online, nr_present, nr_possible;
	char *parameters; /* the kernel's; NULL: not known */
};

/* Reads what stands beside the log `path`. 0, or -errno with one line in err;
 * dropped in any case. Main thread. */
int log_beside_read(struct log_beside *b, const char *path, char *err,
		    size_t err_len) MUST_CHECK;
void log_beside_drop(struct log_beside *b);

#endif
