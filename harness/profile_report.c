/*
 * From perf.data to text and a picture. See profile.h.
 *
 * perf reads its own file: `evlist` tells what was recorded, `script` prints
 * the samples, once with inlined functions for the picture and once without
 * for the functions that `annotate` knows.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/build_info.h"
#include "harness/outfile.h"
#include "harness/profile.h"
#include "harness/profile_flame.h"

#define TABLE_ROWS 20

/* A file in the folder; false: too long a path. Checked when it was made. */
static void path_of(const struct profile *p, const char *name,
		    char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%.*s/%s", PATH_MAX - NAME_MAX, p->out, name);
}

static int fail_errno(struct profile *p, const char *path)
{
	int r = errno ? -errno : -EIO;

	snprintf(p->err, p->err_len, "%.600s: %s", path, strerror(-r));
	return r;
}

/* One of perf's commands, stdout into the file. */
static int call_perf(struct profile *p, char *const *argv, const char *path)
{
	char errors[PATH_MAX];
	struct perf_call call = { .argv = argv, .stdout_path = path };
	struct spawn_result s;
	int r;

	path_of(p, "perf.log", errors);
	call.stderr_path = errors;
	r = perf_run(&p->perf, &call, &s);
	if (!r)
		unlink(errors);
	return r;
}

/* event.txt: what perf.data says, and what was asked for. */
static int read_event(struct profile *p)
{
	char *argv[] = { "perf", "evlist", "-v", "-i", p->data, NULL };
	char path[PATH_MAX], line[1024];
	FILE *f;
	int r;

	path_of(p, "event.txt", path);
	r = call_perf(p, argv, path);
	if (r)
		return r;
	perf_first_line(path, line, sizeof(line));
	if (perf_parse_evlist(line, &p->recorded)) {
		snprintf(p->err, p->err_len,
			 "%.600s: expected \"EVENT: ...\" from perf evlist -v",
			 path);
		return -EINVAL;
	}
	f = fopen(path, "ae");
	if (!f)
		return fail_errno(p, path);
	fprintf(f, "recorded: %s at %llu Hz\nasked: %s at %u Hz%s%s\n",
		p->recorded.event, (unsigned long long)p->recorded.hz,
		p->choice.event, p->choice.hz, *p->choice.why ? "; " : "",
		p->choice.why);
	return fclose(f) ? fail_errno(p, path) : 0;
}

/* The samples as a tree; perf's text of them is large and not kept. */
static int read_stacks(struct profile *p, bool inlined, struct stack_tree *out)
{
	char *argv[] = { "perf",
			 "script",
			 inlined ? "--inline" : "--no-inline",
			 "-F",
			 "comm,tid,ip,sym,dso",
			 "-i",
			 p->data,
			 NULL };
	char path[PATH_MAX];
	FILE *f;
	int r;

	path_of(p, "samples.txt", path);
	r = call_perf(p, argv, path);
	if (!r) {
		f = fopen(path, "re");
		if (!f)
			return fail_errno(p, path);
		r = stack_tree_read(out, f, path, p->self, p->err, p->err_len);
		fclose(f);
	}
	if (r != -EINVAL)
		unlink(path);
	return r;
}

static int write_folded(struct profile *p)
{
	struct outfile o;
	int r = outfile_open(&o, p->out, "folded.txt", p->err, p->err_len);

	if (r)
		return r;
	stack_write_folded(o.f, &p->inlined);
	return outfile_close(&o, p->err, p->err_len);
}

static int write_flame(struct profile *p)
{
	const struct cell *cell = &p->file.plan.cell[0];
	char title[CELL_ID_MAX + 64], what[256], where[256];
	const struct flame_text text = { title, { what, where } };
	struct outfile o;
	int r = outfile_open(&o, p->out, "flame.svg", p->err, p->err_len);

	if (r)
		return r;
	snprintf(title, sizeof(title), "%s %s, %u thread%s",
		 cell_value(cell, "engine"), cell_value(cell, "workload"),
		 cell->threads, cell->threads == 1 ? "" : "s");
	snprintf(what, sizeof(what),
		 "%llu samples of %s at %llu Hz in a window of %g s; width is "
		 "share of the samples",
		 (unsigned long long)p->inlined.node[STACK_ROOT].total,
		 p->recorded.event, (unsigned long long)p->recorded.hz,
		 (double)p->params->runtime_ns / 1e9);
	snprintf(where, sizeof(where),
		 "%.100s; machine %.40s; commit %.12s%s; %.60s", cell->id,
		 p->file.machine[0], build_info.commit,
		 build_info.dirty ? " and changes" : "", build_info.compiler);
	flame_write(o.f, &p->inlined, &text);
	return outfile_close(&o, p->err, p->err_len);
}

static void append_file(FILE *out, const char *path)
{
	char buf[4096];
	FILE *in = fopen(path, "re");
	size_t n;

	while (in && (n = fread(buf, 1, sizeof(buf), in)))
		fwrite(buf, 1, n, out);
	if (in)
		fclose(in);
}

/* One function: perf's text, or why there is none. -EINTR, -ETIMEDOUT end it.
 */
static int annotate_one(struct profile *p, FILE *out, const struct stack_sum *s)
{
	char symbol[STACK_NAME_MAX + 16], path[PATH_MAX];
	char *argv[] = { "perf",          "annotate", "--stdio",
			 "--stdio-color", "never",    "-i",
			 p->data,         symbol,     NULL };
	const double all = (double)p->real.node[STACK_ROOT].total;
	int r;

	fprintf(out, "==== %s: %.1f %% of the samples, %llu\n\n", s->name,
		100 * (double)s->self / all, (unsigned long long)s->self);
	if (s->kind == FRAME_KERNEL || s->kind == FRAME_UNKNOWN) {
		fprintf(out, "not a function of this program or a library\n\n");
		return 0;
	}
	snprintf(symbol, sizeof(symbol), "--symbol=%s", s->name);
	path_of(p, "function.txt", path);
	r = call_perf(p, argv, path);
	if (!r)
		append_file(out, path);
	else if (r != -EINTR)
		fprintf(out, "%s\n", p->err);
	fputc('\n', out);
	unlink(path);
	return r == -EINTR || r == -ETIMEDOUT ? r : 0;
}

static int write_annotations(struct profile *p, const struct stack_sum *sum,
			     uint32_t nr)
{
	const uint64_t all = p->real.node[STACK_ROOT].total;
	struct outfile o;
	int r = outfile_open(&o, p->out, "annotate.txt", p->err, p->err_len);

	if (r)
		return r;
	for (uint32_t i = 0; i < nr && i < PROFILE_HOT_MAX && !r; i++)
		if (sum[i].self * 100 >= all * PROFILE_HOT_PERCENT)
			r = annotate_one(p, o.f, &sum[i]);
	if (r) {
		outfile_drop(&o);
		return r;
	}
	return outfile_close(&o, p->err, p->err_len);
}

static void print_table(FILE *out, const char *what,
			const struct stack_sum *sum, uint32_t nr, uint64_t all)
{
	static const char *const where[NR_FRAME_KINDS] = {
		[FRAME_GROUP] = "thread",    [FRAME_PROGRAM] = "zonebench",
		[FRAME_LIBRARY] = "library", [FRAME_KERNEL] = "kernel",
		[FRAME_UNKNOWN] = "unknown",
	};

	fprintf(out, "\n%7s %8s  %-9s  %s\n", "share", "samples", "where",
		what);
	for (uint32_t i = 0; i < nr && i < TABLE_ROWS; i++)
		fprintf(out, "%5.1f %% %8llu  %-9s  %s\n",
			100 * (double)sum[i].self / (double)all,
			(unsigned long long)sum[i].self, where[sum[i].kind],
			sum[i].name);
	if (nr > TABLE_ROWS)
		fprintf(out, "  and %u more\n", nr - TABLE_ROWS);
}

/* Samples of the measured threads. */
static uint64_t worker_samples(const struct stack_tree *t)
{
	for (uint32_t i = t->node[STACK_ROOT].child; i != STACK_NONE;
	     i = t->node[i].next)
		if (!strcmp(stack_name(t, i), "worker"))
			return t->node[i].total;
	return 0;
}

static void print_head(FILE *out, const struct profile *p)
{
	const double seconds = (double)p->params->runtime_ns / 1e9;
	const uint32_t threads = p->file.plan.cell[0].threads;
	const uint64_t workers = worker_samples(&p->real);

	fprintf(out,
		"%s\nevent    %s at %llu Hz, read back from perf.data%s%s\n",
		p->file.plan.cell[0].id, p->recorded.event,
		(unsigned long long)p->recorded.hz, *p->choice.why ? "; " : "",
		p->choice.why);
	fprintf(out,
		"samples  %llu, of them %llu of %u worker%s in a window "
		"of %g s",
		(unsigned long long)p->real.node[STACK_ROOT].total,
		(unsigned long long)workers, threads, threads == 1 ? "" : "s",
		seconds);
	if (p->recorded.hz)
		fprintf(out, " (%.0f %% of what the frequency gives)",
			100 * (double)workers /
				((double)p->recorded.hz * seconds * threads));
	fputc('\n', out);
	if (p->inlined.nr_cut)
		fprintf(out, "stacks   %llu deeper than %d frames, cut\n",
			(unsigned long long)p->inlined.nr_cut,
			STACK_FRAMES_MAX);
}

static int write_summary(struct profile *p, const struct stack_sum *real,
			 uint32_t nr_real)
{
	const uint64_t all = p->real.node[STACK_ROOT].total;
	struct stack_sum *sum;
	struct outfile o;
	uint32_t nr;
	int r = stack_sum_self(&p->inlined, &sum, &nr);

	if (r) {
		snprintf(p->err, p->err_len, "out of memory");
		return r;
	}
	r = outfile_open(&o, p->out, "summary.txt", p->err, p->err_len);
	if (!r) {
		print_head(o.f, p);
		print_table(o.f, "function, as compiled", real, nr_real, all);
		print_table(o.f, "function, inlined ones by themselves", sum,
			    nr, all);
		r = outfile_finish(&o, p->err, p->err_len);
	}
	if (!r)
		r = outfile_rename(&o, p->err, p->err_len);
	free(sum);
	return r;
}

static int make_files(struct profile *p)
{
	struct stack_sum *real;
	char path[PATH_MAX];
	uint32_t nr;
	int r = stack_sum_self(&p->real, &real, &nr);

	if (r) {
		snprintf(p->err, p->err_len, "out of memory");
		return r;
	}
	r = write_folded(p);
	if (!r)
		r = write_flame(p);
	if (!r)
		r = write_summary(p, real, nr);
	if (!r) {
		path_of(p, "summary.txt", path);
		append_file(stdout, path);
		fflush(stdout);
		r = write_annotations(p, real, nr);
	}
	free(real);
	return r;
}

int profile_report(struct profile *p)
{
	int r = read_event(p);

	if (!r)
		r = read_stacks(p, false, &p->real);
	if (!r)
		r = read_stacks(p, true, &p->inlined);
	if (!r && !p->real.node[STACK_ROOT].total) {
		snprintf(p->err, p->err_len,
			 "%s gave no sample in the window; expected a longer "
			 "runtime=",
			 p->recorded.event);
		r = -ENODATA;
	}
	if (!r)
		r = make_files(p);
	stack_tree_drop(&p->real);
	stack_tree_drop(&p->inlined);
	return r;
}
