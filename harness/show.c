/*
 * `zonebench show WHAT KEY=VALUE...`: the text of a /proc file for a machine
 * that was just booted.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/page/procfs.h"
#include "alloc/page/state.h"
#include "alloc/page/vmstat.h"
#include "harness/command.h"
#include "harness/job.h"
#include "harness/machine_params.h"
#include "harness/show_cache.h"

struct show_item {
	const char *name;
	void (*print)(const struct procfs_source *src, FILE *out);
	/* instead of print: with arguments of its own */
	int (*run)(int argc, char **argv, char *err, size_t err_len);
};

static void print_state(const struct procfs_source *src, FILE *out)
{
	state_print(out, src->machine, src->engine, NULL);
}

/* As the kernel says it at boot. */
static void print_fallback_order(const struct procfs_source *src, FILE *out)
{
	for (unsigned nid = 0; nid < src->machine->desc.topo.nr_nodes; nid++) {
		const struct node *node = &src->machine->node[nid];

		if (!node->online)
			continue;
		fprintf(out, "Fallback order for Node %u: ", nid);
		for (unsigned i = 0; i < node->nr_order; i++)
			fprintf(out, "%u ", node->node_order[i]);
		fputc('\n', out);
	}
}

static const struct show_item items[] = {
	{ "buddyinfo", procfs_buddyinfo, NULL },
	{ "cache", NULL, show_cache },
	{ "extfrag_index", procfs_extfrag_index, NULL },
	{ "fallback_order", print_fallback_order, NULL },
	{ "pagetypeinfo", procfs_pagetypeinfo, NULL },
	{ "slabinfo", NULL, show_slabinfo },
	{ "state", print_state, NULL },
	{ "unusable_index", procfs_unusable_index, NULL },
	{ "vmstat", procfs_vmstat, NULL },
	{ "zoneinfo", procfs_zoneinfo, NULL },
};

static const struct show_item *find_item(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(items); i++) {
		if (!strcmp(items[i].name, name))
			return &items[i];
	}
	return NULL;
}

static int refuse_item(const char *name, char *err, size_t err_len)
{
	const char *names[ARRAY_SIZE(items)], *near;
	char shown[64], list[256] = "";

	for (unsigned i = 0; i < ARRAY_SIZE(items); i++) {
		size_t used = strlen(list);

		names[i] = items[i].name;
		snprintf(list + used, sizeof(list) - used, "%s%s",
			 i ? ", " : "", names[i]);
	}
	near = nearest_name(name, names, ARRAY_SIZE(names));
	snprintf(err, err_len,
		 "command line: show %s: expected one of %s%s%s%s",
		 printable(name, shown, sizeof(shown)), list,
		 near ? "; did you mean '" : "", near ? near : "",
		 near ? "'?" : "");
	return EXIT_USAGE;
}

/* A machine as the keys say, booted and at rest. */
static int build(const struct machine_params *p, struct machine **out,
		 char *err, size_t err_len)
{
	struct machine_desc *desc = malloc(sizeof(*desc));
	int rc = desc ? machine_params_resolve(p, desc, err, err_len) : -ENOMEM;

	if (!rc)
		rc = machine_create(out, desc, NULL, err, err_len);
	free(desc);
	if (rc)
		return rc;
	rc = machine_params_boot(p, *out, err, err_len);
	for (unsigned i = 0; i < (*out)->nr_zones && !rc; i++) {
		struct zone *zone = &(*out)->zone[i];

		if (!zone_populated(zone))
			continue;
		spin_lock(&zone->lock);
		zone_fold_deltas(zone);
		spin_unlock(&zone->lock);
	}
	if (rc)
		machine_destroy(*out);
	return rc;
}

static int cmd_show(int argc, char **argv, char *err, size_t err_len)
{
	const struct show_item *item = argc > 1 ? find_item(argv[1]) : NULL;
	struct machine_params *p;
	struct procfs_source src = { 0 };
	int rc;

	if (!item)
		return refuse_item(argc > 1 ? argv[1] : "", err, err_len);
	if (item->run)
		return item->run(argc - 2, argv + 2, err, err_len);
	p = malloc(sizeof(*p));
	rc = p ? job_machine_args(argc - 2, argv + 2, p, err, err_len)
	       : -ENOMEM;
	if (!rc)
		rc = build(p, &src.machine, err, err_len);
	free(p);
	if (rc) {
		if (rc == -ENOMEM)
			snprintf(err, err_len, "not enough memory");
		return rc == -ENOMEM ? EXIT_FAILED : EXIT_USAGE;
	}
	item->print(&src, stdout);
	machine_destroy(src.machine);
	if (fflush(stdout) || ferror(stdout)) {
		snprintf(err, err_len, "standard output: %s", strerror(errno));
		return EXIT_FAILED;
	}
	return EXIT_OK;
}

static struct command show = {
	.name = "show",
	.usage = "zoneinfo|buddyinfo|pagetypeinfo|vmstat|fallback_order|"
		 "extfrag_index|unusable_index|state|cache|slabinfo "
		 "[KEY=VALUE...] [JOB]",
	.summary = "what a modelled machine shows: /proc text, node order, "
		   "caches",
	.help = "The machine is as just booted, or with "
		"fragmentation=captured as full as the\nserver was. state=FILE "
		"reads what show state printed.\n`zonebench "
		"list options` has the keys of machines.\n"
		"cache: what engine=, size=, align=, flags= and the machine's "
		"CPUs make of a cache,\none `name value` a line as in "
		"/sys/kernel/slab. slabinfo: /proc/slabinfo of engine=.\n",
	.run = cmd_show,
};
COMMAND(show);
