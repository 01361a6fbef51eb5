/*
 * Reading of a run folder (see rundata.h). Nothing in it is trusted: a name
 * becomes a path only after it was checked to be one plain component, and what
 * result.json says of itself must agree with where it stands.
 */
#include "harness/rundata.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/json_read.h"

#define NAME_MAX_BYTES 200

static const char *const state_names[NR_REP_STATES] = {
	[REP_MISSING] = "missing", [REP_OK] = "ok",
	[REP_VOID] = "void",       [REP_FAILED] = "failed",
	[REP_CRASH] = "crash",     [REP_TIMEOUT] = "timeout",
	[REP_OOM] = "oom",
};

const char *rep_state_name(enum rep_state state)
{
	return state < NR_REP_STATES ? state_names[state] : "?";
}

/* One path component that no shell, glob or terminal makes something of. */
static bool plain_component(const char *s)
{
	if (!isalnum((unsigned char)*s))
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("-_.+=", *s))
			return false;
	return true;
}

static bool metric_name_ok(const char *s)
{
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("_.:-", *s))
			return false;
	return true;
}

/* What can stand between two ';' on one line. */
static bool flag_ok(const char *s)
{
	size_t len = strlen(s);

	for (size_t i = 0; i < len; i++)
		if (!isprint((unsigned char)s[i]) || s[i] == ';')
			return false;
	return len > 0;
}

/*
 * The line of a status file. Returns -EINVAL for a word that is none, so that
 * a file cut short is never taken for a result.
 */
static int status_parse(char *line, struct rep_data *rep)
{
	size_t len = strcspn(line, "\r\n");
	char *reason;

	line[len] = '\0';
	reason = line + strcspn(line, " ");
	if (*reason)
		*reason++ = '\0';
	for (char *c = reason; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
	for (int s = REP_OK; s < NR_REP_STATES; s++) {
		if (strcmp(line, state_names[s]) != 0)
			continue;
		rep->state = (enum rep_state)s;
		snprintf(rep->reason, sizeof(rep->reason), "%.*s",
			 RUN_REASON_MAX - 1, reason);
		return 0;
	}
	return -EINVAL;
}

static int read_status(const struct json_reader *r, const char *path,
		       struct rep_data *rep)
{
	char line[1024];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	rep->state = REP_MISSING;
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	if (n < 0) {
		n = errno;
		snprintf(r->err, r->err_len, "%s: %s", r->file,
			 strerror((int)n));
		if (fd >= 0)
			close(fd);
		return -(int)n;
	}
	close(fd);
	line[n] = '\0';
	if (status_parse(line, rep) == 0)
		return 0;
	snprintf(r->err, r->err_len,
		 "%s:1: expected ok, void, failed, crash, timeout or oom",
		 r->file);
	return -EINVAL;
}

static int read_metric(const struct json_reader *r, const json_t *obj,
		       struct rep_metric *m)
{
	static const int64_t samples[2] = { 0, INT64_MAX };

	if (json_want_string(r, obj, "name", NAME_MAX_BYTES, &m->name) ||
	    json_want_string(r, obj, "unit", NAME_MAX_BYTES, &m->unit) ||
	    json_want_string(r, obj, "better", 8, &m->better) ||
	    json_want_number(r, obj, "value", &m->value, &m->present))
		return -EINVAL;
	if (!metric_name_ok(m->name))
		return json_complain(r, "metrics.name",
				     "letters, digits and _.:-");
	if (strcmp(m->better, "higher") != 0 &&
	    strcmp(m->better, "lower") != 0 && strcmp(m->better, "none") != 0)
		return json_complain(r, "metrics.better",
				     "higher, lower or none");
	m->n = -1;
	if (json_object_get(obj, "n"))
		return json_want_int(r, obj, "n", samples, &m->n);
	return 0;
}

static int read_floor(const struct json_reader *r, const json_t *obj,
		      struct rep_floor *f)
{
	if (json_want_string(r, obj, "name", NAME_MAX_BYTES, &f->name) ||
	    json_want_string(r, obj, "unit", NAME_MAX_BYTES, &f->unit) ||
	    json_want_number(r, obj, "value", &f->value, &f->present))
		return -EINVAL;
	if (!metric_name_ok(f->name))
		return json_complain(r, "floors.name",
				     "letters, digits and _.:-");
	f->spread_present = false;
	f->spread = 0;
	if (json_object_get(obj, "spread"))
		return json_want_number(r, obj, "spread", &f->spread,
					&f->spread_present);
	return 0;
}

static int read_flags(const struct json_reader *r, struct rep_data *rep)
{
	const json_t *flags, *v;
	size_t i, used = 0;
	bool valid;

	if (json_want_bool(r, rep->json, "valid", &valid) ||
	    json_want_array(r, rep->json, "flags", 32, &flags))
		return -EINVAL;
	json_array_foreach(flags, i, v)
	{
		const char *s = json_string_value(v);

		if (!s || !flag_ok(s) ||
		    used + strlen(s) + sizeof(";invalid") + 1 >
			    sizeof(rep->flags))
			return json_complain(r, "flags", "short plain words");
		used += (size_t)sprintf(rep->flags + used, "%s%s",
					used ? ";" : "", s);
		rep->synthetic |= strcmp(s, "synthetic") == 0;
		rep->emulated |= strcmp(s, "emulated") == 0;
	}
	if (!valid)
		sprintf(rep->flags + used, "%sinvalid", used ? ";" : "");
	return 0;
}

/* What the file says of itself against the place where it stands. */
static int check_place(const struct json_reader *r, const struct run_data *run,
		       const struct cell_data *cell, unsigned index)
{
	static const int64_t any[2] = { 0, RUN_REPS_MAX };
	const struct rep_data *rep = &cell->rep[index];
	const struct {
		const char *key, *value;
	} must[] = {
		{ "run", run->id },
		{ "cell", cell->id },
		{ "engine", cell->engine },
		{ "workload", cell->workload },
	};
	const char *s;
	int64_t n;

	for (size_t i = 0; i < ARRAY_SIZE(must); i++) {
		if (json_want_string(r, rep->json, must[i].key, 1024, &s))
			return -EINVAL;
		if (strcmp(s, must[i].value) != 0)
			return json_complain(r, must[i].key,
					     "the name that run.json gives");
	}
	if (json_want_int(r, rep->json, "rep", any, &n))
		return -EINVAL;
	if (n != index)
		return json_complain(r, "rep", "the number of its folder");
	return 0;
}

static int read_order(const struct json_reader *r, struct rep_data *rep)
{
	static const int64_t orders[2] = { -1, MAX_PAGE_ORDER };
	const json_t *v = json_object_get(rep->json, "order");
	int64_t order = -1;

	if (v && !json_is_null(v) &&
	    json_want_int(r, rep->json, "order", orders, &order))
		return -EINVAL;
	rep->order = (int)order;
	return 0;
}

static int read_metrics(const struct json_reader *r, struct rep_data *rep)
{
	const json_t *metrics, *floors, *v;
	size_t i;

	if (json_want_array(r, rep->json, "metrics", RUN_METRICS_MAX,
			    &metrics) ||
	    json_want_array(r, rep->json, "floors", RUN_FLOORS_MAX, &floors))
		return -EINVAL;
	rep->metric =
		calloc(json_array_size(metrics) + 1, sizeof(*rep->metric));
	rep->floor = calloc(json_array_size(floors) + 1, sizeof(*rep->floor));
	if (!rep->metric || !rep->floor) {
		snprintf(r->err, r->err_len, "%s: out of memory", r->file);
		return -ENOMEM;
	}
	json_array_foreach(metrics, i, v) if (
		read_metric(r, v,
			    &rep->metric[rep->nr_metrics++])) return -EINVAL;
	json_array_foreach(
		floors, i,
		v) if (read_floor(r, v,
				  &rep->floor
					   [rep->nr_floors++])) return -EINVAL;
	return 0;
}

static int read_result(const struct json_reader *r, const char *path,
		       struct run_data *run, struct cell_data *cell,
		       unsigned index)
{
	static const int64_t schema[2] = { 1, 1 };
	struct rep_data *rep = &cell->rep[index];
	int64_t version;

	rep->json = json_read_file(r, path, NULL);
	if (!rep->json)
		return -EINVAL;
	if (json_want_int(r, rep->json, "schema", schema, &version) ||
	    check_place(r, run, cell, index) || read_order(r, rep) ||
	    read_flags(r, rep))
		return -EINVAL;
	return read_metrics(r, rep);
}

static int read_rep(struct run_data *run, struct cell_data *cell,
		    unsigned index, char *err, size_t err_len)
{
	char path[PATH_MAX];
	struct json_reader r = { path, err, err_len };
	int n, rc;

	n = snprintf(path, sizeof(path), "%s/cells/%s/rep-%02u/status",
		     run->dir, cell->id, index);
	if (n < 0 || (size_t)n + 8 >= sizeof(path)) {
		snprintf(err, err_len, "%.200s: path too long", run->dir);
		return -ENAMETOOLONG;
	}
	rc = read_status(&r, path, &cell->rep[index]);
	if (rc)
		return rc;
	if (cell->rep[index].state != REP_OK) {
		run->nr_other++;
		return 0;
	}
	run->nr_ok++;
	snprintf(path, sizeof(path), "%s/cells/%s/rep-%02u/result.json",
		 run->dir, cell->id, index);
	return read_result(&r, path, run, cell, index);
}

/* "order" of the parameters, where it is one number; -1 otherwise. */
static int order_of_params(const json_t *params)
{
	const char *s = json_text_or(params, "order", "");
	char *end;
	long order = strtol(s, &end, 10);

	return *s && !*end && order >= 0 && order <= MAX_PAGE_ORDER ? (int)order
								    : -1;
}

static int read_cell(const struct json_reader *r, struct run_data *run,
		     const json_t *obj, struct cell_data *cell)
{
	static const int64_t threads[2] = { 1, MAX_CPUS * 64 };
	const char *key;
	json_t *v;
	int64_t n;

	if (json_want_string(r, obj, "id", NAME_MAX_BYTES, &cell->id) ||
	    json_want_string(r, obj, "engine", 1024, &cell->engine) ||
	    json_want_string(r, obj, "workload", 1024, &cell->workload) ||
	    json_want_string(r, obj, "machine", 4096, &cell->machine) ||
	    json_want_int(r, obj, "threads", threads, &n) ||
	    json_want_object(r, obj, "params", &cell->params))
		return -EINVAL;
	if (!plain_component(cell->id))
		return json_complain(r, "cells.id",
				     "letters, digits and -_.+=");
	cell->threads = (unsigned)n;
	json_object_foreach((json_t *)cell->params, key, v) if (
		!json_is_string(v)) return json_complain(r, "cells.params",
							 "strings as values");
	cell->rep = calloc(run->repeat, sizeof(*cell->rep));
	if (!cell->rep) {
		snprintf(r->err, r->err_len, "%s: out of memory", r->file);
		return -ENOMEM;
	}
	cell->nr_reps = run->repeat;
	cell->order = order_of_params(cell->params);
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_ids_unique(const struct json_reader *r,
			    const struct run_data *run)
{
	const char **id = calloc(run->nr_cells + 1, sizeof(*id));
	int rc = 0;

	if (!id) {
		snprintf(r->err, r->err_len, "%s: out of memory", r->file);
		return -ENOMEM;
	}
	for (unsigned c = 0; c < run->nr_cells; c++)
		id[c] = run->cell[c].id;
	qsort(id, run->nr_cells, sizeof(*id), compare_ids);
	for (unsigned c = 1; c < run->nr_cells && !rc; c++)
		if (strcmp(id[c - 1], id[c]) == 0)
			rc = json_complain(r, "cells.id", "each name once");
	free(id);
	return rc;
}

static int read_cells(const struct json_reader *r, struct run_data *run)
{
	static const int64_t repeats[2] = { 1, RUN_REPS_MAX };
	const json_t *cells, *v;
	int64_t repeat;
	size_t i;
	int rc;

	if (json_want_array(r, run->run, "cells", RUN_CELLS_MAX, &cells) ||
	    json_want_int(r, run->run, "repeat", repeats, &repeat))
		return -EINVAL;
	run->repeat = (unsigned)repeat;
	run->cell = calloc(json_array_size(cells) + 1, sizeof(*run->cell));
	if (!run->cell) {
		snprintf(r->err, r->err_len, "%s: out of memory", r->file);
		return -ENOMEM;
	}
	json_array_foreach(cells, i, v)
	{
		struct cell_data *cell = &run->cell[run->nr_cells++];

		rc = read_cell(r, run, v, cell);
		if (rc)
			return rc;
	}
	return check_ids_unique(r, run);
}

static int load_plan(struct run_data *run, char *err, size_t err_len)
{
	static const int64_t schema[2] = { 1, 1 };
	char path[PATH_MAX];
	struct json_reader r = { path, err, err_len };
	int64_t version;

	if (snprintf(path, sizeof(path), "%s/env.json", run->dir) >=
	    (int)sizeof(path)) {
		snprintf(err, err_len, "%.200s: path too long", run->dir);
		return -ENAMETOOLONG;
	}
	run->env = json_read_file(&r, path, NULL);
	if (!run->env)
		return -EINVAL;
	snprintf(path, sizeof(path), "%s/run.json", run->dir);
	run->run = json_read_file(&r, path, NULL);
	if (!run->run)
		return -EINVAL;
	if (json_want_int(&r, run->run, "schema", schema, &version) ||
	    json_want_string(&r, run->run, "run", NAME_MAX_BYTES, &run->id) ||
	    json_want_string(&r, run->run, "name", 1024, &run->name))
		return -EINVAL;
	return read_cells(&r, run);
}

int run_data_load(struct run_data **out, const char *dir, char *err,
		  size_t err_len)
{
	struct run_data *run = calloc(1, sizeof(*run));
	int rc = -ENOMEM;

	if (run)
		run->dir = strdup(dir);
	if (!run || !run->dir) {
		snprintf(err, err_len, "%s: out of memory", dir);
		goto err_free;
	}
	rc = load_plan(run, err, err_len);
	if (rc)
		goto err_free;
	for (unsigned c = 0; c < run->nr_cells; c++) {
		struct cell_data *cell = &run->cell[c];

		for (unsigned i = 0; i < cell->nr_reps; i++) {
			rc = read_rep(run, cell, i, err, err_len);
			if (rc)
				goto err_free;
			if (cell->rep[i].state == REP_OK)
				cell->order = cell->rep[i].order;
		}
	}
	*out = run;
	return 0;

err_free:
	run_data_free(run);
	return rc;
}

void run_data_free(struct run_data *run)
{
	if (!run)
		return;
	for (unsigned c = 0; c < run->nr_cells; c++) {
		struct cell_data *cell = &run->cell[c];

		for (unsigned i = 0; i < cell->nr_reps; i++) {
			free(cell->rep[i].metric);
			free(cell->rep[i].floor);
			json_decref(cell->rep[i].json);
		}
		free(cell->rep);
	}
	free(run->cell);
	json_decref(run->run);
	json_decref(run->env);
	free(run->dir);
	free(run);
}

const struct rep_metric *rep_metric_find(const struct rep_data *rep,
					 const char *name)
{
	for (unsigned i = 0; i < rep->nr_metrics; i++)
		if (rep->metric[i].present &&
		    strcmp(rep->metric[i].name, name) == 0)
			return &rep->metric[i];
	return NULL;
}

unsigned cell_nr_ok(const struct cell_data *cell)
{
	unsigned n = 0;

	for (unsigned i = 0; i < cell->nr_reps; i++)
		n += cell->rep[i].state == REP_OK;
	return n;
}

const char *cell_param(const struct cell_data *cell, const char *key)
{
	return json_text_or(cell->params, key, "");
}

/* Every parameter of a but `except` has the same value in b. */
static bool params_within(const struct cell_data *a, const struct cell_data *b,
			  const char *except)
{
	static const char *const apart[] = { "engine", "workload", "threads",
					     "order" };
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)a->params, key, v)
	{
		bool skip = except && strcmp(except, key) == 0;

		for (size_t i = 0; i < ARRAY_SIZE(apart); i++)
			skip |= strcmp(apart[i], key) == 0;
		if (!skip &&
		    strcmp(json_string_value(v), cell_param(b, key)) != 0)
			return false;
	}
	return true;
}

bool cell_same_point(const struct cell_data *a, const struct cell_data *b,
		     const char *except)
{
	if (!except)
		except = "";
	return strcmp(a->workload, b->workload) == 0 &&
	       strcmp(a->machine, b->machine) == 0 &&
	       (strcmp(except, "threads") == 0 || a->threads == b->threads) &&
	       (strcmp(except, "order") == 0 || a->order == b->order) &&
	       params_within(a, b, except) && params_within(b, a, except);
}

bool cell_synthetic(const struct cell_data *cell)
{
	for (unsigned i = 0; i < cell->nr_reps; i++)
		if (cell->rep[i].synthetic)
			return true;
	return false;
}

bool run_emulated(const struct run_data *run)
{
	for (unsigned c = 0; c < run->nr_cells; c++)
		for (unsigned i = 0; i < run->cell[c].nr_reps; i++)
			if (run->cell[c].rep[i].emulated)
				return true;
	return false;
}

unsigned cell_values(const struct cell_data *cell, const char *metric,
		     double *value, unsigned max)
{
	unsigned n = 0;

	for (unsigned i = 0; i < cell->nr_reps && n < max; i++) {
		const struct rep_metric *m =
			rep_metric_find(&cell->rep[i], metric);

		if (m)
			value[n++] = m->value;
	}
	return n;
}

unsigned run_floor_values(const struct run_data *run, const char *floor,
			  double *value, unsigned max)
{
	unsigned n = 0;

	for (unsigned c = 0; c < run->nr_cells; c++) {
		for (unsigned i = 0; i < run->cell[c].nr_reps; i++) {
			const struct rep_data *rep = &run->cell[c].rep[i];

			for (unsigned f = 0; f < rep->nr_floors; f++)
				if (n < max && rep->floor[f].present &&
				    !strcmp(rep->floor[f].name, floor))
					value[n++] = rep->floor[f].value;
		}
	}
	return n;
}
