/*
 * zonebench list: engines, workloads, options, jobs, machines.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/bind.h"
#include "harness/command.h"
#include "harness/options.h"

static void list_slab_engines(void)
{
	static const struct {
		unsigned bit;
		const char *name;
	} features[] = {
		{ SLAB_F_FLOOR, "floor" },
		{ SLAB_F_EXACT, "exact" },
		{ SLAB_F_FOREIGN, "call" },
	};

	for (const struct slab_binding *b = slab_binding_first(); b;
	     b = b->next) {
		printf("%-15s %s [slab]", b->ops->name, b->ops->summary);
		for (size_t i = 0; i < ARRAY_SIZE(features); i++)
			if (b->ops->features & features[i].bit)
				printf(" [%s]", features[i].name);
		putchar('\n');
	}
}

static int list_engines(void)
{
	static const struct {
		unsigned bit;
		const char *name;
	} features[] = {
		{ PAGE_F_FLOOR, "floor" },
		{ PAGE_F_PCP, "pcp" },
		{ PAGE_F_DEFERRED, "deferred" },
		{ PAGE_F_EXACT, "exact" },
	};

	for (const struct page_binding *b = page_binding_first(); b;
	     b = b->next) {
		printf("%-15s %s", b->ops->name, b->ops->summary);
		for (size_t i = 0; i < ARRAY_SIZE(features); i++)
			if (b->ops->features & features[i].bit)
				printf(" [%s]", features[i].name);
		putchar('\n');
	}
	list_slab_engines();
	return EXIT_OK;
}

static void list_workload(const struct workload *w)
{
	printf("%-12s %s\n%-12s counts: %s\n", w->name, w->summary, "", w->op);
	if (w->needs & WORKLOAD_EVEN_THREADS)
		printf("%-12s needs an even number of threads\n", "");
	if (w->needs & WORKLOAD_FRAMES)
		printf("%-12s needs an engine that hands out frames\n", "");
	if (w->needs & WORKLOAD_OBJECTS)
		printf("%-12s needs an engine that hands out objects\n", "");
	if (w->needs & WORKLOAD_HIGHMEM)
		printf("%-12s needs a machine with HIGHMEM\n", "");
	if (w->needs & WORKLOAD_SLABS)
		printf("%-12s needs an engine with slabs of its own\n", "");
	for (unsigned i = 0; i < nr_options; i++) {
		const struct option *o = &options[i];

		if (o->group != GROUP_WORKLOAD || !(o->where & AT_CLI) ||
		    (o->uses && !(o->uses & w->uses)))
			continue;
		printf("%-12s   %s=%s  %s\n", "", o->name, o->def, o->summary);
	}
}

static int list_workloads(void)
{
	const struct page_binding *b = page_binding_first();
	const struct slab_binding *s = slab_binding_first();

	for (unsigned i = 0; b && i < b->nr_runs; i++)
		list_workload(b->run[i].workload);
	for (unsigned i = 0; s && i < s->nr_runs; i++)
		list_workload(s->run[i].workload);
	return EXIT_OK;
}

static int is_job(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 4 && !strcmp(e->d_name + n - 4, ".ini");
}

/* First comment line of a job file, without its mark. */
static void print_job(const char *dir, const char *name)
{
	char path[1280], line[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	if (f && fgets(line, sizeof(line), f))
		line[strcspn(line, "\n")] = 0;
	if (f)
		fclose(f);
	printf("%s/%s\n    %s\n", dir, name,
	       line[strspn(line, "#; ")] ? line + strspn(line, "#; ") : "");
}

/* In a clone, and where `make install` puts them. */
static int list_jobs(char *err, size_t err_len)
{
	static const char *const dirs[] = { "workloads/jobs",
					    "/usr/local/share/zonebench/jobs",
					    "/usr/share/zonebench/jobs" };
	bool found = false;

	for (size_t d = 0; d < ARRAY_SIZE(dirs); d++) {
		struct dirent **entry;
		int n = scandir(dirs[d], &entry, is_job, alphasort);

		for (int i = 0; i < n; i++) {
			print_job(dirs[d], entry[i]->d_name);
			free(entry[i]);
			found = true;
		}
		if (n >= 0)
			free(entry);
	}
	if (found)
		return EXIT_OK;
	snprintf(err, err_len, "no job files in %s, %s or %s", dirs[0], dirs[1],
		 dirs[2]);
	return EXIT_FAILED;
}

static int list_machines(void)
{
	printf("mem=SIZE nodes=N cpus=N   equal nodes; layout=x86-64, i386 or "
	       "i386pae\n"
	       "[node] sections           explicit zones, in a job file\n"
	       "machine=host              this host, by hwloc and libnuma; "
	       "with "
	       "mem= its nodes\n"
	       "                          share that much memory\n"
	       "machine=numa mem=SIZE     the same where the host has nodes, "
	       "else a synthetic\n"
	       "                          machine of two over its CPUs\n"
	       "machine=hwloc:STRING      hwloc's synthetic form: pack:2 "
	       "numa:1 core:4 pu:2\n"
	       "machine=capture:DIR       files of a real server, saved by "
	       "`zonebench capture DIR`\n"
	       "\nkeys that override:\n");
	for (unsigned i = 0; i < nr_options; i++)
		if (options[i].group == GROUP_MACHINE)
			printf("  %-30s %s\n", options[i].name,
			       options[i].summary);
	return EXIT_OK;
}

static int run_list(int argc, char **argv, char *err, size_t err_len)
{
	static const char *const what[] = { "engines", "workloads", "options",
					    "jobs", "machines" };
	const char *arg = argc > 1 ? argv[1] : "", *near;
	bool tsv = argc == 3 && !strcmp(argv[2], "--format=tsv");
	char shown[64];

	if (argc == 2 && !strcmp(arg, "engines"))
		return list_engines();
	if (argc == 2 && !strcmp(arg, "workloads"))
		return list_workloads();
	if (argc == 2 && !strcmp(arg, "jobs"))
		return list_jobs(err, err_len);
	if (argc == 2 && !strcmp(arg, "machines"))
		return list_machines();
	if (!strcmp(arg, "options") && (argc == 2 || tsv)) {
		if (tsv)
			options_print_tsv(stdout);
		else
			options_print(stdout);
		return EXIT_OK;
	}
	near = nearest_name(arg, what, ARRAY_SIZE(what));
	snprintf(err, err_len,
		 "command line: %s: expected engines, workloads, options "
		 "[--format=tsv], jobs or machines%s%s%s",
		 printable(argc > 2 ? argv[2] : arg, shown, sizeof(shown)),
		 near && argc == 2 ? "; did you mean '" : "",
		 near && argc == 2 ? near : "", near && argc == 2 ? "'?" : "");
	return EXIT_USAGE;
}

static struct command list = {
	.name = "list",
	.usage = "engines|workloads|options|jobs|machines",
	.summary = "what there is to run, and every key",
	.help = "list options --format=tsv prints one tab-separated line a "
		"key.\n",
	.run = run_list,
};
COMMAND(list);
