/*
 * Profiles: the text of `perf script` is folded sample for sample, the picture
 * adds up and lets no name break out of it, and perf itself is found, limited
 * in time and quoted when it fails.
 */
#include "harness/profile_flame.h"
#include "harness/profile_perf.h"
#include "harness/profile_stack.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM "/opt/zb/zonebench"

static char err[512];

TestSuite(profile, .timeout = 120);

static int read_text(struct stack_tree *t, const char *text, size_t len)
{
	FILE *in = fmemopen((void *)text, len, "r");
	int r;

	cr_assert(in);
	*err = 0;
	r = stack_tree_read(t, in, "perf script", PROGRAM, err, sizeof(err));
	fclose(in);
	return r;
}

static void read_ok(struct stack_tree *t, const char *text)
{
	cr_assert_eq(read_text(t, text, strlen(text)), 0, "%s", err);
}

/* To be freed. */
static char *folded(const struct stack_tree *t)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	cr_assert(out);
	stack_write_folded(out, t);
	fclose(out);
	return text;
}

static char *drawn(const struct stack_tree *t, const char *title)
{
	const struct flame_text text = { title, { "one", NULL } };
	char *svg;
	size_t len;
	FILE *out = open_memstream(&svg, &len);

	cr_assert(out);
	flame_write(out, t, &text);
	fclose(out);
	return svg;
}

static const char two_threads[] =
	"worker 12 \n"
	"\t  7dbce merge (inlined)\n"
	"\t  7dbce pair_loop (inlined)\n"
	"\t  36954 worker_main (" PROGRAM ")\n"
	"\t  891f4 start_thread (/lib/libc.so.6)\n"
	"\n"
	"worker 13 \n"
	"\t  7dbd0 pair_loop (inlined)\n"
	"\t  36954 worker_main (" PROGRAM ")\n"
	"\t  891f4 start_thread (/lib/libc.so.6)\n"
	"\n"
	"worker 12 \n"
	"\t  7dbce merge (inlined)\n"
	"\t  7dbce pair_loop (inlined)\n"
	"\t  36954 worker_main (" PROGRAM ")\n"
	"\t  891f4 start_thread (/lib/libc.so.6)\n"
	"\n"
	"zonebench 11 \n"
	"\tffffffff8225f2d9 irq_enable ([kernel.kallsyms])\n"
	"\t  1234 poll (/lib/libc.so.6)\n"
	"\n";

Test(profile, folds_stacks_outermost_first)
{
	struct stack_tree t;
	char *text;

	read_ok(&t, two_threads);
	text = folded(&t);
	cr_assert_str_eq(text,
			 "worker;start_thread;worker_main;pair_loop 1\n"
			 "worker;start_thread;worker_main;pair_loop;merge 2\n"
			 "zonebench;poll;irq_enable 1\n");
	free(text);
	cr_assert_eq(t.node[STACK_ROOT].total, 4);
	cr_assert_eq(t.depth, 5);
	stack_tree_drop(&t);
}

Test(profile, inlined_frames_belong_to_what_holds_them)
{
	struct stack_sum *sum;
	struct stack_tree t;
	uint32_t nr;

	read_ok(&t, two_threads);
	cr_assert_eq(stack_sum_self(&t, &sum, &nr), 0);
	cr_assert_eq(nr, 3);
	cr_assert_str_eq(sum[0].name, "merge");
	cr_assert_eq(sum[0].self, 2);
	cr_assert_eq(sum[0].kind, FRAME_PROGRAM);
	cr_assert_str_eq(sum[1].name, "irq_enable");
	cr_assert_eq(sum[1].kind, FRAME_KERNEL);
	cr_assert_str_eq(sum[2].name, "pair_loop");
	cr_assert_eq(sum[2].kind, FRAME_PROGRAM);
	free(sum);
	stack_tree_drop(&t);
}

Test(profile, takes_odd_names)
{
	static const struct {
		const char *text, *want;
	} row[] = {
		/* blanks in thread, function and file */
		{ "a b; c 7 \n\t 12 f(int) const (/a b (1).so)\n\n",
		  "a b: c;f(int) const 1\n" },
		{ "t 1\n\t 12 operator()(int) (/l.so)\n",
		  "t;operator()(int) 1\n" },
		/* no file, no name, no frames */
		{ "t 1 \n\t 12 main\n\n", "t;main 1\n" },
		{ "t 1 \n\t 12\n\n", "t;? 1\n" },
		{ "t 1 \n\n", "t 1\n" },
		/* the mark of an unwinder that gave up is no frame */
		{ "t 1 \n\t 12 f (/l.so)\n\tffffffffffffffff [unknown] "
		  "([unknown])\n\n",
		  "t;f 1\n" },
		/* right-aligned names; nothing but ASCII goes on */
		{ "          t 1 \n\t 12 f\xc3\xbc\x01;g (/l.so)\n\n",
		  "t;f???:g 1\n" },
		{ "", "" },
		{ "\n\n", "" },
	};
	struct stack_tree t;
	char *text;

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		const char *in = *row[i].text ? row[i].text : "\n";

		read_ok(&t, in);
		text = folded(&t);
		cr_expect_str_eq(text, row[i].want, "row %zu: %s", i, text);
		free(text);
		stack_tree_drop(&t);
	}
}

Test(profile, refuses_what_is_no_sample)
{
	static const char *const row[] = {
		"\t 12 main (/l.so)\n", /* a frame of nobody */
		"worker\n",             /* no number */
		"17 \n",                /* no name */
		"worker x12\n",
		"worker 1\n\tmain (/l.so)\n",
		"worker 1\n\t12345678901234567 main (/l.so)\n",
		"worker 1\n\t12main (/l.so)\n",
	};
	static char line[2 * STACK_LINE_MAX];
	struct stack_tree t;

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		cr_expect_eq(read_text(&t, row[i], strlen(row[i])), -EINVAL,
			     "row %zu", i);
		cr_expect_eq(strncmp(err, "perf script:", 12), 0, "%s", err);
		cr_expect_null(strchr(err, '\n'));
		stack_tree_drop(&t);
	}
	memset(line, 'x', sizeof(line));
	cr_expect_eq(read_text(&t, line, sizeof(line)), -EINVAL);
	stack_tree_drop(&t);
	cr_expect_eq(read_text(&t, "wor\0ker 1\n", 10), -EINVAL);
	stack_tree_drop(&t);
}

/* One sample of `depth` frames. */
static char *deep_sample(unsigned depth)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	cr_assert(out);
	fprintf(out, "worker 1\n");
	for (unsigned i = 0; i < depth; i++)
		fprintf(out, "\t %x frame_%u (" PROGRAM ")\n", i + 1, i);
	fprintf(out, "\n");
	fclose(out);
	return text;
}

Test(profile, keeps_the_innermost_of_too_many_frames)
{
	char *text = deep_sample(STACK_FRAMES_MAX + 5);
	struct stack_tree t;

	read_ok(&t, text);
	free(text);
	cr_assert_eq(t.nr_cut, 1);
	cr_assert_eq(t.depth, STACK_FRAMES_MAX + 1);
	text = folded(&t);
	cr_assert_eq(strncmp(text, "worker;frame_255;frame_254;", 27), 0);
	cr_assert(strstr(text, ";frame_0 1\n"));
	free(text);
	stack_tree_drop(&t);
}

Test(profile, escapes_everything_that_xml_reads)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	cr_assert(out);
	flame_escape(out, "<a href=\"x\" b='y'>&]]>\x01\n\xff", 99);
	fclose(out);
	cr_assert_str_eq(text, "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;"
			       "&amp;]]&gt;???");
	free(text);
}

Test(profile, a_name_cannot_leave_its_text)
{
	static const char sample[] =
		"</title><script>x 1 \n"
		"\t 12 ]]></script><script>alert(1)</script> (/l.so)\n\n";
	struct stack_tree t;
	char *svg;
	unsigned scripts = 0;

	read_ok(&t, sample);
	svg = drawn(&t, "<script>\"&");
	for (const char *s = svg; (s = strstr(s, "<script")); s++)
		scripts++;
	cr_assert_eq(scripts, 1); /* ours */
	cr_assert(strstr(svg, "<script><![CDATA["));
	cr_assert(strstr(svg, "&lt;script&gt;&quot;&amp;"));
	free(svg);
	stack_tree_drop(&t);
}

/* A rect of a frame: hundredths of a pixel. */
struct box {
	unsigned depth;
	unsigned long x, width, y;
};

static unsigned boxes(const char *svg, struct box *out, unsigned most)
{
	unsigned nr = 0;

	for (const char *s = svg; (s = strstr(s, "<g class=\"f\"")); s++) {
		const char *d = strstr(s, "data-d=\"");
		const char *rect = strstr(s, "<rect ");
		double x, w;

		cr_assert(d && rect && nr < most);
		cr_assert_eq(sscanf(d, "data-d=\"%u\"", &out[nr].depth), 1);
		cr_assert_eq(sscanf(strstr(rect, " x=\""), " x=\"%lf\"", &x),
			     1);
		cr_assert_eq(
			sscanf(strstr(rect, " y=\""), " y=\"%lu\"", &out[nr].y),
			1);
		cr_assert_eq(
			sscanf(strstr(rect, "width=\""), "width=\"%lf\"", &w),
			1);
		out[nr].x = (unsigned long)(x * 100 + 0.5);
		out[nr].width = (unsigned long)(w * 100 + 0.5);
		nr++;
	}
	return nr;
}

Test(profile, widths_add_up_and_rows_do_not_overlap)
{
	/* 7 and 3: shares that no decimal fraction holds */
	static struct box box[64];
	unsigned long sum[8] = { 0 }, right = 0;
	char *text, *svg;
	size_t len;
	struct stack_tree t;
	FILE *out = open_memstream(&text, &len);
	unsigned nr;

	cr_assert(out);
	for (unsigned i = 0; i < 7; i++)
		fprintf(out, "worker 1\n\t 12 f%u (/l.so)\n\n", i % 3);
	fclose(out);
	read_ok(&t, text);
	svg = drawn(&t, "t");
	nr = boxes(svg, box, ARRAY_SIZE(box));
	cr_assert_eq(nr, 5); /* all, worker, f0, f1, f2 */
	for (unsigned i = 0; i < nr; i++) {
		sum[box[i].depth] += box[i].width;
		cr_assert_eq(box[i].y, FLAME_TOP_PX + (t.depth - box[i].depth) *
							      FLAME_ROW_PX);
		if (box[i].depth == 2) {
			cr_assert(box[i].x >= right);
			right = box[i].x + box[i].width;
		}
	}
	for (unsigned d = 0; d < 3; d++)
		cr_assert_eq(sum[d], FLAME_SPAN_CPX);
	cr_assert_eq(right, FLAME_SPAN_CPX + FLAME_MARGIN_PX * 100);
	cr_assert_eq(flame_edge(&t, 7), FLAME_SPAN_CPX);
	free(svg);
	free(text);
	stack_tree_drop(&t);
}

Test(profile, a_hundred_rows_fit)
{
	static struct box box[128];
	char *text = deep_sample(99), *svg;
	struct stack_tree t;
	unsigned height = 0, nr;

	read_ok(&t, text);
	svg = drawn(&t, "t");
	nr = boxes(svg, box, ARRAY_SIZE(box));
	cr_assert_eq(nr, 101);
	cr_assert_eq(sscanf(strstr(svg, "height=\""), "height=\"%u\"", &height),
		     1);
	for (unsigned i = 0; i < nr; i++)
		cr_assert(box[i].y >= FLAME_TOP_PX &&
			  box[i].y + FLAME_ROW_PX <= height);
	cr_assert(strstr(svg, ">frame_98</text>"));
	free(svg);
	free(text);
	stack_tree_drop(&t);
}

Test(profile, reads_back_what_was_recorded)
{
	static const struct {
		const char *line, *event;
		uint64_t hz;
	} row[] = {
		{ "cpu-clock:u: type: 1, size: 128, { sample_period, "
		  "sample_freq }: 999, freq: 1, exclude_kernel: 1",
		  "cpu-clock:u", 999 },
		{ "cycles: size: 128, { sample_period, sample_freq }: 500, "
		  "inherit: 1, freq: 1",
		  "cycles", 500 },
		/* a period is no frequency */
		{ "cycles: size: 128, { sample_period, sample_freq }: 100000",
		  "cycles", 0 },
	};
	static const char *const bad[] = { "", "cpu-clock", ": x",
					   "cpu clock: x" };
	struct perf_recorded r;

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		cr_assert_eq(perf_parse_evlist(row[i].line, &r), 0);
		cr_expect_str_eq(r.event, row[i].event);
		cr_expect_eq(r.hz, row[i].hz);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_expect_eq(perf_parse_evlist(bad[i], &r), -EINVAL);
}

Test(profile, says_what_to_set)
{
	perf_refusal(EACCES, false, 3, err, sizeof(err));
	cr_expect(strstr(err, "sysctl kernel.perf_event_paranoid=2"), "%s",
		  err);
	perf_refusal(EPERM, true, 2, err, sizeof(err));
	cr_expect(strstr(err, "CAP_PERFMON"), "%s", err);
	perf_refusal(EPERM, false, 2, err, sizeof(err));
	cr_expect(strstr(err, "CAP_PERFMON"), "%s", err);
	perf_refusal(ENOSYS, true, 0, err, sizeof(err));
	cr_expect(strstr(err, "CONFIG_PERF_EVENTS"), "%s", err);
	perf_refusal(ENOENT, true, 0, err, sizeof(err));
	cr_expect(strstr(err, "cpu-clock"), "%s", err);
}

/* A folder with a perf of our own, first in PATH. */
static char dir[] = "/tmp/zonebench-profile-XXXXXX";
static char errors[128];
static volatile sig_atomic_t stop;

static void fake_perf(struct perf *p, const char *script)
{
	char path[128];
	FILE *f;

	cr_assert(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/perf", dir);
	snprintf(errors, sizeof(errors), "%s/stderr", dir);
	f = fopen(path, "w");
	cr_assert(f);
	fprintf(f, "#!/bin/sh\n%s\n", script);
	fclose(f);
	cr_assert_eq(chmod(path, 0755), 0);
	snprintf(path, sizeof(path), "%s:/usr/bin:/bin", dir);
	cr_assert_eq(setenv("PATH", path, 1), 0);
	*p = (struct perf){ .limit_ns = 30000000000,
			    .stop = &stop,
			    .err = err,
			    .err_len = sizeof(err) };
	cr_assert_eq(perf_find(p), 0, "%s", err);
	cr_assert_eq(strncmp(p->path, dir, strlen(dir)), 0);
}

static void remove_fake(void)
{
	char command[160];

	snprintf(command, sizeof(command), "/bin/rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

static int call(const struct perf *p, struct spawn_result *s)
{
	char *argv[] = { "perf", "record", NULL };
	const struct perf_call c = { .argv = argv, .stderr_path = errors };

	return perf_run(p, &c, s);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Dead, or a zombie that nobody has collected: it was sent its end, which a
 * busy machine may deliver later. */
static bool is_gone(int pid)
{
	const double until = seconds() + 30;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	while (seconds() < until) {
		FILE *f = fopen(path, "r");
		int c = f ? getc(f) : EOF;

		if (f)
			fclose(f);
		if (c == EOF)
			return true;
		usleep(1000);
	}
	return false;
}

Test(profile, a_hanging_perf_is_killed_with_what_it_started)
{
	struct spawn_result s;
	struct perf p;
	double begin;
	char path[128];
	int pid = 0;
	FILE *f;

	fake_perf(&p, "sleep 600 &\necho $! > \"${0%/*}/child\"\nwait");
	p.limit_ns = 2000000000;
	begin = seconds();
	cr_assert_eq(call(&p, &s), -ETIMEDOUT);
	cr_expect_lt(seconds() - begin, 60);
	cr_expect_eq(s.end, SPAWN_TIMED_OUT);
	cr_expect(strstr(err, "perf record: killed at its time limit of 2 s"),
		  "%s", err);
	snprintf(path, sizeof(path), "%s/child", dir);
	f = fopen(path, "r");
	cr_assert(f);
	cr_assert_eq(fscanf(f, "%d", &pid), 1);
	fclose(f);
	cr_expect(is_gone(pid));
	remove_fake();
}

Test(profile, a_failing_perf_is_quoted)
{
	struct spawn_result s;
	struct perf p;

	fake_perf(&p, "echo 'no such event' >&2\nexit 129");
	cr_assert_eq(call(&p, &s), -EIO);
	cr_expect_str_eq(err, "perf record: exit status 129: no such event");
	remove_fake();
}

Test(profile, a_perf_that_dies_is_named)
{
	struct spawn_result s;
	struct perf p;

	fake_perf(&p, "kill -SEGV $$");
	cr_assert_eq(call(&p, &s), -EIO);
	cr_expect_str_eq(err, "perf record: signal 11");
	remove_fake();
}

Test(profile, a_missing_perf_is_told_with_its_package)
{
	struct perf p = { .err = err, .err_len = sizeof(err) };

	cr_assert_eq(setenv("PATH", "/nonexistent:/proc", 1), 0);
	cr_assert_eq(perf_find(&p), -ENOENT);
	cr_expect(strstr(err, "apt-get install linux-perf"), "%s", err);
	cr_expect_null(strchr(err, '\n'));
	cr_assert_eq(unsetenv("PATH"), 0);
	cr_assert_eq(perf_find(&p), -ENOENT);
}
