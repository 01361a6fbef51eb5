/*
 * `zonebench topo [--svg FILE] KEY=VALUE...`: nodes, zones, CPUs and distances
 * of a machine, 80 columns wide; with run=DIR who ran where besides.
 */
#include "harness/topo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/command.h"
#include "harness/job.h"
#include "harness/machine_params.h"

#define LINE_WIDTH 80

const char *topo_size(uint64_t pages, char buf[16])
{
	static const char *const unit[] = { "KiB", "MiB", "GiB", "TiB" };
	double v = (double)pages * (PAGE_SIZE >> 10);
	unsigned u = 0;

	while (v >= 1000 && u + 1 < ARRAY_SIZE(unit)) {
		v /= 1024;
		u++;
	}
	snprintf(buf, 16, v < 100 ? "%.1f %s" : "%.0f %s", v, unit[u]);
	return buf;
}

static void print_zones(const struct node *node, FILE *out)
{
	char present[16], managed[16];

	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		const struct zone *z = node->zone[i];

		if (!zone_populated(z))
			continue;
		fprintf(out, "    Zone %-8s %9s  pfn %8lu-%-8lu %9s managed\n",
			z->name, topo_size(z->present, present),
			(unsigned long)z->start_pfn,
			(unsigned long)(z->start_pfn + z->spanned - 1),
			topo_size(z->managed, managed));
		fprintf(out, "%20s min %ld  low %ld  high %ld pages\n", "",
			z->watermark[WMARK_MIN], z->watermark[WMARK_LOW],
			z->watermark[WMARK_HIGH]);
	}
}

/* Starts the line anew where text would pass its end. */
static void print_wrapped(FILE *out, int *column, const char *text)
{
	int len = (int)strlen(text);

	if (*column + len > LINE_WIDTH) {
		fprintf(out, "\n        ");
		*column = 8;
	}
	fputs(text, out);
	*column += len;
}

/* CPUs of a core stand together: "core 3: 6 7". */
static void print_core(const struct topo *t, unsigned first, FILE *out,
		       int *column)
{
	char text[LINE_WIDTH];
	int used = snprintf(text, sizeof(text), "  core %u: CPU %u",
			    t->core_of_cpu[first], t->os_cpu[first]);

	for (unsigned cpu = first + 1; cpu < t->nr_cpus; cpu++) {
		if (t->core_of_cpu[cpu] == t->core_of_cpu[first] &&
		    t->node_of_cpu[cpu] == t->node_of_cpu[first] &&
		    used < (int)sizeof(text) - 8)
			used += snprintf(text + used,
					 sizeof(text) - (size_t)used, " %u",
					 t->os_cpu[cpu]);
	}
	print_wrapped(out, column, text);
}

static bool first_of_core(const struct topo *t, unsigned cpu)
{
	for (unsigned i = 0; i < cpu; i++) {
		if (t->core_of_cpu[i] == t->core_of_cpu[cpu] &&
		    t->node_of_cpu[i] == t->node_of_cpu[cpu])
			return false;
	}
	return true;
}

static void print_cpus(const struct topo *t, unsigned nid, FILE *out)
{
	int package = -1, column = 0;

	for (unsigned cpu = 0; cpu < t->nr_cpus; cpu++) {
		if (t->node_of_cpu[cpu] != nid || !first_of_core(t, cpu))
			continue;
		if (t->package_of_cpu[cpu] != package) {
			package = t->package_of_cpu[cpu];
			fprintf(out, "%s    Package %-3d", column ? "\n" : "",
				package);
			column = 15;
		}
		print_core(t, cpu, out, &column);
	}
	fprintf(out, column ? "\n" : "    no CPU\n");
}

static void print_distances(const struct machine *m, FILE *out)
{
	const struct topo *t = &m->desc.topo;
	/* a row that does not fit goes on in the next line */
	const unsigned per_line = (LINE_WIDTH - 10) / 4;

	fprintf(out, "  Distances\n      node");
	for (unsigned b = 0; b < t->nr_nodes; b++) {
		if (b && b % per_line == 0)
			fprintf(out, "\n          ");
		fprintf(out, "%4u", b);
	}
	fputc('\n', out);
	for (unsigned a = 0; a < t->nr_nodes; a++) {
		if (!m->node[a].online)
			continue;
		fprintf(out, "      %4u", a);
		for (unsigned b = 0; b < t->nr_nodes; b++) {
			if (b && b % per_line == 0)
				fprintf(out, "\n          ");
			fprintf(out, "%4u", t->distance[a][b]);
		}
		fputc('\n', out);
	}
}

void topo_text(const struct machine *m, const struct topo_uses *uses, FILE *out)
{
	const struct topo *t = &m->desc.topo;
	uint64_t present = 0;
	char size[16];

	for (unsigned i = 0; i < m->nr_zones; i++)
		present += m->zone[i].present;
	fprintf(out, "Machine %s (%.52s%s)\n", topo_size(present, size),
		m->desc.name, t->synthetic ? ", synthetic" : "");
	fprintf(out, "  %u node%s, %u CPU%s, kernel %s, min_free_kbytes %ld\n",
		t->nr_nodes, t->nr_nodes == 1 ? "" : "s", t->nr_cpus,
		t->nr_cpus == 1 ? "" : "s",
		m->desc.kernel == KERNEL_6_1 ? "6.1" : "6.12",
		m->min_free_kbytes);
	for (unsigned nid = 0; nid < t->nr_nodes; nid++) {
		const struct node *node = &m->node[nid];

		if (!node->online)
			continue;
		fprintf(out, "  Node %u %s\n", nid,
			node->present ? topo_size(node->present, size)
				      : "no memory");
		print_zones(node, out);
		print_cpus(t, nid, out);
	}
	print_distances(m, out);
	if (uses)
		topo_run_text(uses, t, out);
}

/* ---- the command ------------------------------------------------------- */

/* Takes "--svg FILE" out of the arguments. */
static int take_svg(int *argc, char **argv, const char **file, char *err,
		    size_t err_len)
{
	int to = 1;

	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], "--svg")) {
			argv[to++] = argv[i];
			continue;
		}
		if (*file || i + 1 == *argc) {
			snprintf(err, err_len,
				 "command line: --svg: expected "
				 "the name of one file");
			return -EINVAL;
		}
		*file = argv[++i];
	}
	*argc = to;
	return 0;
}

/* run=DIR and cell=ID, which stand alone; false: neither is given. */
static bool run_arguments(int argc, char **argv, const char **dir,
			  const char **cell)
{
	unsigned others = 0;

	*dir = *cell = NULL;
	for (int i = 1; i < argc; i++) {
		if (!strncmp(argv[i], "run=", 4))
			*dir = argv[i] + 4;
		else if (!strncmp(argv[i], "cell=", 5))
			*cell = argv[i] + 5;
		else
			others++;
	}
	return *dir && !others;
}

static int build(int argc, char **argv, struct topo_uses *uses,
		 struct machine **out, char *err, size_t err_len)
{
	struct machine_params *p = malloc(sizeof(*p));
	struct machine_desc *desc = malloc(sizeof(*desc));
	const char *dir, *cell;
	int rc = -ENOMEM;

	snprintf(err, err_len, "not enough memory");
	if (p && desc && run_arguments(argc, argv, &dir, &cell))
		rc = topo_run_load(dir, cell, desc, uses, err, err_len);
	else if (p && desc)
		rc = job_machine_args(argc - 1, argv + 1, p, err, err_len);
	if (!rc && !dir)
		rc = machine_params_resolve(p, desc, err, err_len);
	if (!rc)
		rc = machine_create(out, desc, NULL, err, err_len);
	free(desc);
	free(p);
	return rc;
}

static int write_svg(const struct machine *m, const struct topo_uses *uses,
		     const char *path, char *err, size_t err_len)
{
	FILE *out = fopen(path, "w");
	int rc = out ? 0 : -errno;

	if (out) {
		topo_svg(m, uses, out);
		if (ferror(out))
			rc = -EIO;
		if (fclose(out) && !rc)
			rc = -errno;
	}
	if (rc)
		snprintf(err, err_len, "%s: %s", path, strerror(-rc));
	return rc;
}

static int cmd_topo(int argc, char **argv, char *err, size_t err_len)
{
	struct topo_uses used = { NULL, 0, false }, *uses;
	const char *svg = NULL;
	struct machine *m;
	int rc = take_svg(&argc, argv, &svg, err, err_len);

	if (!rc)
		rc = build(argc, argv, &used, &m, err, err_len);
	if (rc) {
		topo_uses_drop(&used);
		return rc == -ENOMEM ? EXIT_FAILED : EXIT_USAGE;
	}
	uses = used.nr ? &used : NULL;
	if (svg) {
		rc = write_svg(m, uses, svg, err, err_len);
	} else {
		topo_text(m, uses, stdout);
		rc = fflush(stdout) || ferror(stdout) ? -EIO : 0;
		if (rc)
			snprintf(err, err_len, "standard output: %s",
				 strerror(errno));
	}
	machine_destroy(m);
	topo_uses_drop(&used);
	return rc ? EXIT_FAILED : EXIT_OK;
}

static struct command topo = {
	.name = "topo",
	.usage = "[--svg FILE] [KEY=VALUE...] [JOB] | run=DIR [cell=ID]",
	.summary = "draw nodes, zones, CPUs and distances of a machine",
	.help = "Without keys: this host. --svg writes a drawing instead of "
		"text. run=DIR draws the\nmachine of a run, and which of its "
		"CPUs had which threads; cell=ID only those of\none cell.\n",
	.run = cmd_topo,
};
COMMAND(topo);
