/*
 * The keys that describe a machine, as they were given (not yet resolved),
 * and their resolution into a machine_desc. The option table of the harness
 * writes these fields; machine_params.c gives them their meaning.
 */
#ifndef HARNESS_MACHINE_PARAMS_H
#define HARNESS_MACHINE_PARAMS_H

#include "alloc/page/desc.h"

#define MACHINE_STR_MAX 1024

/* One [node] section of a job file; values as text until resolved. */
struct node_section {
	char cpus[MACHINE_STR_MAX]; /* "0-3,8", "" none */
	char zone[MAX_NR_ZONES][MACHINE_STR_MAX];
	/* per zone "START+SPANNED[/PRESENT[/MANAGED]]" in pages, "" none */
	char file[256]; /* where the section stands, for messages */
	int line;
	int cpus_line, zone_line[MAX_NR_ZONES]; /* of the keys themselves */
};

struct machine_params {
	char machine[MACHINE_STR_MAX]; /* "", "host", "hwloc:...", "capture:DIR"
					*/
	uint64_t mem;                  /* bytes of all nodes, 0 unset */
	uint32_t nodes;                /* 0 unset */
	uint32_t cpus;                 /* 0 unset */
	char layout[16];               /* "", "x86-64", "i386", "i386pae" */
	uint64_t vmalloc;              /* bytes of its addresses, 0 unset */
	char kernel[16];               /* "", "6.1", "6.12" */
	char thp[16];                  /* "", "always", "madvise", "never" */
	char zonelists[16];            /* "", "boot", "hotplug" */
	char distances[MACHINE_STR_MAX]; /* rows by ';', entries by space */
	char lowmem_reserve_ratio[128];  /* numbers by ':' or space, "" unset */
	int64_t min_free_kbytes;         /* -1 unset */
	int64_t watermark_scale_factor;
	int64_t watermark_boost_factor;
	int64_t percpu_pagelist_high_fraction;
	char pcp_tuning[16];         /* "", "6.1", "6.7" */
	char rseq[16];               /* "", "auto", "off" */
	uint8_t rcu_flavor;          /* enum rcu_flavor */
	uint32_t rcu_limbo;          /* pages, 0 unset */
	char fragmentation[16];      /* "", "fresh", "captured" */
	char state[MACHINE_STR_MAX]; /* state=FILE: free lists to start from */
	struct node_section node[MAX_NODES];
	unsigned nr_node_sections;
};

void machine_params_init(struct machine_params *p);

/* Reads what the parameters name (host, capture folder) and fills *desc.
 * 0, or -EINVAL / -errno with one line in err. Main thread. */
int machine_params_resolve(const struct machine_params *p,
			   struct machine_desc *desc, char *err, size_t err_len)
	MUST_CHECK;

/* Form of one value of a [node] section: its CPU list, or a zone's extent. 0,
 * or -EINVAL with "expected ..." in why. */
int node_value_check(bool cpus, const char *value, char *why, size_t why_len)
	MUST_CHECK;

/*
 * Fills the free lists of a machine that was built from what
 * machine_params_resolve() gave: as at boot, or with fragmentation=captured
 * like the server's. 0, or -errno with one line in err. Main thread.
 */
struct machine;
int machine_params_boot(const struct machine_params *p, struct machine *m,
			char *err, size_t err_len) MUST_CHECK;

/* Real topology of this host (allowed CPUs only), by hwloc and libnuma. */
int host_topo(struct topo *topo, char *err, size_t err_len) MUST_CHECK;
/* machine=numa: whether this host has several nodes with memory, so that it is
 * the machine; otherwise the topology that stands in for it, two nodes over its
 * CPUs. 0, or -errno with one line in err. */
bool machine_numa_is_host(const struct topo *host);
int machine_numa_stand_in(const struct topo *host, struct topo *topo, char *err,
			  size_t err_len) MUST_CHECK;
/* hwloc's synthetic form, "pack:2 numa:2 core:4 pu:2". */
int synthetic_topo(const char *text, struct topo *topo, char *err,
		   size_t err_len) MUST_CHECK;

#endif
