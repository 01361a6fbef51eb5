/*
 * Real kernels' logs played on the engines: all must come out equal, and a log
 * with one thing changed must not. State files: printed, read, applied, printed
 * again.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/page/layout.h"
#include "harness/bind.h"
#include "harness/kernel_log.h"

#define DATA "alloc/page/tests/data"

TestSuite(conform, .timeout = 120);

static char message[2048];

/* As kernel_log_play(), on text; -1 bad input. */
static int play_text(const char *text, size_t len, const char *engine)
{
	struct machine_desc *d = malloc(sizeof(*d));
	struct kernel_log log = { .defaults = d,
				  .ops = page_binding_find(engine)->ops };
	char err[1024] = "";
	int rc;

	cr_assert(d);
	layout_defaults(d);
	log.in = (struct state_text){ text, text + len, "log", 0 };
	rc = kernel_log_play(&log, err, sizeof(err));
	snprintf(message, sizeof(message), "%s%s", err, log.difference);
	free(d);
	return rc < 0 ? -1 : rc;
}

static char *log_text(const char *path, size_t *len)
{
	char err[512], *text;

	cr_assert_eq(kernel_log_read(path, &text, len, err, sizeof(err)), 0,
		     "%s", err);
	return text;
}

static int play_file(const char *path, const char *engine)
{
	size_t len;
	char *text = log_text(path, &len);
	int rc = play_text(text, len, engine);

	free(text);
	return rc;
}

static int is_log(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 7 && !strcmp(e->d_name + n - 7, ".log.gz") &&
	       e->d_name[0] < '4';
}

static const char *const folders[] = {
	"kt-k61-256m",  "kt-k61-numa2",    "kt-i386pae-1g",
	"kt-k612-256m", "kt-x64slab-256m", "kt-x64slub-256m",
};

/* Every log of the folder whose name begins with one of the two digits. */
static unsigned play_folder(const char *folder, const char *engine,
			    const char *names)
{
	struct dirent **entry;
	char dir[256], path[1024];
	unsigned played = 0;
	int n;

	snprintf(dir, sizeof(dir), DATA "/%s/kt", folder);
	n = scandir(dir, &entry, is_log, alphasort);
	cr_assert_gt(n, 0, "%s", dir);
	for (int i = 0; i < n; i++) {
		char start[3] = { entry[i]->d_name[0], entry[i]->d_name[1], 0 };

		if (!*names || strstr(names, start)) {
			snprintf(path, sizeof(path), "%s/%s", dir,
				 entry[i]->d_name);
			cr_assert_eq(play_file(path, engine), 0, "%s: %s", path,
				     message);
			played++;
		}
		free(entry[i]);
	}
	free(entry);
	return played;
}

Test(conform, orders_without_pagesets_on_zonelock)
{
	unsigned played = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(folders); i++)
		played += play_folder(folders[i], "zonelock", "01 02");
	cr_assert_eq(played, 10);
}

Test(conform, every_page_log_on_pcp)
{
	unsigned played = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(folders); i++)
		played += play_folder(folders[i], "pcp", "");
	cr_assert_eq(played, 48);
}

Test(conform, engine_without_pagesets_differs_where_the_kernel_used_them)
{
	cr_assert_eq(play_file(DATA "/kt-k61-256m/kt/03_every_order.log.gz",
			       "zonelock"),
		     1);
	cr_assert(strstr(message, "log:42: expected '"), "%s", message);
}

Test(conform, slab_logs_are_refused)
{
	cr_assert_eq(play_file(DATA
			       "/kt-x64slab-256m/kt/40_slab_8192_0_n.log.gz",
			       "zonelock"),
		     -1);
	cr_assert(strstr(message, "slab engine"), "%s", message);
}

/* The log with the n-th occurrence of one text replaced by another. */
static int play_changed(const char *from, const char *to, unsigned n)
{
	size_t len, at;
	char *text = log_text(DATA "/kt-k61-256m/kt/13_exhaust.log.gz", &len);
	char *changed = malloc(len + 64), *hit = text;
	int rc;

	for (unsigned i = 0; i <= n; i++) {
		hit = strstr(hit + (i > 0), from);
		cr_assert(hit, "%s", from);
	}
	at = (size_t)(hit - text);
	memcpy(changed, text, at);
	strcpy(changed + at, to);
	strcat(changed + at, hit + strlen(from));
	rc = play_text(changed, strlen(changed), "pcp");
	free(changed);
	free(text);
	return rc;
}

Test(conform, one_thing_changed_is_found)
{
	static const struct {
		const char *from, *to, *says;
		unsigned n;
		int rc;
	} cases[] = {
		{ "DMA32 16960 +4", "DMA32 16960 +5", "expected 0:DMA32", 0,
		  1 },
		{ "RUN 0:DMA 288", "RUN 0:DMA32 288", "got 0:DMA 288", 0, 1 },
		{ "boost 928", "boost 929", "expected '929', got '928'", 0, 1 },
		{ "freediff -1", "freediff 0", "after 'freediff'", 0, 1 },
		{ "got 331", "got 332", "expected 332 blocks, got 331", 0, 1 },
		{ "FL 10 M: 32768 44032", "FL 10 M: 44032 32768",
		  "expected '44032', got '32768'", 0, 1 },
		{ "NR_FREE 27 21 10", "NR_FREE 27 21 11", "expected '11'", 0,
		  1 },
		{ "PL thp1: 30208", "PL thp0: 30208", "expected 'thp0:'", 0,
		  1 },
		{ "PCP count 408", "PCP count 409", "after 'count'", 0, 1 },
		{ "LB 7:12 12:48", "LB 7:13 12:48", "expected '7:13'", 1, 1 },
		{ "\nFL 4 M: 65232 12368", "", "got '4'", 0, 1 },
		{ "Y 8 n 3", "Y 9 n 3", "expected the id", 0, -1 },
		{ "X 8 0 Um", "X 8 0 Uq", "expected X ID", 0, -1 },
		{ "FL 9 M: 512", "FL 9 M: 513", "aligned", 0, -1 },
		{ "FL 9 M: 512", "FL 9 M: 1024", "at most once", 0, -1 },
		{ "free 37109", "free 37110", "do not add up", 0, -1 },
		{ "managed 3840", "managed 9999", "managed", 0, -1 },
		{ "PB 512:U", "PB 512:", "each pageblock", 0, -1 },
		{ "SNAP 38", "SNOP 38", "snapshot", 0, -1 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		cr_assert_eq(
			play_changed(cases[i].from, cases[i].to, cases[i].n),
			cases[i].rc, "case %u: %s", i, message);
		cr_assert(strstr(message, cases[i].says), "case %u: %s", i,
			  message);
	}
}

Test(conform, truncated_logs_end_with_a_message)
{
	size_t len;
	char *text = log_text(DATA "/kt-k61-256m/kt/17_exact.log.gz", &len);

	for (size_t cut = 0; cut < len; cut += len / 97 + 1) {
		int rc = play_text(text, cut, "pcp");

		cr_assert_eq(rc != 0, *message != 0, "%s", message);
	}
	free(text);
}

static char *print(struct machine *m, struct page_engine *e, size_t *len)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, len);

	cr_assert(f);
	state_print(f, m, e, NULL);
	cr_assert_eq(fclose(f), 0);
	return text;
}

Test(conform, state_survives_print_and_read)
{
	struct machine_desc *d = malloc(sizeof(*d));
	struct machine *m, *again;
	struct state_text in = { .name = "state" };
	struct state s;
	size_t len, len2;
	char err[512], *text, *text2;

	layout_defaults(d);
	d->topo.node_bytes[0] = 0;
	cr_assert_eq(layout_zones(d, 512UL << 20, err, sizeof(err)), 0, "%s",
		     err);
	cr_assert_eq(machine_create(&m, d, NULL, err, sizeof(err)), 0, "%s",
		     err);
	machine_boot(m);
	text = print(m, NULL, &len);
	in.at = text;
	in.end = text + len;
	cr_assert_eq(state_parse_file(&in, &s, err, sizeof(err)), 0, "%s", err);
	cr_assert_eq(machine_create(&again, d, NULL, err, sizeof(err)), 0);
	cr_assert_eq(state_apply(&s, again, NULL, err, sizeof(err)), 0, "%s",
		     err);
	text2 = print(again, NULL, &len2);
	cr_assert_str_eq(text, text2);
	/* over a machine that has free lists already */
	cr_assert_eq(state_apply(&s, m, NULL, err, sizeof(err)), 0, "%s", err);
	state_drop(&s);
	machine_destroy(m);
	machine_destroy(again);
	free(text);
	free(text2);
	free(d);
}
