/*
 * run.json, written and read. See runfile.h.
 */
#include "harness/runfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "harness/arena.h"
#include "harness/json_read.h"
#include "harness/outfile.h"
#include "harness/pin.h"
#include "workloads/lib/rng.h"

static int no_memory(char *err, size_t err_len)
{
	snprintf(err, err_len, "out of memory");
	return -ENOMEM;
}

static int read_host(struct run_file *rf, char *err, size_t err_len)
{
	rf->host = malloc(sizeof(*rf->host));
	if (!rf->host)
		return no_memory(err, err_len);
	return host_topo(rf->host, err, err_len);
}

/* text: of the job file, NULL: read it. argv: as in run_file_make(). */
static int build_job(struct run_file *rf, const char *text, char *err,
		     size_t err_len)
{
	const struct where at = { "command line", 0 };
	const char *file = NULL, *arg;
	char shown[64];
	json_t *v;
	size_t i;
	int r;

	json_array_foreach(rf->argv, i, v)
	{
		arg = json_string_value(v);
		if (strchr(arg, '='))
			continue;
		if (*arg == '-' || file)
			return fail_at(&at, err, err_len,
				       "%s: expected KEY=VALUE, %s",
				       printable(arg, shown, sizeof(shown)),
				       file ? "one job file is given already"
					    : "a job file or --resume DIR");
		file = arg;
	}
	if (file && text)
		r = job_parse_buffer(text, strlen(text), file, &rf->job, err,
				     err_len);
	else if (file)
		r = job_parse_file(file, &rf->job, err, err_len);
	else
		r = job_init(&rf->job, err, err_len);
	json_array_foreach(rf->argv, i, v)
	{
		arg = json_string_value(v);
		if (!r && arg != file)
			r = job_parse_arg(&rf->job, arg, AT_CLI, err, err_len);
	}
	return r;
}

/* A run-wide key: command line, then [global], then its default. */
static void run_wide(struct run_file *rf, struct job_params *out)
{
	char why[256];

	job_params_init(out);
	for (unsigned i = 0; i < nr_options; i++) {
		const struct kv *kv = kv_find(&rf->job.cli, &options[i]);

		if (options[i].where & (AT_SECTION | AT_NODE) ||
		    options[i].type == OPT_RULE)
			continue;
		if (!kv)
			kv = kv_find(&rf->job.global, &options[i]);
		if (kv &&
		    option_set(kv->option, kv->text, out, why, sizeof(why)))
			continue; /* was checked when it was parsed */
	}
}

static int fail_cell(const struct run_file *rf, unsigned cell, const char *why,
		     char *err, size_t err_len)
{
	const struct where at = plan_where(&rf->job, &rf->plan.cell[cell]);

	/* what is wrong with a [node] says itself where it stands */
	if (!strncmp(why, rf->job.file, strlen(rf->job.file))) {
		snprintf(err, err_len, "%s", why);
		return -EINVAL;
	}
	return fail_at(&at, err, err_len, "%s", why);
}

/* Whether the threads and their memory find their places. */
static int check_place(const struct run_file *rf, const struct job_params *p,
		       const struct machine_desc *desc, char *why,
		       size_t why_len)
{
	struct topo *cut = malloc(sizeof(*cut));
	struct team_place *place = malloc(sizeof(*place));
	int r = -ENOMEM;

	snprintf(why, why_len, "out of memory");
	if (cut && place)
		r = cpuset_apply(p->cpu_set, rf->host, cut, why, why_len);
	if (!r)
		r = place_team(
			&(struct place_request){ .host = cut,
						 .model = &desc->topo,
						 .cpu_set = p->cpu_set,
						 .placement = p->placement,
						 .rules = &p->mem_policy,
						 .nr = p->threads.n,
						 .share = p->oversubscribe },
			place, why, why_len);
	free(cut);
	free(place);
	return r;
}

/* Resolves one cell's machine and asks whether the cell can run on it. */
static int check_machine(struct run_file *rf, unsigned cell,
			 struct job_params *p, struct machine_desc *desc,
			 char *err, size_t err_len)
{
	const struct workload *w;
	char why[512];
	int r = plan_cell_params(&rf->plan, &rf->job, cell, p, err, err_len);

	if (r)
		return r;
	r = machine_params_resolve(&p->machine, desc, why, sizeof(why));
	if (r)
		return fail_cell(rf, cell, why, err, err_len);
	rf->machine[cell] = strdup(desc->name);
	if (!rf->machine[cell])
		return no_memory(err, err_len);
	if (check_place(rf, p, desc, why, sizeof(why)))
		return fail_cell(rf, cell, why, err, err_len);
	if (arena_may_bind(desc, why, sizeof(why)))
		return fail_cell(rf, cell, why, err, err_len);
	w = binding_workload_find(cell_value(&rf->plan.cell[cell], "workload"));
	if (w->misfit && w->misfit(desc, &p->workload, why, sizeof(why)))
		return fail_cell(rf, cell, why, err, err_len);
	if (p->workload.touch != TOUCH_NONE &&
	    arena_may_populate(desc, why, sizeof(why)))
		return fail_cell(rf, cell, why, err, err_len);
	return 0;
}

/* Cells that differ only in what is run share a machine: the second look at
 * one is spared. */
static bool same_machine(const struct cell *a, const struct cell *b)
{
	static const char *const others[] = { "placement", "mem_policy",
					      "threads", "touch",
					      "oversubscribe" };

	/* a workload with a question of its own is asked each time */
	if (binding_workload_find(cell_value(b, "workload"))->misfit)
		return false;
	for (unsigned i = 0; i < nr_options; i++) {
		const char *x = a->value[i], *y = b->value[i];
		bool matters = options[i].group == GROUP_MACHINE;

		for (size_t k = 0; k < ARRAY_SIZE(others); k++)
			matters |= !strcmp(options[i].name, others[k]);
		if (matters && x != y && (!x || !y || strcmp(x, y)))
			return false;
	}
	return true;
}

static int check_machines(struct run_file *rf, char *err, size_t err_len)
{
	struct job_params *p = malloc(sizeof(*p));
	struct machine_desc *desc = malloc(sizeof(*desc));
	int r = 0;

	rf->machine = calloc(rf->plan.nr_cells, sizeof(*rf->machine));
	if (!p || !desc || !rf->machine)
		r = no_memory(err, err_len);
	for (unsigned i = 0; i < rf->plan.nr_cells && !r; i++) {
		unsigned twin = 0;

		while (twin < i &&
		       !same_machine(&rf->plan.cell[twin], &rf->plan.cell[i]))
			twin++;
		if (twin == i) {
			r = check_machine(rf, i, p, desc, err, err_len);
			continue;
		}
		rf->machine[i] = strdup(rf->machine[twin]);
		if (!rf->machine[i])
			r = no_memory(err, err_len);
	}
	free(p);
	free(desc);
	return r;
}

/* job.ini -> job; the workload without a file. */
static void default_name(struct run_file *rf)
{
	const char *file = rf->job.file, *slash = strrchr(file, '/');
	size_t n = 0;

	if (!rf->job.text)
		file = cell_value(&rf->plan.cell[0], "workload");
	else if (slash)
		file = slash + 1;
	for (; *file && strcmp(file, ".ini") && n + 1 < sizeof(rf->name);
	     file++) {
		bool plain = (*file >= 'a' && *file <= 'z') ||
			     (*file >= 'A' && *file <= 'Z') ||
			     (*file >= '0' && *file <= '9') ||
			     (n && strchr("._-", *file));

		rf->name[n++] = plain ? *file : '_';
	}
	rf->name[n] = 0;
	if (!n || rf->name[0] == '_')
		strcpy(rf->name, "run");
}

static void stamp(struct run_file *rf)
{
	time_t now = time(NULL);
	struct tm tm;
	char compact[32];

	gmtime_r(&now, &tm);
	strftime(rf->created, sizeof(rf->created), "%Y-%m-%dT%H:%M:%SZ", &tm);
	strftime(compact, sizeof(compact), "%Y%m%dT%H%M%SZ", &tm);
	snprintf(rf->id, sizeof(rf->id), "%s-%s", rf->name, compact);
}

static uint64_t seed_of_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	/* 53 bits: every reader of JSON keeps them */
	return (rng_mix((uint64_t)ts.tv_sec * 1000000000 +
			(uint64_t)ts.tv_nsec + (uint64_t)getpid()) >>
		11) |
	       1;
}

int run_file_make(struct run_file *rf, int argc, char **argv, char *err,
		  size_t err_len)
{
	struct job_params *p = NULL;
	int r;

	memset(rf, 0, sizeof(*rf));
	rf->argv = json_array();
	for (int i = 0; i < argc; i++)
		if (json_array_append_new(rf->argv, json_string(argv[i])))
			return fail_at(&(struct where){ "command line", 0 },
				       err, err_len,
				       "expected UTF-8 arguments");
	r = build_job(rf, NULL, err, err_len);
	if (!r)
		r = read_host(rf, err, err_len);
	p = malloc(sizeof(*p));
	if (!r && (!p || !getcwd(rf->cwd, sizeof(rf->cwd))))
		r = no_memory(err, err_len);
	if (!r) {
		run_wide(rf, p);
		rf->seed = p->seed ? p->seed : seed_of_clock();
		strcpy(rf->name, p->name);
		r = plan_make(&rf->plan, &rf->job, rf->host, rf->seed, err,
			      err_len);
	}
	free(p);
	if (!r)
		r = check_machines(rf, err, err_len);
	if (r)
		return r;
	if (!*rf->name)
		default_name(rf);
	stamp(rf);
	return 0;
}

void run_file_drop(struct run_file *rf)
{
	for (unsigned i = 0; rf->machine && i < rf->plan.nr_cells; i++)
		free(rf->machine[i]);
	free(rf->machine);
	plan_free(&rf->plan);
	job_free(&rf->job);
	json_decref(rf->argv);
	free(rf->host);
	memset(rf, 0, sizeof(*rf));
}

int run_file_order(const struct run_file *rf, unsigned cell)
{
	const struct cell *c = &rf->plan.cell[cell];
	const struct workload *w =
		binding_workload_find(cell_value(c, "workload"));

	if (!w || !(w->uses & USES_ORDER))
		return -1;
	return atoi(cell_value(c, "order"));
}

/* Whether the cell itself looks at this key. */
static bool key_matters(const struct run_file *rf, unsigned cell, unsigned key)
{
	const struct workload *w = binding_workload_find(
		cell_value(&rf->plan.cell[cell], "workload"));

	if (!(options[key].where & AT_SECTION))
		return false; /* the whole run's */
	return !options[key].uses || !w || (w->uses & options[key].uses);
}

json_t *run_file_params(const struct run_file *rf, unsigned cell)
{
	const struct cell *c = &rf->plan.cell[cell];
	json_t *o = json_object();

	for (unsigned i = 0; i < nr_options; i++)
		if (c->value[i] && key_matters(rf, cell, i) &&
		    json_object_set_new(o, options[i].name,
					json_string(c->value[i]))) {
			json_decref(o);
			return NULL;
		}
	return o;
}

static json_t *cells_json(const struct run_file *rf)
{
	json_t *cells = json_array();

	for (unsigned i = 0; i < rf->plan.nr_cells; i++) {
		const struct cell *c = &rf->plan.cell[i];
		json_t *cell = json_pack(
			"{s:s, s:i, s:s, s:s, s:s, s:i, s:o}", "id", c->id,
			"index", (int)i, "engine", cell_value(c, "engine"),
			"workload", cell_value(c, "workload"), "machine",
			rf->machine[i], "threads", (int)c->threads, "params",
			run_file_params(rf, i));

		if (json_array_append_new(cells, cell)) {
			json_decref(cells);
			return NULL;
		}
	}
	return cells;
}

/* Choices of nodes that the machine does not offer, with the reason. */
static json_t *left_out_json(const struct plan *plan)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < plan->nr_left_out; i++)
		json_array_append_new(list, json_string(plan->left_out[i]));
	return list;
}

static json_t *order_json(const struct plan *plan)
{
	json_t *order = json_array();

	for (unsigned i = 0; i < plan->nr_steps; i++)
		if (json_array_append_new(
			    order, json_pack("[i, i]", (int)plan->step[i].cell,
					     (int)plan->step[i].rep))) {
			json_decref(order);
			return NULL;
		}
	return order;
}

int run_file_write(const struct run_file *rf, const char *dir, char *err,
		   size_t err_len)
{
	json_t *root;
	int r;

	root = json_pack("{s:i, s:s, s:s, s:I, s:s, s:O, s:s, s:o, s:o, s:o, "
			 "s:i, s:o}",
			 "schema", 1, "run", rf->id, "name", rf->name, "seed",
			 (json_int_t)rf->seed, "created", rf->created, "argv",
			 rf->argv, "cwd", rf->cwd, "job",
			 rf->job.text ? json_string(rf->job.text) : json_null(),
			 "cells", cells_json(rf), "order",
			 order_json(&rf->plan), "repeat", (int)rf->plan.repeat,
			 "left_out", left_out_json(&rf->plan));
	if (!root) {
		snprintf(err, err_len, "%s: expected a job file in UTF-8",
			 rf->job.file);
		return -EINVAL;
	}
	r = outfile_json(dir, RUN_FILE, root, err, err_len);
	json_decref(root);
	return r;
}

/* What must not have changed between the start of a run and now. */
static int check_same(const struct run_file *rf, const struct json_reader *rd,
		      const json_t *root)
{
	json_t *cells = cells_json(rf), *order = order_json(&rf->plan);
	bool same = cells && order &&
		    json_equal(cells, json_object_get(root, "cells")) &&
		    json_equal(order, json_object_get(root, "order"));

	json_decref(cells);
	json_decref(order);
	return same ? 0
		    : json_complain(rd, "cells",
				    "the cells and the order that this host "
				    "gives for the job");
}

static int load_argv(struct run_file *rf, const struct json_reader *rd,
		     const json_t *root)
{
	const json_t *argv;
	json_t *v;
	size_t i;

	if (json_want_array(rd, root, "argv", 4096, &argv))
		return -EINVAL;
	json_array_foreach(argv, i, v)
	{
		if (!json_is_string(v))
			return json_complain(rd, "argv", "strings");
	}
	rf->argv = json_deep_copy(argv);
	return rf->argv ? 0 : no_memory(rd->err, rd->err_len);
}

static int load_fields(struct run_file *rf, const struct json_reader *rd,
		       const json_t *root)
{
	static const int64_t schema[2] = { 1, 1 };
	static const int64_t seeds[2] = { 1, INT64_MAX };
	const char *id, *name, *created, *cwd;
	int64_t version, seed;

	if (json_want_int(rd, root, "schema", schema, &version) ||
	    json_want_string(rd, root, "run", sizeof(rf->id) - 1, &id) ||
	    json_want_string(rd, root, "name", sizeof(rf->name) - 1, &name) ||
	    json_want_string(rd, root, "created", sizeof(rf->created) - 1,
			     &created) ||
	    json_want_string(rd, root, "cwd", sizeof(rf->cwd) - 1, &cwd) ||
	    json_want_int(rd, root, "seed", seeds, &seed) ||
	    load_argv(rf, rd, root))
		return -EINVAL;
	strcpy(rf->id, id);
	strcpy(rf->name, name);
	strcpy(rf->created, created);
	strcpy(rf->cwd, cwd);
	rf->seed = (uint64_t)seed;
	return 0;
}

/* The one cell that a repetition is about. */
static int check_cell_id(const struct run_file *rf,
			 const struct json_reader *rd, const json_t *root,
			 unsigned cell)
{
	const json_t *o = json_array_get(json_object_get(root, "cells"), cell);

	if (cell >= rf->plan.nr_cells ||
	    strcmp(json_text_or(o, "id", ""), rf->plan.cell[cell].id))
		return json_complain(rd, "cells",
				     "the cell that was asked for");
	return 0;
}

static int load_job(struct run_file *rf, const struct json_reader *rd,
		    const json_t *root, int cell)
{
	const json_t *job = json_object_get(root, "job");
	int r;

	if (!json_is_string(job) && !json_is_null(job))
		return json_complain(rd, "job", "text or null");
	if (chdir(rf->cwd)) {
		r = -errno;
		snprintf(rd->err, rd->err_len, "%s: cwd: %s: %s", rd->file,
			 rf->cwd, strerror(-r));
		return r;
	}
	r = build_job(rf, json_is_string(job) ? json_string_value(job) : "",
		      rd->err, rd->err_len);
	if (!r)
		r = read_host(rf, rd->err, rd->err_len);
	if (!r)
		r = plan_make(&rf->plan, &rf->job, rf->host, rf->seed, rd->err,
			      rd->err_len);
	if (!r && cell >= 0)
		return check_cell_id(rf, rd, root, (unsigned)cell);
	if (!r)
		r = check_machines(rf, rd->err, rd->err_len);
	return r ? r : check_same(rf, rd, root);
}

int run_file_load(struct run_file *rf, const char *dir, int cell, char *err,
		  size_t err_len)
{
	char path[PATH_MAX];
	struct json_reader rd = { path, err, err_len };
	json_t *root;
	int r;

	memset(rf, 0, sizeof(*rf));
	if (snprintf(path, sizeof(path), "%s/" RUN_FILE, dir) >=
	    (int)sizeof(path)) {
		snprintf(err, err_len, "%.200s: path too long", dir);
		return -ENAMETOOLONG;
	}
	root = json_read_file(&rd, path, NULL);
	if (!root)
		return -EINVAL;
	r = load_fields(rf, &rd, root);
	if (!r)
		r = load_job(rf, &rd, root, cell);
	json_decref(root);
	return r;
}
