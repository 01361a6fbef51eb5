/*
 * `zonebench capture DIR`: saves what a model of this server needs, in the
 * layout that capture.h reads.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/capture.h"
#include "harness/command.h"
#include "harness/textfile.h"

const char *const capture_sysctls[] = { "min_free_kbytes",
					"watermark_scale_factor",
					"watermark_boost_factor",
					"lowmem_reserve_ratio",
					"percpu_pagelist_high_fraction",
					"numa_zonelist_order",
					"zone_reclaim_mode",
					"min_unmapped_ratio",
					"min_slab_ratio",
					"compaction_proactiveness",
					"extfrag_threshold",
					NULL };

static void note_missing(char *missing, size_t len, const char *name)
{
	size_t used = missing ? strlen(missing) : 0;

	if (missing && used < len)
		snprintf(missing + used, len - used, "%s%s", used ? ", " : "",
			 name);
}

/* "NAME VALUE" and a newline; a file that cannot be read is left out. */
static void print_value(FILE *out, const char *name, const char *path,
			char *missing, size_t missing_len)
{
	struct textfile f;
	char why[256];

	if (textfile_read(path, &f, why, sizeof(why))) {
		note_missing(missing, missing_len, path);
		return;
	}
	f.text[strcspn(f.text, "\n")] = '\0';
	fprintf(out, "%s %s\n", name, f.text);
	textfile_free(&f);
}

char *capture_host_sys_vm(char *missing, size_t missing_len)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	if (missing)
		*missing = '\0';
	for (unsigned i = 0; capture_sysctls[i]; i++) {
		char path[128];

		snprintf(path, sizeof(path), "/proc/sys/vm/%s",
			 capture_sysctls[i]);
		print_value(out, capture_sysctls[i], path, missing,
			    missing_len);
	}
	print_value(out, SYS_VM_THP_NAME, SYS_VM_THP_PATH, missing,
		    missing_len);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

/* One run of the command: what was saved, what could not be read. */
struct saver {
	const char *dir;
	char missing[2048];
	unsigned nr_files;
	char *err;
	size_t err_len;
};

static int save(struct saver *s, const char *name, const char *text, size_t len)
{
	char path[PATH_MAX];
	FILE *out;
	int rc = 0;

	if (snprintf(path, sizeof(path), "%s/%s", s->dir, name) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	out = fopen(path, "wx");
	if (!out) {
		rc = -errno;
	} else {
		if (fwrite(text, 1, len, out) != len)
			rc = -EIO;
		if (fclose(out) && !rc)
			rc = -errno;
	}
	if (rc)
		snprintf(s->err, s->err_len, "%s: %s", path, strerror(-rc));
	else
		s->nr_files++;
	return rc;
}

/* Copies a file of /proc or /sys; one that cannot be read is noted. */
static int copy(struct saver *s, const char *from, const char *name)
{
	struct textfile f;
	char why[256];
	int rc = textfile_read(from, &f, why, sizeof(why));

	if (rc) {
		note_missing(s->missing, sizeof(s->missing), why);
		return 0;
	}
	rc = save(s, name, f.text, f.len);
	textfile_free(&f);
	return rc;
}

static int copy_node(struct saver *s, const char *node)
{
	static const char *const file[] = { "cpulist", "distance" };
	char path[PATH_MAX], from[PATH_MAX];
	int rc = 0;

	snprintf(path, sizeof(path), "%s/%s", s->dir, node);
	if (mkdir(path, 0777)) {
		rc = -errno;
		snprintf(s->err, s->err_len, "%s: %s", path, strerror(errno));
	}
	for (unsigned i = 0; i < ARRAY_SIZE(file) && !rc; i++) {
		char name[64];

		snprintf(from, sizeof(from), "/sys/devices/system/node/%s/%s",
			 node, file[i]);
		snprintf(name, sizeof(name), "%.16s/%s", node, file[i]);
		rc = copy(s, from, name);
	}
	return rc;
}

static int copy_nodes(struct saver *s)
{
	DIR *dir = opendir("/sys/devices/system/node");
	struct dirent *e;
	int rc = 0;

	if (!dir) {
		note_missing(s->missing, sizeof(s->missing),
			     "/sys/devices/system/node");
		return 0;
	}
	while (!rc && (e = readdir(dir))) {
		const char *digits = e->d_name + 4;

		if (!strncmp(e->d_name, "node", 4) && *digits &&
		    strlen(digits) < 8 &&
		    strspn(digits, "0123456789") == strlen(digits))
			rc = copy_node(s, e->d_name);
	}
	closedir(dir);
	return rc;
}

static int save_all(struct saver *s)
{
	static const char *const proc[] = { "zoneinfo", "version", "buddyinfo",
					    "pagetypeinfo" };
	char *sys_vm;
	int rc = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(proc) && !rc; i++) {
		char from[64];

		snprintf(from, sizeof(from), "/proc/%s", proc[i]);
		rc = copy(s, from, proc[i]);
	}
	if (rc)
		return rc;
	sys_vm = capture_host_sys_vm(NULL, 0);
	if (!sys_vm) {
		snprintf(s->err, s->err_len, "not enough memory");
		return -ENOMEM;
	}
	rc = save(s, "sys_vm", sys_vm, strlen(sys_vm));
	free(sys_vm);
	return rc ? rc : copy_nodes(s);
}

static int cmd_capture(int argc, char **argv, char *err, size_t err_len)
{
	struct saver s = { .err = err, .err_len = err_len };
	char why[256];
	struct textfile f;
	int rc;

	if (argc != 2) {
		snprintf(err, err_len,
			 "command line: expected zonebench capture DIR");
		return EXIT_USAGE;
	}
	s.dir = argv[1];
	rc = textfile_read("/proc/zoneinfo", &f, why, sizeof(why));
	if (rc) {
		snprintf(err, err_len, "%s: a machine cannot do without it",
			 why);
		return EXIT_FAILED;
	}
	textfile_free(&f);
	/* a new folder only: an older capture is never mixed with this one */
	if (mkdir(s.dir, 0777)) {
		snprintf(err, err_len,
			 "command line: %s: %s; expected the "
			 "name of a new folder",
			 s.dir, strerror(errno));
		return EXIT_USAGE;
	}
	if (save_all(&s))
		return EXIT_FAILED;
	printf("%s: %u files\n", s.dir, s.nr_files);
	if (*s.missing)
		printf("not read: %s\n", s.missing);
	return EXIT_OK;
}

static struct command capture = {
	.name = "capture",
	.usage = "DIR",
	.summary = "save what a model of this server needs",
	.help = "DIR is made, and must not exist. It gets zoneinfo, version, "
		"buddyinfo,\npagetypeinfo (root only), sys_vm and "
		"nodeN/{cpulist,distance}; machine=capture:DIR\nreads it on "
		"any host.\n",
	.run = cmd_capture,
};

COMMAND(capture);
