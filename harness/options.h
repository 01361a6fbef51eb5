/*
 * The one table of keys. The parser of job files and of the command line,
 * --help, the man page, bash completion and `zonebench list options` all come
 * from it; nothing else names a key.
 */
#ifndef HARNESS_OPTIONS_H
#define HARNESS_OPTIONS_H

#include <stdio.h>

#include "harness/cpuset.h"
#include "harness/kv.h"
#include "alloc/slab/slab.h"
#include "harness/machine_params.h"
#include "harness/placement.h"
#include "workloads/lib/params.h"

#define JOB_NAME_MAX  64
#define JOB_VALUE_MAX 1024 /* bytes of one value, its terminator included */

/* Does a cell have reclaim? auto: if its workload needs it. */
enum reclaim_mode { RECLAIM_AUTO, RECLAIM_OFF, RECLAIM_ON };

/* Pages of this host that map the frames: 4 KiB, or 2 MiB. */
enum frame_pages { FRAMES_4K, FRAMES_HUGE };

struct thread_count {
	uint32_t n; /* threads, or percent of the usable CPUs */
	bool percent;
};

#define HUGE_PROBE_MAX 4096 /* blocks */

/* Everything that one repetition can be told. About 500 KiB: heap only. */
struct job_params {
	struct machine_params machine;
	struct workload_params workload;
	char engine[JOB_NAME_MAX];
	char pages[JOB_NAME_MAX]; /* page engine below a slab engine */
	enum slub_fast slub_fast;
	bool hardened, freelist_random; /* slub */
	uint32_t slub_min_objects, slub_min_order, slub_max_order;
	uint32_t nr_possible;    /* show cache, slabinfo; 0: as many as CPUs */
	uint32_t sheaf_capacity; /* sheaves */
	bool cache_ctor;         /* show cache */
	uint32_t cache_usersize; /* show cache */
	char workload_name[JOB_NAME_MAX];
	struct thread_count threads;
	struct placement placement;
	struct mem_rules mem_policy;
	char cpu_set[CPU_SET_MAX]; /* cpus= as a set; "": every CPU */
	bool oversubscribe;
	enum reclaim_mode reclaim;
	uint32_t kswapd, kcompactd; /* 0 off, 1 on */
	uint32_t swappiness, extfrag_threshold, compaction_proactiveness;
	uint32_t swap_faults;     /* of a million transfers, by kind */
	char swap[JOB_VALUE_MAX]; /* see swap_params.h */
	uint32_t huge_probe;      /* order-9 blocks asked for at each look */
	bool memlock;
	enum frame_pages frames;
	uint32_t repeat;  /* fresh processes per cell */
	uint32_t retries; /* more tries of a noisy repetition */
	uint32_t sample;  /* one of so many operations is timed; power of two */
	uint32_t events;  /* capacity of a thread's event ring */
	uint64_t runtime_ns, lat_runtime_ns, warmup_ns, timeout_ns;
	uint64_t interval_ns; /* of the sampler */
	uint64_t seed;        /* 0: taken from the clock and recorded */
	char name[JOB_NAME_MAX];
	char out[JOB_VALUE_MAX];
	char fault[JOB_NAME_MAX]; /* fault tests' builds only */
};

enum option_type {
	OPT_INT,
	OPT_SIZE,
	OPT_DURATION,
	OPT_PERCENT,
	OPT_BOOL,
	OPT_ENUM,   /* index into choices */
	OPT_CHOICE, /* text that must be one of choices */
	OPT_STRING,
	OPT_NAME,  /* letters, digits, '.', '_', '-'; may name a folder */
	OPT_RANGE, /* two sizes */
	OPT_GFP,
	OPT_CACHE_FLAGS,
	OPT_SWAP,
	OPT_THREADS,
	OPT_PLACEMENT,
	OPT_MEM_POLICY,
	OPT_CPUS, /* a number, or a set of the host's; see cpuset.h */
	OPT_RULE, /* KEY=LIST pairs; kept by the job, not in the params */
};

enum option_group { GROUP_RUN, GROUP_WORKLOAD, GROUP_MACHINE, GROUP_NODE };

/* Where a key may stand. */
#define AT_GLOBAL  0x1u
#define AT_MATRIX  0x2u /* an axis: comma lists multiply */
#define AT_SECTION 0x4u
#define AT_CLI     0x8u
#define AT_NODE    0x10u
#define AT_TOOLS   0x20u /* show, topo: the machine keys */
#define AT_CACHES  0x40u /* show cache, show slabinfo: and an allocator's */
#define AT_CACHE   0x80u /* show cache: those of one cache */

struct option {
	const char *name;
	enum option_type type;
	enum option_group group;
	unsigned where;
	bool pow2;
	uint64_t min, max;          /* of numbers, in `unit` or ns or bytes */
	const char *def;            /* as one would write it; NULL: unset */
	const char *unit;           /* of a plain number, for tables */
	const char *const *choices; /* NULL ends */
	const char *summary;        /* one line */
	const char *hint;           /* ends a refusal, may be NULL */
	unsigned uses; /* USES_* that a workload must have, 0: none */
	size_t offset, size;
};

extern const struct option options[];
extern const unsigned nr_options;

/* Key that may stand at one of `where`; NULL if none. */
const struct option *option_find(const char *name, unsigned where);
/* Nearest key that may stand there, NULL: none near. */
const char *option_nearest(const char *name, unsigned where);

/* Whether comma lists of this key multiply. */
bool option_is_axis(const struct option *o);
/* Whether cells that differ in this key measure different things; a length of
 * a window or the like says only how long. Unknown keys do. */
bool option_tells_apart(const char *name);

/* Sets every field to its default. */
void job_params_init(struct job_params *p);

/* Parses one value (no list) into p. 0, or -EINVAL with "expected ..." in why;
 * p is unchanged then. */
int option_set(const struct option *o, const char *value, struct job_params *p,
	       char *why, size_t why_len) MUST_CHECK;

/* The value in p, in the form that option_set() reads back. */
void option_format(const struct option *o, const struct job_params *p,
		   char *buf, size_t len);

/* "an integer from 1 to 64", for messages and tables. */
void option_expected(const struct option *o, char *buf, size_t len);
const char *option_type_name(enum option_type type);
const char *option_group_name(enum option_group group);

/* `zonebench list options`: for reading, and one tab-separated line each. */
void options_print(FILE *out);
void options_print_tsv(FILE *out);

#endif
