/*
 * zonebench conform kernel-log=FILE [engine=NAME]: plays what a real kernel
 * did on an engine and says how much of it came out equal. Logs of slab
 * commands are played on a slab engine, over the page engine pcp.
 *
 * What a log does not say stands beside it, in its own folder or the one
 * above: version (which kernel's rules), sys_vm (THP), nodeN/distance or the
 * "Fallback order" lines of dmesg. All of it may be missing: the rules follow
 * from the form of the log's PCP lines, THP is taken as built in, and nodes as
 * equally far.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc/page/layout.h"
#include "harness/bind.h"
#include "harness/capture.h"
#include "harness/command.h"
#include "harness/kernel_log.h"
#include "harness/kv.h"
#include "harness/slab_log.h"
#include "harness/textfile.h"
#include "harness/zoneinfo_reader.h"

#define FOLDER_MAX 4096

struct beside {
	char folder[FOLDER_MAX];
	struct machine_desc *desc;
	bool kernel_given, distance_given;
	unsigned nr_cpus; /* 1 unless something says otherwise */
	uint64_t end_pfn; /* of all zones, 0: no zoneinfo */
};

static bool read_beside(const struct beside *b, const char *name,
			struct textfile *out)
{
	char path[FOLDER_MAX + 64], ignored[COMMAND_ERR_MAX];

	snprintf(path, sizeof(path), "%s/%s", b->folder, name);
	return !textfile_read(path, out, ignored, sizeof(ignored));
}

/* The log's folder, or the one above if `version` stands only there. */
static void find_folder(struct beside *b, const char *path)
{
	const char *slash = strrchr(path, '/');
	char up[FOLDER_MAX + 16];

	snprintf(b->folder, sizeof(b->folder), "%.*s",
		 slash ? (int)(slash - path) : 1, slash ? path : ".");
	if (slash == path)
		snprintf(b->folder, sizeof(b->folder), "/");
	snprintf(up, sizeof(up), "%s/version", b->folder);
	if (!access(up, R_OK))
		return;
	snprintf(up, sizeof(up), "%.*s/../version", FOLDER_MAX - 16, b->folder);
	if (!access(up, R_OK))
		snprintf(b->folder, sizeof(b->folder), "%.*s",
			 (int)(strlen(up) - strlen("/version")), up);
}

/* "Linux version 6.12.117 ...": the rules of 6.12 hold from 6.10 on. */
static void read_version(struct beside *b)
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
static int read_sys_vm(struct beside *b, char *err, size_t err_len)
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
static void read_fallback_line(struct beside *b, const char *p)
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

static void read_fallback_orders(struct beside *b)
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

static void read_distances(struct beside *b)
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

/* "smp: 4" of cmdline.txt, or "Allowing 4 CPUs" of dmesg: slab orders and
 * limits follow from it. */
static void read_cpus(struct beside *b)
{
	static const struct {
		const char *file, *mark;
	} places[] = { { "cmdline.txt", "\nsmp: " }, { "dmesg", "Allowing " } };

	b->nr_cpus = 1;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct textfile f;
		const char *p;
		uint64_t n;
		bool found;

		if (!read_beside(b, places[i].file, &f))
			continue;
		p = strstr(f.text, places[i].mark);
		if (p)
			p += strlen(places[i].mark);
		found = p && text_take_uint(&p, MAX_CPUS, &n) && n > 0;
		if (found)
			b->nr_cpus = (unsigned)n;
		textfile_free(&f);
		if (found)
			return;
	}
}

/* Where memory ends. A zoneinfo that is none is as good as none. */
static void read_end_pfn(struct beside *b)
{
	char path[FOLDER_MAX + 64], ignored[COMMAND_ERR_MAX];
	struct zoneinfo zi;

	snprintf(path, sizeof(path), "%s/zoneinfo", b->folder);
	if (zoneinfo_read(path, &zi, ignored, sizeof(ignored)))
		return;
	for (unsigned i = 0; i < zi.nr_zones; i++) {
		const uint64_t *v = zi.zone[i].value;
		const uint64_t end = v[ZI_START_PFN] + v[ZI_SPANNED];

		if (v[ZI_SPANNED] && end > b->end_pfn)
			b->end_pfn = end;
	}
	zoneinfo_free(&zi);
}

static void print_tally(const struct kernel_log *log, const char *path)
{
	const struct kernel_log_tally *t = &log->tally;

	printf("%s: engine %s\n"
	       "  commands          %" PRIu64 "\n"
	       "  frames equal      %" PRIu64 "\n"
	       "  failures equal    %" PRIu64 "\n"
	       "  snapshots         %" PRIu64 " (the first one is the start)\n"
	       "  zone fields equal %" PRIu64 "\n"
	       "  pageset fields    %" PRIu64 "\n"
	       "  lists equal       %" PRIu64 " with %" PRIu64 " entries\n"
	       "  pageblock lines   %" PRIu64 "\n"
	       "  counts equal      %" PRIu64 "\n",
	       path, log->ops->name, t->commands, t->frames, t->failures,
	       t->snapshots, t->zone_fields, t->pcp_fields, t->lists,
	       t->list_entries, t->pageblock_lines, t->counts);
}

/* A log and what stands beside it. */
struct conformance {
	const char *path;
	struct beside beside;
	char *text;
	size_t len;
	const char *states; /* slab log: the engine whose states it holds */
	bool slab;
};

static int play_pages(const struct conformance *c, const struct page_ops *ops,
		      char *err, size_t err_len)
{
	struct kernel_log log = {
		.ops = ops,
		.defaults = c->beside.desc,
		.kernel_given = c->beside.kernel_given,
		.distance_given = c->beside.distance_given,
		.in = { .at = c->text,
			.end = c->text + c->len,
			.name = c->path },
	};
	int rc = kernel_log_play(&log, err, err_len);

	if (rc >= 0)
		print_tally(&log, c->path);
	if (!rc)
		puts("equal");
	if (rc > 0)
		printf("different: %s\n", log.difference);
	return rc;
}

static int play_slabs(const struct conformance *c, const struct slab_ops *ops,
		      char *err, size_t err_len)
{
	struct slab_log log = {
		.ops = ops,
		.pages = page_binding_find("pcp")->ops,
		.kernel = c->beside.desc->kernel,
		.nr_cpus = c->beside.nr_cpus,
		.end_pfn = c->beside.end_pfn,
		.in = { .at = c->text,
			.end = c->text + c->len,
			.name = c->path },
	};
	const struct slab_log_tally *t = &log.tally;
	int rc = slab_log_play(&log, err, err_len);

	if (rc >= 0)
		printf("%s: engine %s\n"
		       "  commands          %" PRIu64 "\n"
		       "  objects equal     %" PRIu64 "\n"
		       "  states equal      %" PRIu64 " with %" PRIu64
		       " lines, %" PRIu64 " words\n",
		       c->path, ops->name, t->commands, t->objects, t->states,
		       t->state_lines, t->state_fields);
	if (!rc)
		puts("equal");
	if (rc > 0)
		printf("different: %s\n", log.difference);
	return rc;
}

static int conformance_read(struct conformance *c, char *err, size_t err_len)
{
	struct beside *b = &c->beside;
	int rc;

	b->desc = calloc(1, sizeof(*b->desc));
	if (!b->desc) {
		snprintf(err, err_len, "not enough memory");
		return -ENOMEM;
	}
	layout_defaults(b->desc);
	find_folder(b, c->path);
	read_version(b);
	rc = read_sys_vm(b, err, err_len);
	if (rc)
		return rc;
	read_distances(b);
	read_cpus(b);
	read_end_pfn(b);
	rc = kernel_log_read(c->path, &c->text, &c->len, err, err_len);
	if (!rc)
		c->slab = slab_log_is(c->text, c->len, &c->states);
	return rc;
}

static void conformance_drop(struct conformance *c)
{
	free(c->text);
	free(c->beside.desc);
}

/* The engine that was named, or the one that fits the log, by its kind. */
static int play(const struct conformance *c, const char *engine, char *err,
		size_t err_len)
{
	const struct page_binding *p =
		page_binding_find(engine ? engine : "zonelock");
	const struct slab_binding *s = slab_binding_find(engine      ? engine
							 : c->states ? c->states
								     : "slub");

	if (c->slab && s && (s->ops->features & SLAB_F_KSTATE))
		return play_slabs(c, s->ops, err, err_len);
	if (p && !(p->ops->features & PAGE_F_FLOOR) && (engine || !c->slab))
		return play_pages(c, p->ops, err, err_len);
	snprintf(err, err_len,
		 "command line: engine=%.64s: expected %s, see zonebench list "
		 "engines",
		 engine      ? engine
		 : c->states ? c->states
			     : "slub",
		 c->slab ? "a slab engine that follows the kernel"
			 : "a page engine with frames");
	return -EINVAL;
}

static int run_conform(int argc, char **argv, char *err, size_t err_len)
{
	struct conformance c = { .path = NULL };
	const char *engine = NULL;
	int rc;

	for (int i = 1; i < argc; i++) {
		if (!strncmp(argv[i], "kernel-log=", 11) && argv[i][11]) {
			c.path = argv[i] + 11;
		} else if (!strncmp(argv[i], "engine=", 7)) {
			engine = argv[i] + 7;
		} else {
			char shown[64];

			snprintf(err, err_len,
				 "command line: %s: expected kernel-log=FILE "
				 "or engine=NAME",
				 printable(argv[i], shown, sizeof(shown)));
			return EXIT_USAGE;
		}
	}
	if (!c.path) {
		snprintf(err, err_len,
			 "command line: expected kernel-log=FILE");
		return EXIT_USAGE;
	}
	rc = conformance_read(&c, err, err_len);
	if (!rc)
		rc = play(&c, engine, err, err_len);
	conformance_drop(&c);
	if (rc == -EINVAL || rc == -ENOENT || rc == -EFBIG || rc == -EIO)
		return EXIT_USAGE;
	return rc ? EXIT_FAILED : EXIT_OK;
}

static struct command conform = {
	.name = "conform",
	.usage = "kernel-log=FILE [engine=NAME]",
	.summary = "play a real kernel's log on an engine, step by step",
	.help = "FILE may be gzipped. Exit status 0: every frame, list and "
		"counter came out equal; 1: the first difference is printed; "
		"2: not a log for this engine.\n"
		"A log of slab commands is played on a slab engine, by default "
		"the one whose states it\nholds.\n"
		"Beside FILE, or in the folder above, may stand: version, "
		"sys_vm, nodeN/distance, dmesg,\ncmdline.txt.\n",
	.run = run_conform,
};
COMMAND(conform);
