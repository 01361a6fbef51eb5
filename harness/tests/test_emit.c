/*
 * samples.csv and failed.csv from run folders: quoting, which repetitions
 * become numbers, and what a damaged folder leads to.
 */
#include "harness/emit.h"
#include "harness/outfile.h"

#include <errno.h>

#include "harness/tests/run_folder.h"

static const struct folder_cell cells[] = {
	{ "null-pair-t1-o0", "null", "pair", "mem=1G", 1, 0, NULL, NULL, NULL,
	  1.5 },
	{ "zonelock-pair-t2-o3", "zonelock", "pair", "mem=1G,nodes=2 \"a\"\nb",
	  2, 3, "touch", "none", "synthetic", 80 },
};

static char dir[64];
static char err[512];

static void setup(void)
{
	folder_make(dir, cells, 2);
	err[0] = '\0';
}

static void teardown(void)
{
	folder_remove(dir);
}

TestSuite(emit, .init = setup, .fini = teardown, .timeout = 30);

/* Splits RFC 4180 text; calls back per field with its line and column. */
struct csv {
	char *text;
	char *cell[4096][16];
	unsigned columns[4096], lines;
};

static void csv_parse(const char *s, struct csv *csv)
{
	char *buf = strdup(s), *w = buf;
	unsigned col = 0;

	free(csv->text);
	memset(csv, 0, sizeof(*csv));
	csv->text = buf;
	csv->cell[0][0] = w;
	for (; *s; s++) {
		bool quoted = *s == '"';

		for (s += quoted; *s; s++) {
			if (quoted && s[0] == '"' && s[1] == '"')
				s++;
			else if (quoted && s[0] == '"' && ++s)
				break;
			else if (!quoted && (*s == ',' || *s == '\n'))
				break;
			*w++ = *s;
		}
		*w++ = '\0';
		cr_assert(*s == ',' || *s == '\n');
		cr_assert_lt(++col, 16);
		if (*s == '\n') {
			csv->columns[csv->lines++] = col;
			cr_assert_lt(csv->lines, 4096);
			col = 0;
		}
		csv->cell[csv->lines][col] = w;
	}
}

static struct csv csv;

static void load_csv(const char *name)
{
	char *text = folder_read(dir, name);

	cr_assert(text, "no %s", name);
	csv_parse(text, &csv);
	free(text);
}

Test(emit, samples_have_the_columns_and_one_line_per_metric)
{
	static const char *const columns[] = {
		"run",     "cell",  "engine", "workload", "machine",
		"threads", "order", "rep",    "metric",   "unit",
		"better",  "value", "flags",
	};
	unsigned per_rep = 3 + 2 * 7 + 1 + 6 * 2;

	cr_assert_eq(emit_run(dir, err, sizeof(err)), 0, "%s", err);
	load_csv("samples.csv");
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		cr_assert_str_eq(csv.cell[0][i], columns[i]);
	cr_assert_eq(csv.lines, 1 + 2 * FOLDER_REPS * per_rep);
	for (unsigned i = 0; i < csv.lines; i++)
		cr_assert_eq(csv.columns[i], 13, "line %u", i + 1);
	cr_assert_eq(folder_leftovers(dir), 0);
}

Test(emit, machine_text_survives_quoting)
{
	cr_assert_eq(emit_run(dir, err, sizeof(err)), 0, "%s", err);
	load_csv("samples.csv");
	cr_assert_str_eq(csv.cell[csv.lines - 1][4], cells[1].machine);
	cr_assert_str_eq(csv.cell[csv.lines - 1][12], "synthetic");
	cr_assert_str_eq(csv.cell[csv.lines - 1][2], "floor:clock_reads");
}

Test(emit, values_read_back_exactly)
{
	static const double values[] = {
		0.1, 1.0 / 3, 1e300, 12345678901.0, 2.2250738585072014e-308,
		-0.0
	};
	char text[32];

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		number_text(values[i], text, sizeof(text));
		cr_assert(strtod(text, NULL) == values[i], "%s", text);
	}
	number_text(0.1, text, sizeof(text));
	cr_assert_str_eq(text, "0.1");
}

Test(emit, null_is_an_empty_field_and_not_zero)
{
	unsigned found = 0;

	cr_assert_eq(emit_run(dir, err, sizeof(err)), 0, "%s", err);
	load_csv("samples.csv");
	for (unsigned i = 1; i < csv.lines; i++) {
		if (strcmp(csv.cell[i][8], "hugepages") != 0)
			continue;
		cr_assert_str_eq(csv.cell[i][11], "");
		found++;
	}
	cr_assert_eq(found, 2 * FOLDER_REPS);
}

Test(emit, only_ok_repetitions_become_numbers)
{
	static const char *const other[] = { "void residency 0.93\n",
					     "failed verify: zone, \"DMA\"\n",
					     "crash signal 11\n", "timeout\n",
					     "oom\n" };

	for (size_t s = 0; s < ARRAY_SIZE(other); s++) {
		folder_set(dir, cells[0].id, 1, "status", other[s]);
		cr_assert_eq(emit_run(dir, err, sizeof(err)), 0, "%s", err);
		load_csv("samples.csv");
		for (unsigned i = 1; i < csv.lines; i++)
			cr_assert(strcmp(csv.cell[i][1], cells[0].id) != 0 ||
					  strcmp(csv.cell[i][7], "1") != 0,
				  "a number of a repetition that is %s",
				  other[s]);
		load_csv("failed.csv");
		cr_assert_eq(csv.lines, 2);
		cr_assert_eq(strncmp(other[s], csv.cell[1][8],
				     strlen(csv.cell[1][8])),
			     0);
	}
	folder_set(dir, cells[0].id, 1, "status", other[1]);
	cr_assert_eq(emit_run(dir, err, sizeof(err)), 0, "%s", err);
	load_csv("failed.csv");
	cr_assert_str_eq(csv.cell[1][9], "verify: zone, \"DMA\"");
}

Test(emit, a_repetition_without_status_is_missing)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/cells/%s/rep-02/status", dir,
		 cells[1].id);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(emit_run(dir, err, sizeof(err)), 0, "%s", err);
	load_csv("failed.csv");
	cr_assert_eq(csv.lines, 2);
	cr_assert_str_eq(csv.cell[1][8], "missing");
}

/* Every prefix of a result is refused, with one line, and nothing appears. */
Test(emit, truncated_result_is_one_error_and_no_file)
{
	char name[128];
	char *text, *out;
	size_t len;

	snprintf(name, sizeof(name), "cells/%s/rep-00/result.json",
		 cells[0].id);
	text = folder_read(dir, name);
	len = strlen(text);
	for (size_t cut = 0; cut < len; cut += 1 + len / 40) {
		char c = text[cut];

		text[cut] = '\0';
		folder_write(dir, name, text);
		text[cut] = c;
		err[0] = '\0';
		cr_assert_lt(emit_run(dir, err, sizeof(err)), 0);
		cr_assert(strstr(err, "result.json"), "%s", err);
		cr_assert_null(strchr(err, '\n'));
		out = folder_read(dir, "samples.csv");
		cr_assert_null(out);
		cr_assert_eq(folder_leftovers(dir), 0);
	}
	free(text);
}

Test(emit, lies_of_a_result_are_refused)
{
	static const struct {
		const char *from, *to, *key;
	} lies[] = {
		{ "\"rep\": 0", "\"rep\": 1", "rep" },
		{ "\"engine\": \"null\"", "\"engine\": \"pcp\"", "engine" },
		{ "\"run\": \"r-test\"", "\"run\": \"x\"", "run" },
		{ "\"schema\": 1", "\"schema\": 2", "schema" },
		{ "\"better\": \"lower\"", "\"better\": \"up\"", "better" },
		{ "\"valid\": true", "\"valid\": 1", "valid" },
		{ "\"value\": null", "\"value\": \"1\"", "value" },
	};
	char name[128];
	char *text = NULL;

	snprintf(name, sizeof(name), "cells/%s/rep-00/result.json",
		 cells[0].id);
	text = folder_read(dir, name);
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		char *at = strstr(text, lies[i].from), *lie = NULL;

		cr_assert(at, "%s", lies[i].from);
		cr_assert_gt(asprintf(&lie, "%.*s%s%s", (int)(at - text), text,
				      lies[i].to, at + strlen(lies[i].from)),
			     0);
		folder_write(dir, name, lie);
		free(lie);
		cr_assert_eq(emit_run(dir, err, sizeof(err)), -EINVAL);
		cr_assert(strstr(err, lies[i].key), "%s", err);
	}
	folder_write(dir, name, text);
	free(text);
	cr_assert_eq(emit_run(dir, err, sizeof(err)), 0, "%s", err);
}

Test(emit, a_status_cut_short_is_refused)
{
	static const char *const bad[] = { "", "o", "okay\n", "OK\n", "void?" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		folder_set(dir, cells[0].id, 0, "status", bad[i]);
		cr_assert_eq(emit_run(dir, err, sizeof(err)), -EINVAL, "%s",
			     bad[i]);
		cr_assert(strstr(err, "status:1:"), "%s", err);
	}
}

Test(emit, a_cell_id_cannot_leave_the_folder)
{
	static const char *const ids[] = { "../x", "a/b", ".hidden", "a\\nb",
					   "$(id)" };

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		char *text = NULL;

		cr_assert_gt(asprintf(&text,
				      "{\"schema\":1,\"run\":\"r\",\"name\":"
				      "\"n\",\"repeat\":1,\"cells\":[{\"id\":"
				      "\"%s\",\"engine\":\"e\",\"workload\":"
				      "\"w\",\"machine\":\"m\",\"threads\":1,"
				      "\"params\":{}}]}",
				      ids[i]),
			     0);
		folder_write(dir, "run.json", text);
		free(text);
		cr_assert_eq(emit_run(dir, err, sizeof(err)), -EINVAL);
		cr_assert(strstr(err, "cells.id"), "%s", err);
	}
}

/* A failed write leaves the files of before and no temporary ones. */
Test(emit, an_unwritable_name_keeps_the_old_set)
{
	char path[128];
	char *before, *after;

	cr_assert_eq(emit_run(dir, err, sizeof(err)), 0, "%s", err);
	before = folder_read(dir, "samples.csv");
	snprintf(path, sizeof(path), "%s/.failed.csv.%ld.tmp", dir,
		 (long)getpid());
	cr_assert_eq(mkdir(path, 0777), 0);
	folder_set(dir, cells[0].id, 0, "status", "void x\n");
	cr_assert_lt(emit_run(dir, err, sizeof(err)), 0);
	cr_assert_eq(rmdir(path), 0);
	after = folder_read(dir, "samples.csv");
	cr_assert_str_eq(before, after);
	cr_assert_eq(folder_leftovers(dir), 0);
	free(before);
	free(after);
}
