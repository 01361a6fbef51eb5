/*
 * Job files and command lines: the same keys in fio's manner of ini file.
 *
 *   [global]    defaults of every section
 *   [matrix]    axes: comma lists that multiply; `exclude` rules
 *   [node]      one node of the machine, any number of them
 *   [NAME]      one workload; `workload=` names it, else NAME does
 *
 * A line holds at most JOB_LINE_MAX bytes; an indented line without a key
 * continues the value above. ';' or '#' begins a comment line, ' ;' one behind
 * a value. Later wins: default, [global], [matrix], section, command line.
 */
#ifndef HARNESS_JOB_H
#define HARNESS_JOB_H

#include "harness/options.h"

#define JOB_LINE_MAX     198 /* libinih's buffer less its newline and NUL */
#define JOB_FILE_MAX     (1u << 20)
#define JOB_SECTIONS_MAX 256
#define JOB_LIST_MAX     64 /* elements of one list */

struct kv {
	const struct option *option;
	char *text; /* as given, a list where the key is an axis */
	int line;   /* 0: command line */
};

struct kv_list {
	struct kv *item;
	unsigned nr;
};

/* Cells for which every pair holds are left out. */
struct exclude_rule {
	struct kv_list match;
	int line;
};

struct job_section {
	char name[JOB_NAME_MAX];
	int line;
	struct kv_list kv;
};

struct job {
	char file[JOB_VALUE_MAX]; /* for messages; "command line" without one */
	char *text;               /* the file as it was read, NULL: none */
	struct kv_list global, matrix, cli;
	struct job_section *section;
	unsigned nr_sections;
	struct exclude_rule *exclude;
	unsigned nr_excludes;
	struct job_params *base; /* defaults, [node] sections; scratch space */
};

/* An empty job; 0 or -ENOMEM. job_free() takes it in any state. */
int job_init(struct job *job, char *err, size_t err_len) MUST_CHECK;
void job_free(struct job *job);

/*
 * Parses len bytes of job file into *out, which is initialised first; `name`
 * stands in messages. 0, -ENOMEM, or -EINVAL with one line in err. The caller
 * frees *out in either case. Safe on any bytes.
 */
int job_parse_buffer(const char *text, size_t len, const char *name,
		     struct job *out, char *err, size_t err_len) MUST_CHECK;

/* Reads and parses a file; also -errno of open and read. */
int job_parse_file(const char *path, struct job *out, char *err, size_t err_len)
	MUST_CHECK;

/* One KEY=VALUE of the command line; where: AT_CLI, AT_TOOLS or AT_CACHES. */
int job_parse_arg(struct job *job, const char *arg, unsigned where, char *err,
		  size_t err_len) MUST_CHECK;

/*
 * Command line of a command that only needs a machine: KEY=VALUE arguments and
 * at most one job file, whose [global] and [node] sections are read. Lists are
 * refused. 0, -ENOMEM or -EINVAL with one line in err.
 */
int job_machine_args(int argc, char **argv, struct machine_params *out,
		     char *err, size_t err_len) MUST_CHECK;

/* The same for commands that show caches: their keys beside the machine's, `at`
 * AT_CACHES and, where one cache is shown, AT_CACHE. out is large: heap only.
 */
int job_cache_args(int argc, char **argv, unsigned at, struct job_params *out,
		   char *err, size_t err_len) MUST_CHECK;

/* The item for a key, NULL if the list has none. */
const struct kv *kv_find(const struct kv_list *list, const struct option *o);

#endif
