/*
 * A machine as SVG: one box a node with its zones as bars (managed pages
 * solid, reserved ones pale, to one scale over the machine) and its CPUs, and
 * the distances as a matrix. Self-contained: no style sheet, no script.
 */
#include <string.h>

#include "harness/topo.h"

#define NODE_WIDTH  360
#define GAP         20
#define MARGIN      24
#define TITLE_H     64
#define ROW_H       30 /* of a zone */
#define CPU_SIZE    28
#define CPUS_A_ROW  11
#define BAR_X       74
#define BAR_WIDTH   150
#define MAX_COLUMNS 4
#define USE_H       18 /* of a line of what ran where */
#define USE_WIDTH   520

/* Okabe and Ito's colours, which stay apart for every kind of eye. */
static const char *const zone_colour[MAX_NR_ZONES] = {
	[ZONE_DMA] = "#d55e00",     [ZONE_DMA32] = "#e69f00",
	[ZONE_NORMAL] = "#0072b2",  [ZONE_HIGHMEM] = "#56b4e9",
	[ZONE_MOVABLE] = "#009e73", [ZONE_DEVICE] = "#cc79a7",
};

struct drawing {
	const struct machine *m;
	const struct topo_uses *uses; /* NULL: nobody */
	FILE *out;
	unsigned columns;   /* of node boxes */
	int node_height;    /* the same for all */
	uint64_t max_pages; /* of a zone: the full width of a bar */
};

static void text(FILE *out, int x, int y, const char *attributes, const char *s)
{
	fprintf(out, "<text x=\"%d\" y=\"%d\" %s>", x, y, attributes);
	for (; *s; s++) {
		if (*s == '<')
			fputs("&lt;", out);
		else if (*s == '>')
			fputs("&gt;", out);
		else if (*s == '&')
			fputs("&amp;", out);
		else if ((unsigned char)*s >= ' ' && (unsigned char)*s < 127)
			fputc(*s, out);
		else
			fputc('?', out);
	}
	fputs("</text>\n", out);
}

static unsigned nr_zones_of(const struct node *node)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		nr += zone_populated(node->zone[i]);
	return nr;
}

static unsigned nr_cpus_of(const struct topo *t, unsigned nid)
{
	unsigned nr = 0;

	for (unsigned cpu = 0; cpu < t->nr_cpus; cpu++)
		nr += t->node_of_cpu[cpu] == nid;
	return nr;
}

static void measure(struct drawing *d)
{
	unsigned online = 0;

	for (unsigned nid = 0; nid < d->m->desc.topo.nr_nodes; nid++) {
		const struct node *node = &d->m->node[nid];
		unsigned rows =
			(nr_cpus_of(&d->m->desc.topo, nid) + CPUS_A_ROW - 1) /
			CPUS_A_ROW;
		int height = 52 + (int)nr_zones_of(node) * ROW_H +
			     (int)rows * (CPU_SIZE + 4);

		online += node->online;
		d->node_height =
			height > d->node_height ? height : d->node_height;
	}
	d->columns = online < MAX_COLUMNS ? online : MAX_COLUMNS;
	for (unsigned i = 0; i < d->m->nr_zones; i++) {
		if (d->m->zone[i].present > d->max_pages)
			d->max_pages = d->m->zone[i].present;
	}
}

static void draw_zone(const struct drawing *d, const struct zone *z, int x,
		      int y)
{
	int width = (int)(z->present * BAR_WIDTH / d->max_pages);
	int managed = (int)(z->managed * BAR_WIDTH / d->max_pages);
	char size[16], label[64];

	width = width < 2 ? 2 : width;
	managed = managed < 2 && z->managed ? 2 : managed;
	text(d->out, x, y + 15, "font-size=\"13\"", z->name);
	fprintf(d->out,
		"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"18\" "
		"fill=\"%s\" fill-opacity=\"0.3\"/>\n",
		x + BAR_X, y + 1, width, zone_colour[z->idx]);
	fprintf(d->out,
		"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"18\" "
		"fill=\"%s\"/>\n",
		x + BAR_X, y + 1, managed, zone_colour[z->idx]);
	text(d->out, x + BAR_X + BAR_WIDTH + 8, y + 9, "font-size=\"11\"",
	     topo_size(z->present, size));
	snprintf(label, sizeof(label), "pfn %lu", (unsigned long)z->start_pfn);
	text(d->out, x + BAR_X + BAR_WIDTH + 8, y + 22,
	     "font-size=\"10\" fill=\"#666\"", label);
}

/* Threads that were on a CPU, over all repetitions. */
static unsigned reps_on(const struct drawing *d, unsigned cpu)
{
	unsigned reps = 0;

	for (unsigned i = 0; d->uses && i < d->uses->nr; i++)
		if (d->uses->use[i].cpu == cpu)
			reps += d->uses->use[i].reps;
	return reps;
}

static const char *cpu_colour(const struct drawing *d, unsigned cpu)
{
	if (reps_on(d, cpu))
		return "#f0e442";
	return d->m->desc.topo.smt_of_cpu[cpu] ? "#dde6ee" : "#f4f7fa";
}

static void draw_cpus(const struct drawing *d, unsigned nid, int x, int y)
{
	const struct topo *t = &d->m->desc.topo;
	unsigned at = 0;

	for (unsigned cpu = 0; cpu < t->nr_cpus; cpu++) {
		int cx = x + (int)(at % CPUS_A_ROW) * (CPU_SIZE + 2);
		int cy = y + (int)(at / CPUS_A_ROW) * (CPU_SIZE + 4);
		char number[16];

		if (t->node_of_cpu[cpu] != nid)
			continue;
		fprintf(d->out,
			"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
			"rx=\"3\" fill=\"%s\" stroke=\"#888\"/>\n",
			cx, cy, CPU_SIZE, CPU_SIZE, cpu_colour(d, cpu));
		snprintf(number, sizeof(number), "%u", t->os_cpu[cpu]);
		text(d->out, cx + CPU_SIZE / 2, cy + 18,
		     "font-size=\"11\" text-anchor=\"middle\"", number);
		at++;
	}
	if (!at)
		text(d->out, x, y + 18, "font-size=\"12\" fill=\"#666\"",
		     "no CPU");
}

static void draw_node(const struct drawing *d, unsigned nid, int x, int y)
{
	const struct node *node = &d->m->node[nid];
	char size[16], label[64];
	int row = y + 40;

	fprintf(d->out,
		"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\" "
		"fill=\"#fff\" stroke=\"#444\"/>\n",
		x, y, NODE_WIDTH, d->node_height);
	snprintf(label, sizeof(label), "Node %u: %s", nid,
		 node->present ? topo_size(node->present, size) : "no memory");
	text(d->out, x + 14, y + 25, "font-size=\"15\" font-weight=\"bold\"",
	     label);
	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		if (!zone_populated(node->zone[i]))
			continue;
		draw_zone(d, node->zone[i], x + 14, row);
		row += ROW_H;
	}
	draw_cpus(d, nid, x + 14, row + 4);
}

/* Light for near, dark for far; the number decides, the shade helps. */
static void draw_distances(const struct drawing *d, int y)
{
	const struct topo *t = &d->m->desc.topo;
	int cell = t->nr_nodes > 16 ? 22 : 34;
	unsigned far = 11;
	char s[16];

	for (unsigned a = 0; a < t->nr_nodes; a++)
		for (unsigned b = 0; b < t->nr_nodes; b++)
			if (t->distance[a][b] > far)
				far = t->distance[a][b];
	text(d->out, MARGIN, y, "font-size=\"15\" font-weight=\"bold\"",
	     "Distances");
	for (unsigned a = 0; a < t->nr_nodes; a++) {
		int row = y + 34 + (int)a * cell;

		snprintf(s, sizeof(s), "%u", a);
		text(d->out, MARGIN + 24, row + cell / 2 + 4,
		     "font-size=\"11\" text-anchor=\"end\" fill=\"#666\"", s);
		text(d->out, MARGIN + 34 + (int)a * cell + cell / 2, y + 28,
		     "font-size=\"11\" text-anchor=\"middle\" fill=\"#666\"",
		     s);
		for (unsigned b = 0; b < t->nr_nodes; b++) {
			unsigned v = t->distance[a][b];
			double shade = ((double)v - 10) / (far - 10);
			int x = MARGIN + 34 + (int)b * cell;

			fprintf(d->out,
				"<rect x=\"%d\" y=\"%d\" width=\"%d\" "
				"height=\"%d\" fill=\"#0072b2\" "
				"fill-opacity=\"%.2f\" stroke=\"#fff\"/>\n",
				x, row, cell, cell, 0.08 + 0.72 * shade);
			snprintf(s, sizeof(s), "%u", v);
			text(d->out, x + cell / 2, row + cell / 2 + 4,
			     shade > 0.75 ? "font-size=\"11\" text-anchor="
					    "\"middle\" fill=\"#fff\""
					  : "font-size=\"11\" "
					    "text-anchor=\"middle\"",
			     s);
		}
	}
}

/* A line for each thread of a workload and each CPU that it had. */
static void draw_uses(const struct drawing *d, int y)
{
	const struct topo *t = &d->m->desc.topo;
	char line[200];

	text(d->out, MARGIN, y, "font-size=\"15\" font-weight=\"bold\"",
	     "What ran where (yellow CPUs)");
	for (unsigned i = 0; i < d->uses->nr; i++) {
		const struct topo_use *use = &d->uses->use[i];
		char real[48] = "";

		if (t->synthetic)
			snprintf(real, sizeof(real), ", on the host's CPU %u",
				 use->real_cpu);
		snprintf(line, sizeof(line),
			 "node %u, CPU %u: %.40s thread %u, %u repetition%s%s",
			 t->node_of_cpu[use->cpu], t->os_cpu[use->cpu],
			 use->workload, use->thread, use->reps,
			 use->reps == 1 ? "" : "s", real);
		text(d->out, MARGIN, y + USE_H * (int)(i + 1),
		     "font-size=\"12\"", line);
	}
}

static void draw_title(const struct drawing *d)
{
	const struct machine *m = d->m;
	uint64_t present = 0;
	char size[16], label[160];

	for (unsigned i = 0; i < m->nr_zones; i++)
		present += m->zone[i].present;
	snprintf(label, sizeof(label), "Machine: %.100s%s", m->desc.name,
		 !m->desc.topo.synthetic ? "" : " [synthetic topology]");
	text(d->out, MARGIN, 32, "font-size=\"18\" font-weight=\"bold\"",
	     label);
	snprintf(label, sizeof(label),
		 "%s, %u nodes, %u CPUs%s; bars: managed pages solid, "
		 "reserved ones pale",
		 topo_size(present, size), m->desc.topo.nr_nodes,
		 m->desc.topo.nr_cpus,
		 m->desc.topo.synthetic ? ", synthetic" : "");
	if (d->uses && d->uses->emulated)
		strncat(label, ", emulated", sizeof(label) - strlen(label) - 1);
	text(d->out, MARGIN, 52, "font-size=\"13\" fill=\"#444\"", label);
}

void topo_svg(const struct machine *m, const struct topo_uses *uses, FILE *out)
{
	struct drawing d = { .m = m, .uses = uses, .out = out };
	unsigned nr = m->desc.topo.nr_nodes, at = 0;
	int cell = nr > 16 ? 22 : 34;
	int width, height, rows, below;

	measure(&d);
	rows = (int)((nr + d.columns - 1) / d.columns);
	width = 2 * MARGIN + (int)d.columns * (NODE_WIDTH + GAP) - GAP;
	if (width < 2 * MARGIN + 40 + (int)nr * cell)
		width = 2 * MARGIN + 40 + (int)nr * cell;
	below = TITLE_H + 8 + rows * (d.node_height + GAP) + 18;
	height = below + 40 + (int)nr * cell + MARGIN;
	if (uses) {
		height += 12 + USE_H * (int)(uses->nr + 1);
		width = width < USE_WIDTH ? USE_WIDTH : width;
	}
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
		"height=\"%d\" viewBox=\"0 0 %d %d\" font-family=\"DejaVu "
		"Sans, Arial, sans-serif\" fill=\"#111\">\n"
		"<rect width=\"%d\" height=\"%d\" fill=\"#fafafa\"/>\n",
		width, height, width, height, width, height);
	draw_title(&d);
	for (unsigned nid = 0; nid < nr; nid++) {
		if (!m->node[nid].online)
			continue;
		draw_node(&d, nid,
			  MARGIN + (int)(at % d.columns) * (NODE_WIDTH + GAP),
			  TITLE_H + 8 +
				  (int)(at / d.columns) *
					  (d.node_height + GAP));
		at++;
	}
	draw_distances(&d, below);
	if (uses)
		draw_uses(&d, below + 40 + (int)nr * cell + MARGIN);
	fputs("</svg>\n", out);
}
