/*
 * zonebench conform kernel-log=FILE [engine=NAME]: plays what a real kernel
 * did on an engine and says how much of it came out equal. Logs of slab
 * commands are played on a slab engine, over the page engine pcp.
 *
 * What a log does not say stands beside it (log_beside.h). All of it may be
 * missing: the rules follow from the form of the log's PCP lines, THP is taken
 * as built in, nodes as equally far, and the CPUs of a slab log follow from the
 * states that it holds.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/bind.h"
#include "harness/command.h"
#include "harness/kernel_log.h"
#include "harness/kv.h"
#include "harness/log_beside.h"
#include "harness/slab_log.h"

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
	struct log_beside beside;
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
		.machine = c->beside.machine,
		.end_pfn = c->beside.end_pfn,
		.nr_online = c->beside.nr_online,
		.nr_present = c->beside.nr_present,
		.nr_possible = c->beside.nr_possible,
		.parameters = c->beside.parameters,
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
	int rc = log_beside_read(&c->beside, c->path, err, err_len);

	if (!rc)
		rc = kernel_log_read(c->path, &c->text, &c->len, err, err_len);
	if (rc)
		return rc;
	switch (slab_log_kind(c->text, c->len, &c->states)) {
	case LOG_EMPTY:
		snprintf(err, err_len,
			 "%s: expected a snapshot or a slab command, found "
			 "none",
			 c->path);
		return -EINVAL;
	case LOG_OF_SLABS:
		c->slab = true;
		break;
	case LOG_OF_PAGES:
		break;
	}
	return 0;
}

static void conformance_drop(struct conformance *c)
{
	free(c->text);
	log_beside_drop(&c->beside);
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
		"sys_vm, nodeN/distance, dmesg,\ncmdline.txt, zoneinfo.\n",
	.run = run_conform,
};
COMMAND(conform);
