/* Job files: what is taken, and each refusal word for word. */
#include "harness/job.h"

#include <stdlib.h>

#include <criterion/criterion.h>

static int parse(const char *text, struct job *job, char err[512])
{
	*err = 0;
	return job_parse_buffer(text, strlen(text), "j.ini", job, err, 512);
}

struct refusal {
	const char *text, *message;
};

static void check_refusals(const struct refusal *r, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		struct job job;
		char err[512];

		cr_expect(parse(r[i].text, &job, err) != 0, "'%s' was taken",
			  r[i].text);
		cr_expect_str_eq(err, r[i].message);
		job_free(&job);
	}
}

Test(job, refusals_of_lines)
{
	static const struct refusal table[] = {
		{ "order=1\n", "j.ini:1: order=1: expected a [section] before "
			       "any text" },
		{ "[pair\n", "j.ini:1: [pair: expected [NAME], a name of "
			     "letters, digits, '.', '_', '-', at most 48" },
		{ "[]\n", "j.ini:1: []: expected [NAME], a name of letters, "
			  "digits, '.', '_', '-', at most 48" },
		{ "[pair] x\n",
		  "j.ini:1: [pair] x: expected nothing behind [NAME]" },
		{ "[pair]\n\norder\n", "j.ini:3: order: expected KEY=VALUE" },
		{ "[pair]\norder:1\n", "j.ini:2: order:1: expected KEY=VALUE" },
		{ "[pair]\n  order\n", "j.ini:2: order: expected KEY=VALUE" },
		{ "[pair]\n=1\n", "j.ini:2: =1: expected KEY=VALUE" },
		{ "[pair]\n[pair]\n",
		  "j.ini:2: pair: expected each section once" },
		{ "[piar]\n",
		  "j.ini:1: [piar]: expected workload= here, or a section "
		  "named like its workload: expected one of `zonebench list "
		  "workloads`; did you mean 'pair'?" },
		{ "[globl]\n",
		  "j.ini:1: [globl]: expected global, matrix, node or a "
		  "workload; did you mean 'global'?" },
	};

	check_refusals(table, ARRAY_SIZE(table));
}

Test(job, refusals_of_keys_and_values)
{
	static const struct refusal table[] = {
		{ "[pair]\nordr=1\n", "j.ini:2: ordr=1: expected a known key; "
				      "did you mean 'order'?" },
		{ "[pair]\norder=11\n",
		  "j.ini:2: order=11: expected an integer from 0 to 10; larger "
		  "than the largest block is a matter for vmalloc" },
		{ "[pair]\norder=\n", "j.ini:2: order=: expected a value" },
		{ "[pair]\norder=1\n\norder=2\n",
		  "j.ini:4: order=2: expected each key once, first at line 2" },
		{ "[pair]\norder=1,1\n",
		  "j.ini:2: order=1,1: expected each value once" },
		{ "[pair]\norder=1,\n",
		  "j.ini:2: order=1,: expected values between commas, quotes "
		  "closed" },
		{ "[pair]\ntouch=frist\n",
		  "j.ini:2: touch=frist: expected none, first or all; did you "
		  "mean 'first'?" },
		{ "[pair]\nsample=3\n",
		  "j.ini:2: sample=3: expected a power of two from 1 to "
		  "1048576" },
		{ "[matrix]\nrepeat=2\n",
		  "j.ini:2: repeat=2: expected a key that may stand in "
		  "[matrix], an axis" },
		{ "[global]\nengine=zonlock\n",
		  "j.ini:2: engine=zonlock: expected one of `zonebench list "
		  "engines`; did you mean 'zonelock'?" },
		{ "[matrix]\nexclude = engine=null bogus\n",
		  "j.ini:2: exclude=bogus: expected KEY=VALUE pairs" },
	};

	check_refusals(table, ARRAY_SIZE(table));
}

Test(job, long_lines_and_nul_bytes)
{
	char text[512], err[512];
	struct job job;

	memset(text, 'x', sizeof(text));
	memcpy(text, "[pair]\n#", 8);
	text[7 + JOB_LINE_MAX] = '\n';
	cr_expect_eq(job_parse_buffer(text, 8 + JOB_LINE_MAX, "j.ini", &job,
				      err, sizeof(err)),
		     0, "%s", err);
	job_free(&job);
	text[7 + JOB_LINE_MAX] = 'x';
	text[8 + JOB_LINE_MAX] = '\n';
	cr_expect(job_parse_buffer(text, 9 + JOB_LINE_MAX, "j.ini", &job, err,
				   sizeof(err)));
	cr_expect_not_null(strstr(err, "j.ini:2: "));
	cr_expect_not_null(strstr(err, "expected at most 198 bytes a line"));
	job_free(&job);
	cr_expect(job_parse_buffer("[pair]\nor\0der=1\n", 16, "j.ini", &job,
				   err, sizeof(err)));
	cr_expect_str_eq(err, "j.ini:2: or: expected text, not a NUL byte");
	job_free(&job);
}

Test(job, sections_lists_comments_and_continuations)
{
	static const char text[] =
		"; a comment\r\n[global]\r\nmem = 1G ; behind a value\r\n"
		"[matrix]\nthreads=1,\n   50%\nexclude = threads=50% order=3\n"
		"[big]\n  workload = pair\n\torder=0,3\n"
		"[node]\ncpus=0-1\n[node]\ncpus=2\n[bulk]";
	struct job job;
	char err[512];
	const struct kv *kv;

	cr_assert_eq(parse(text, &job, err), 0, "%s", err);
	cr_expect_eq(job.nr_sections, 2);
	cr_expect_str_eq(job.section[0].name, "big");
	cr_expect_eq(job.section[0].line, 8);
	cr_expect_eq(job.nr_excludes, 1);
	cr_expect_eq(job.exclude[0].match.nr, 2);
	kv = kv_find(&job.matrix, option_find("threads", AT_CLI));
	cr_assert_not_null(kv);
	cr_expect_str_eq(kv->text, "1, 50%");
	cr_expect_eq(kv->line, 5);
	kv = kv_find(&job.global, option_find("mem", AT_CLI));
	cr_assert_not_null(kv);
	cr_expect_str_eq(kv->text, "1G");
	cr_expect_eq(job.base->machine.nr_node_sections, 2);
	cr_expect_str_eq(job.base->machine.node[1].cpus, "2");
	cr_expect_eq(job.base->machine.node[1].cpus_line, 14);
	cr_expect_str_eq(job.text, text);
	job_free(&job);
}

Test(job, the_command_line_has_the_same_grammar)
{
	static const struct refusal table[] = {
		{ "order", "command line: order: expected KEY=VALUE" },
		{ "ordr=1", "command line: ordr=1: expected a known key; did "
			    "you mean 'order'?" },
		{ "threads=0", "command line: threads=0: expected a number "
			       "from 1 to 1024 or 1% to 100% of the CPUs" },
		{ "dma=0+1", "command line: dma=0+1: expected a key that may "
			     "stand on the command line" },
	};
	struct job job;
	char err[512];

	cr_assert_eq(job_init(&job, err, sizeof(err)), 0);
	cr_expect_eq(job_parse_arg(&job, "machine=hwloc:numa:1 pu:2", AT_CLI,
				   err, sizeof(err)),
		     0);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		cr_expect(job_parse_arg(&job, table[i].text, AT_CLI, err,
					sizeof(err)));
		cr_expect_str_eq(err, table[i].message);
	}
	job_free(&job);
}

/* Each default, set and printed, is itself. */
Test(job, options_are_read_as_they_are_printed)
{
	struct job_params *p = malloc(sizeof(*p));
	char text[JOB_VALUE_MAX], again[JOB_VALUE_MAX], why[256];

	cr_assert_not_null(p);
	job_params_init(p);
	for (unsigned i = 0; i < nr_options; i++) {
		const struct option *o = &options[i];

		cr_expect(*o->summary && strlen(o->summary) < 72, "%s",
			  o->name);
		if (!o->def)
			continue;
		option_format(o, p, text, sizeof(text));
		cr_expect_eq(option_set(o, text, p, why, sizeof(why)), 0,
			     "%s=%s: %s", o->name, text, why);
		option_format(o, p, again, sizeof(again));
		cr_expect_str_eq(text, again);
	}
	free(p);
}
