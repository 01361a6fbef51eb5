/*
 * What stands beside a kernel log (log_beside.h). All of it may be missing.
 */
#include "harness/log_beside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc/page/layout.h"
#include "harness/capture.h"
#include "harness/command.h"
#include "harness/kv.h"
#include "harness/textfile.h"
#include "harness/zoneinfo_reader.h"

static bool read_beside(const struct log_beside *b, const char *name,
			struct textfile *out)
{
	char path[LOG_FOLDER_MAX + 64], ignored[COMMAND_ERR_MAX];

	snprintf(path, sizeof(path), "%s/%s", b->folder, name);
	return !textfile_read(path, out, ignored, sizeof(ignored));
}

/* The log's folder, or the one above if `version` stands only there. */
static void find_folder(struct log_beside *b, const char *path)
{
	const char *slash = strrchr(path, '/');
	char up[LOG_FOLDER_MAX + 16];

	snprintf(b->folder, sizeof(b->folder), "%.*s",
		 slash ? (int)(slash - path) : 1, slash ? path : ".");
	if (slash == path)
		snprintf(b->folder, sizeof(b->folder), "/");
	snprintf(up, sizeof(up), "%s/version", b->folder);
	if (!access(up, R_OK))
		return;
	snprintf(up, sizeof(up), "%.*s/../version", LOG_FOLDER_MAX - 16,
		 b->folder);
	if (!access(up, R_OK))
		snprintf(b->folder, sizeof(b->folder), "%.*s",
			 (int)(strlen(up) - strlen("/version")), up);
}

/* "Linux version 6.12.117 ...": the rules of 6.12 hold from 6.10 on. */
static void read_version(struct log_beside *b)
{
	struct textfile f;
	uint64_t major, minor;
	const char *p;

	if (!read_beside(b, "version", &f))
		return;
	p = f.text;
	if (text_take(&p, "Linux version ") && text_take_uint(&p, 99, &major) &&
	    text_take(&p, ".") && text_take_uint(&p, 999, &minor)) {
		b->desc->kernel = major > 6 || (major == 6 && minor >= 10)
					  ? KERNEL_6_12
					  : KERNEL_6_1;
		b->kernel_given = true;
	}
	textfile_free(&f);
}

/* Without a thp_enabled line THP is not built in: 12 per-CPU lists. */
static int read_sys_vm(struct log_beside *b, char *err, size_t err_len)
{
	struct text_cursor c = { .where = { .file = "sys_vm" },
				 .err = err,
				 .err_len = err_len };
	struct textfile f;
	int rc;

	if (!read_beside(b, "sys_vm", &f))
		return 0;
	c.next = f.text;
	c.end = f.text + f.len;
	rc = capture_apply_sys_vm(&c, b->desc);
	b->desc->thp = strstr(f.text, SYS_VM_THP_NAME) != NULL;
	textfile_free(&f);
	return rc;
}

/* The order in which dmesg says that a node falls back: distances 10, 20, 30
 * ... give the same order. */
static void read_fallback_line(struct log_beside *b, const char *p)
{
	uint64_t node, next;
	unsigned step = 10;

	if (!text_take_uint(&p, MAX_NODES - 1, &node) || !text_take(&p, ":"))
		return;
	while (*p == ' ' && *(p = text_skip_blanks(p)) &&
	       text_take_uint(&p, MAX_NODES - 1, &next)) {
		b->desc->topo.distance[node][next] = (uint8_t)step;
		step += step < 245 ? 10 : 0;
	}
	b->distance_given = true;
}

static void read_fallback_orders(struct log_beside *b)
{
	static const char mark[] = "Fallback order for Node ";
	struct textfile f;

	if (!read_beside(b, "dmesg", &f))
		return;
	for (const char *p = f.text; (p = strstr(p, mark));) {
		p += strlen(mark);
		read_fallback_line(b, p);
	}
	textfile_free(&f);
}

static void read_distances(struct log_beside *b)
{
	struct topo *t = &b->desc->topo;
	unsigned nr = 0;

	for (; nr < MAX_NODES; nr++) {
		char name[32];
		struct textfile f;
		const char *p;
		uint64_t v;

		snprintf(name, sizeof(name), "node%u/distance", nr);
		if (!read_beside(b, name, &f))
			break;
		p = text_skip_blanks(f.text);
		for (unsigned to = 0; to < MAX_NODES; to++) {
			if (!text_take_uint(&p, 255, &v))
				break;
			t->distance[nr][to] = (uint8_t)v;
			p = text_skip_blanks(p);
		}
		textfile_free(&f);
	}
	if (nr)
		b->distance_given = true;
	else
		read_fallback_orders(b);
}

/* The number behind `mark`; 0: none from 1 to MAX_CPUS. */
static unsigned cpus_behind(const char *text, const char *mark)
{
	const char *p = strstr(text, mark);
	uint64_t n;

	if (!p)
		return 0;
	p += strlen(mark);
	return text_take_uint(&p, MAX_CPUS, &n) ? (unsigned)n : 0;
}

static unsigned least(unsigned a, unsigned b)
{
	return a && (!b || a < b) ? a : b;
}

/* The rest of the line behind `mark`; NULL: none, or no memory. */
static char *line_behind(const char *text, const char *mark)
{
	const char *p = strstr(text, mark);

	if (!p)
		return NULL;
	p += strlen(mark);
	return strndup(p, strcspn(p, "\r\n"));
}

/* "smp: 4" and "append: ..." as the guest was started. */
static void read_cmdline_txt(struct log_beside *b)
{
	struct textfile f;

	if (!read_beside(b, "cmdline.txt", &f))
		return;
	b->nr_present = cpus_behind(f.text, "\nsmp: ");
	b->nr_possible = cpus_behind(f.text, ",maxcpus=");
	b->parameters = line_behind(f.text, "\nappend: ");
	textfile_free(&f);
}

/* "Allowing 4 CPUs, 1 hotplug CPUs": possible ones, and those of them that are
 * not there; "Brought up 1 node, 3 CPUs". */
static void read_dmesg(struct log_beside *b)
{
	struct textfile f;
	const char *p;

	if (!read_beside(b, "dmesg", &f))
		return;
	p = strstr(f.text, "Allowing ");
	if (p && cpus_behind(p, "Allowing ")) {
		const unsigned allowed = cpus_behind(p, "Allowing ");
		const unsigned absent = cpus_behind(p, " CPUs, ");

		b->nr_possible = allowed;
		if (!b->nr_present && absent < allowed)
			b->nr_present = allowed - absent;
	}
	p = strstr(f.text, "smp: Brought up ");
	if (p)
		b->nr_online = cpus_behind(p, ", ");
	if (!b->parameters)
		b->parameters = line_behind(f.text, "Command line: ");
	textfile_free(&f);
}

/* Parameters that hold CPUs back, where dmesg did not say what came of it. */
static void limit_cpus(struct log_beside *b)
{
	const char *text = b->parameters ? b->parameters : "";
	const unsigned possible = cpus_behind(text, "nr_cpus=");
	const unsigned most = cpus_behind(text, "maxcpus=");

	if (!b->nr_present)
		return;
	b->nr_present = least(b->nr_present, possible);
	b->nr_possible = least(b->nr_possible, possible);
	if (b->nr_possible < b->nr_present)
		b->nr_possible = b->nr_present;
	if (!b->nr_online)
		b->nr_online = least(b->nr_present, most);
}

/* A zoneinfo that is none is as good as none. */
static int read_machine(struct log_beside *b)
{
	char ignored[COMMAND_ERR_MAX];
	struct machine_desc *d = malloc(sizeof(*d));

	if (!d)
		return -ENOMEM;
	if (capture_read(b->folder, d, ignored, sizeof(ignored))) {
		free(d);
		return 0;
	}
	b->machine = d;
	if (b->kernel_given)
		d->kernel = b->desc->kernel;
	b->nr_online = d->topo.nr_cpus;
	for (unsigned n = 0; n < d->topo.nr_nodes; n++)
		for (unsigned z = 0; z < MAX_NR_ZONES; z++) {
			const struct zone_extent *e = &d->node[n].zone[z];

			if (e->spanned &&
			    e->start_pfn + e->spanned > b->end_pfn)
				b->end_pfn = e->start_pfn + e->spanned;
		}
	return 0;
}

int log_beside_read(struct log_beside *b, const char *path, char *err,
		    size_t err_len)
{
	int rc;

	memset(b, 0, sizeof(*b));
	b->desc = calloc(1, sizeof(*b->desc));
	if (!b->desc) {
		snprintf(err, err_len, "not enough memory");
		return -ENOMEM;
	}
	layout_defaults(b->desc);
	find_folder(b, path);
	read_version(b);
	rc = read_sys_vm(b, err, err_len);
	if (rc)
		return rc;
	read_distances(b);
	read_cmdline_txt(b);
	read_dmesg(b);
	limit_cpus(b);
	rc = read_machine(b);
	if (rc)
		snprintf(err, err_len, "not enough memory");
	return rc;
}

void log_beside_drop(struct log_beside *b)
{
	free(b->desc);
	free(b->machine);
	free(b->parameters);
}
