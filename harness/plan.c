/*
 * The matrix. Each key's value in a section is the last one given: default,
 * [global], [matrix], section, command line. Keys with a list of more than one
 * value are that section's axes; every combination that no rule excludes is a
 * cell. Where a placement or a memory policy says "each node", the combination
 * is one cell for each node of its machine (plan_nodes.c).
 */
#include "harness/plan.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/pin.h"
#include "harness/plan_nodes.h"
#include "harness/preload.h"
#include "workloads/lib/rng.h"

#define AXES_MAX 64 /* more than there are keys */

struct axis {
	const struct option *option;
	char *element[JOB_LIST_MAX]; /* canonical text */
	unsigned nr, at;
};

/* One section being expanded. */
struct expansion {
	struct plan *plan;
	const struct job *job;
	const struct topo *host;
	unsigned section;
	const char *workload; /* fixed by the section, NULL: an axis */
	struct axis axis[AXES_MAX];
	unsigned nr_axes;
	char **fixed; /* [nr_options] canonical text of single values */
	struct plan_machine *machine; /* of the cell at hand */
	unsigned open;                /* OPEN_*: of the combination at hand */
	char *err;
	size_t err_len;
};

static int no_memory(char *err, size_t err_len)
{
	snprintf(err, err_len, "out of memory");
	return -ENOMEM;
}

static const struct job_section *section_of(const struct job *job, unsigned i)
{
	return i < job->nr_sections ? &job->section[i] : NULL;
}

struct where plan_where(const struct job *job, const struct cell *cell)
{
	const struct job_section *s = section_of(job, cell->section);

	if (!s)
		return (struct where){ "command line", 0 };
	return (struct where){ job->file, s->line };
}

static struct where where_of_kv(const struct job *job, const struct kv *kv)
{
	if (!kv->line)
		return (struct where){ "command line", 0 };
	return (struct where){ job->file, kv->line };
}

/* The value in force of a key in a section, NULL: not given. */
static const struct kv *value_of(const struct job *job, unsigned section,
				 const struct option *o)
{
	const struct job_section *s = section_of(job, section);
	const bool selects = s && !strcmp(o->name, "workload");
	const struct kv *kv = selects ? NULL : kv_find(&job->cli, o);

	if (!kv && s)
		kv = kv_find(&s->kv, o);
	if (!kv)
		kv = kv_find(&job->matrix, o);
	if (!kv && !selects)
		kv = kv_find(&job->global, o);
	return kv;
}

/* Percentages become counts: of cpus, rounded down, at least one. */
static void resolve_threads(struct thread_count *t, unsigned cpus)
{
	if (t->percent)
		t->n = (uint32_t)max_long(1, (long)cpus * t->n / 100);
	t->percent = false;
}

/* Canonical text of one value; NULL: out of memory. */
static char *canonical(const struct expansion *x, const struct option *o,
		       const char *text)
{
	struct job_params *scratch = x->job->base;
	char buf[JOB_VALUE_MAX], why[256];

	if (option_set(o, text, scratch, why, sizeof(why)))
		return strdup(text);
	if (o->type == OPT_THREADS)
		resolve_threads(&scratch->threads, x->host->nr_cpus);
	option_format(o, scratch, buf, sizeof(buf));
	return strdup(buf);
}

/* Adds an element unless percentages made it equal to an earlier one. */
static int axis_add(const struct expansion *x, struct axis *a, const char *text)
{
	char *value = canonical(x, a->option, text);

	if (!value)
		return -ENOMEM;
	for (unsigned i = 0; i < a->nr; i++)
		if (!strcmp(a->element[i], value)) {
			free(value);
			return 0;
		}
	a->element[a->nr++] = value;
	return 0;
}

static int read_axis(const struct expansion *x, struct axis *a,
		     const char *text)
{
	char element[JOB_VALUE_MAX];
	const char *rest = text;
	int r = 0;

	while (rest && !r && a->nr < JOB_LIST_MAX) {
		r = list_next(&rest, element, sizeof(element));
		if (!r)
			r = axis_add(x, a, element);
	}
	return r;
}

/* USES_* of what the section's workload is for its engines. */
static unsigned uses_of_all(const struct expansion *x)
{
	const struct option *o = option_find("engine", ~AT_NODE);
	const struct kv *kv = value_of(x->job, x->section, o);
	const char *rest = kv ? kv->text : o->def;
	char engine[JOB_VALUE_MAX];
	const struct workload *w;
	unsigned uses = 0;

	while (rest && !list_next(&rest, engine, sizeof(engine))) {
		w = binding_workload_for(engine, x->workload);
		uses |= w ? w->uses : 0;
	}
	return uses;
}

/* An axis that the workload does not look at would repeat the same cell. */
static int check_used(const struct expansion *x, const struct option *o,
		      const struct kv *kv, bool is_list)
{
	const struct job_section *s = section_of(x->job, x->section);
	const struct workload *w;
	struct where where = where_of_kv(x->job, kv);
	char shown[64];

	w = x->workload ? binding_workload_find(x->workload) : NULL;
	if (!o->uses || !w || (uses_of_all(x) & o->uses))
		return 0;
	if (!is_list && !(s && kv_find(&s->kv, o) == kv))
		return 0;
	return fail_at(&where, x->err, x->err_len,
		       "%s=%s: expected a key that workload %s looks at, see "
		       "`zonebench list workloads`",
		       o->name, printable(kv->text, shown, sizeof(shown)),
		       w->name);
}

static int expand_option(struct expansion *x, unsigned index)
{
	const struct option *o = &options[index];
	const struct kv *kv = value_of(x->job, x->section, o);
	const char *text = kv ? kv->text : o->def;
	struct axis a = { .option = o };
	int r;

	if (x->workload && !strcmp(o->name, "workload"))
		text = x->workload;
	if (!text || o->type == OPT_RULE || o->group == GROUP_NODE)
		return 0;
	if (!option_is_axis(o)) {
		x->fixed[index] = canonical(x, o, text);
		return x->fixed[index] ? 0 : no_memory(x->err, x->err_len);
	}
	r = read_axis(x, &a, text);
	if (!r && kv)
		r = check_used(x, o, kv, a.nr > 1);
	if (!r && a.nr > 1 && x->nr_axes < AXES_MAX) {
		x->axis[x->nr_axes++] = a;
		return 0;
	}
	if (!r && a.nr == 1) {
		x->fixed[index] = a.element[0];
		return 0;
	}
	for (unsigned i = 0; i < a.nr; i++)
		free(a.element[i]);
	return r == -ENOMEM ? no_memory(x->err, x->err_len) : -EINVAL;
}

static void expansion_free(struct expansion *x)
{
	for (unsigned i = 0; i < x->nr_axes; i++)
		for (unsigned e = 0; e < x->axis[i].nr; e++)
			free(x->axis[i].element[e]);
	for (unsigned i = 0; x->fixed && i < nr_options; i++)
		free(x->fixed[i]);
	free(x->fixed);
}

static void cell_free(struct cell *c)
{
	for (unsigned i = 0; c->value && i < nr_options; i++)
		free(c->value[i]);
	free(c->value);
}

/* The name as written is the section's; the cell's is the workload's own. */
static int resolve_workload(struct cell *c)
{
	const struct option *o = option_find("workload", ~AT_NODE);
	char **value = &c->value[o - options];
	const struct workload *w =
		*value ? binding_workload_for(cell_value(c, "engine"), *value)
		       : NULL;
	char *name;

	if (!w || !strcmp(w->name, *value))
		return 0;
	name = strdup(w->name);
	if (!name)
		return -ENOMEM;
	free(*value);
	*value = name;
	return 0;
}

static int cell_fill(const struct expansion *x, struct cell *c)
{
	c->section = x->section;
	c->value = calloc(nr_options, sizeof(*c->value));
	if (!c->value)
		return -ENOMEM;
	for (unsigned i = 0; i < nr_options; i++) {
		const char *text = x->fixed[i];

		for (unsigned a = 0; a < x->nr_axes; a++)
			if (x->axis[a].option == &options[i])
				text = x->axis[a].element[x->axis[a].at];
		if (!text)
			continue;
		c->value[i] = strdup(text);
		if (!c->value[i])
			return -ENOMEM;
	}
	c->threads = (uint32_t)strtoul(cell_value(c, "threads"), NULL, 10);
	return resolve_workload(c);
}

const char *cell_value(const struct cell *cell, const char *key)
{
	const struct option *o = option_find(key, ~AT_NODE);
	const char *text = o ? cell->value[o - options] : NULL;

	return text ? text : "";
}

/* Whether a rule's value names the cell's: "pairs" every pair of nodes, and a
 * workload what it is for the cell's engine. */
static bool value_covers(const struct cell *c, const struct option *o,
			 const char *value)
{
	const char *have = c->value[o - options];
	const struct workload *w;
	struct placement open, p;
	struct mem_rules rules, r;

	if (!have)
		return false;
	if (!strcmp(o->name, "workload")) {
		w = binding_workload_for(cell_value(c, "engine"), value);
		return !strcmp(w ? w->name : value, have);
	}
	if (o->type == OPT_PLACEMENT && !placement_parse(value, &open) &&
	    !placement_parse(have, &p))
		return placement_covers(&open, &p);
	if (o->type == OPT_MEM_POLICY && !mem_rules_parse(value, &rules) &&
	    !mem_rules_parse(have, &r))
		return mem_rules_cover(&rules, &r);
	return !strcmp(value, have);
}

static bool rule_item_matches(const struct expansion *x, const struct cell *c,
			      const struct kv *kv)
{
	struct axis a = { .option = kv->option };
	const bool readable = !read_axis(x, &a, kv->text);
	bool found = false;

	for (unsigned i = 0; i < a.nr; i++) {
		found |= readable && value_covers(c, kv->option, a.element[i]);
		free(a.element[i]);
	}
	return found;
}

static bool cell_excluded(const struct expansion *x, const struct cell *c)
{
	for (unsigned r = 0; r < x->job->nr_excludes; r++) {
		const struct kv_list *match = &x->job->exclude[r].match;
		unsigned holds = 0;

		while (holds < match->nr &&
		       rule_item_matches(x, c, &match->item[holds]))
			holds++;
		if (holds == match->nr)
			return true;
	}
	return false;
}

/* All windows of one repetition, in ns. */
static uint64_t cell_window_ns(const struct cell *c)
{
	static const char *const windows[] = { "warmup", "runtime",
					       "lat_runtime" };
	uint64_t sum = 0, ns;

	for (size_t i = 0; i < ARRAY_SIZE(windows); i++)
		if (!scan_duration(cell_value(c, windows[i]), &ns))
			sum += ns;
	return sum;
}

static uint64_t cell_timeout_ns(const struct cell *c)
{
	uint64_t ns;

	return scan_duration(cell_value(c, "timeout"), &ns) ? 0 : ns;
}

static int check_page_engine(const struct expansion *x, const struct cell *c,
			     const struct workload *w)
{
	const char *name = cell_value(c, "engine");
	const struct page_binding *b = page_binding_find(name);
	struct where where = plan_where(x->job, c);

	if (!b)
		return fail_at(&where, x->err, x->err_len,
			       "engine=%s: expected a page engine for workload "
			       "%s",
			       name, w->name);
	if (!workload_fits(w, b->ops->features))
		return fail_at(&where, x->err, x->err_len,
			       "engine=%s: expected an engine that hands out "
			       "frames for workload %s, or exclude = engine=%s "
			       "workload=%s",
			       b->ops->name, w->name, b->ops->name, w->name);
	return 0;
}

/* What a workload of objects wants and an engine has not. */
static int check_objects(const struct expansion *x, const struct cell *c,
			 const struct workload *w, const struct slab_ops *ops)
{
	struct where where = plan_where(x->job, c);
	char path[PRELOAD_PATH_MAX];

	if ((w->needs & WORKLOAD_OBJECTS) && (ops->features & SLAB_F_FLOOR))
		return fail_at(&where, x->err, x->err_len,
			       "engine=%s: expected an engine that hands out "
			       "objects for workload %s, or exclude = "
			       "engine=%s workload=%s",
			       ops->name, w->name, ops->name, w->name);
	if ((w->needs & WORKLOAD_SLABS) &&
	    (ops->features & (SLAB_F_FLOOR | SLAB_F_FOREIGN)))
		return fail_at(&where, x->err, x->err_len,
			       "engine=%s: expected an engine with slabs of "
			       "its own for workload %s, or exclude = "
			       "engine=%s workload=%s",
			       ops->name, w->name, ops->name, w->name);
	if (!ops->soname || preload_find(ops->soname, path, sizeof(path)))
		return 0;
	return fail_at(&where, x->err, x->err_len,
		       "engine=%s: expected %s, which is not installed; Debian "
		       "has it in package %s",
		       ops->name, ops->soname, ops->package);
}

/* A slab engine stands on a page engine with frames. */
static int check_slab_engine(const struct expansion *x, const struct cell *c,
			     const struct workload *w)
{
	const char *name = cell_value(c, "engine");
	const char *pages = cell_value(c, "pages");
	const struct slab_binding *b = slab_binding_find(name);
	const struct page_binding *p = page_binding_find(pages);
	struct where where = plan_where(x->job, c);

	if (!b)
		return fail_at(&where, x->err, x->err_len,
			       "engine=%s: expected a slab engine for workload "
			       "%s",
			       name, w->name);
	if (!p || (p->ops->features & PAGE_F_FLOOR))
		return fail_at(&where, x->err, x->err_len,
			       "pages=%s: expected a page engine that hands "
			       "out frames",
			       pages);
	return check_objects(x, c, w, b->ops);
}

/* Huge pages take the place of pages that are there: all frames must be, which
 * rep.c sees to where the cell touches them or has reclaim. */
static int check_frames(const struct expansion *x, const struct cell *c,
			const struct workload *w)
{
	const char *reclaim = cell_value(c, "reclaim");
	struct where where = plan_where(x->job, c);

	if (strcmp(cell_value(c, "frames"), "huge") ||
	    strcmp(cell_value(c, "touch"), "none") || !strcmp(reclaim, "on") ||
	    (!strcmp(reclaim, "auto") && (w->needs & WORKLOAD_RECLAIM)))
		return 0;
	return fail_at(&where, x->err, x->err_len,
		       "frames=huge: expected touch=first or touch=all beside "
		       "it, or reclaim=on, so that every frame has memory");
}

/* What an engine, a workload and a host cannot do together. */
static int check_cell(const struct expansion *x, const struct cell *c)
{
	const struct workload *w =
		binding_workload_find(cell_value(c, "workload"));
	struct where where = plan_where(x->job, c);
	int r;

	if (!w)
		return fail_at(&where, x->err, x->err_len,
			       "expected a known engine and workload");
	r = w->uses & USES_SLAB ? check_slab_engine(x, c, w)
				: check_page_engine(x, c, w);
	if (r)
		return r;
	if ((w->needs & WORKLOAD_EVEN_THREADS) && c->threads % 2)
		return fail_at(&where, x->err, x->err_len,
			       "threads=%u: expected an even number of threads "
			       "for workload %s",
			       c->threads, w->name);
	if ((w->needs & WORKLOAD_ONE_THREAD) && c->threads > 1)
		return fail_at(&where, x->err, x->err_len,
			       "threads=%u: expected threads=1 for workload %s",
			       c->threads, w->name);
	if ((w->needs & WORKLOAD_TOUCH) &&
	    !strcmp(cell_value(c, "touch"), "none"))
		return fail_at(&where, x->err, x->err_len,
			       "touch=none: expected touch=first or touch=all "
			       "for workload %s",
			       w->name);
	if (check_frames(x, c, w))
		return -EINVAL;
	if (cell_window_ns(c) >= cell_timeout_ns(c))
		return fail_at(&where, x->err, x->err_len,
			       "timeout=%s: expected more than warmup, runtime "
			       "and lat_runtime together",
			       cell_value(c, "timeout"));
	return 0;
}

/* Where the machine is this host nothing else has to be resolved to see that a
 * cell's threads find no place; other machines are asked later. */
static int check_place(const struct expansion *x, const struct cell *c)
{
	struct where where = plan_where(x->job, c);
	char why[256];

	if (!plan_machine_is_host(x->machine) ||
	    !plan_place(x->machine, c, why, sizeof(why)))
		return 0;
	return fail_at(&where, x->err, x->err_len, "%s", why);
}

/* Appends "-text", made fit for a folder's name. */
static void id_append(char *id, const char *text)
{
	size_t n = strlen(id);

	if (n && n + 1 < CELL_ID_MAX)
		id[n++] = '-';
	for (; *text && n + 1 < CELL_ID_MAX; text++) {
		bool plain = isalnum((unsigned char)*text) || *text == '.' ||
			     *text == '_';

		id[n++] = (char)(plain ? tolower((unsigned char)*text) : '_');
	}
	id[n] = 0;
}

static void id_append_axis(char *id, const struct cell *c,
			   const struct option *o)
{
	static const char *const shown[] = { "engine", "workload", "threads",
					     "order" };
	char part[96];

	for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
		if (!strcmp(o->name, shown[i]))
			return;
	snprintf(part, sizeof(part), "%s_%.64s", o->name,
		 c->value[o - options]);
	id_append(id, part);
}

static bool is_axis(const struct expansion *x, unsigned option)
{
	for (unsigned a = 0; a < x->nr_axes; a++)
		if (x->axis[a].option == &options[option])
			return true;
	return false;
}

static void cell_name(const struct expansion *x, struct cell *c)
{
	const struct job_section *s = section_of(x->job, x->section);
	const char *workload = cell_value(c, "workload");
	const struct workload *w = binding_workload_find(workload);
	char part[96];

	id_append(c->id, cell_value(c, "engine"));
	id_append(c->id, s ? s->name : workload);
	snprintf(part, sizeof(part), "t%u", c->threads);
	id_append(c->id, part);
	if (w && (w->uses & USES_ORDER)) {
		snprintf(part, sizeof(part), "o%s", cell_value(c, "order"));
		id_append(c->id, part);
	}
	for (unsigned a = 0; a < x->nr_axes; a++)
		id_append_axis(c->id, c, x->axis[a].option);
	for (unsigned i = 0; i < nr_options; i++)
		if (((x->open & OPEN_PLACEMENT) &&
		     options[i].type == OPT_PLACEMENT && !is_axis(x, i)) ||
		    ((x->open & OPEN_POLICY) &&
		     options[i].type == OPT_MEM_POLICY && !is_axis(x, i)))
			id_append_axis(c->id, c, &options[i]);
}

static bool id_taken(const struct plan *plan, const char *id)
{
	for (unsigned i = 0; i < plan->nr_cells; i++)
		if (!strcmp(plan->cell[i].id, id))
			return true;
	return false;
}

/* Long values are cut in names, so two cells may be called the same. */
static void make_unique(const struct plan *plan, char *id)
{
	size_t base = strlen(id);

	if (base > CELL_ID_MAX - 8)
		base = CELL_ID_MAX - 8;
	for (unsigned n = 2; id_taken(plan, id); n++)
		snprintf(id + base, CELL_ID_MAX - base, "-%u", n);
}

/* Takes over what c points to, also on failure. */
static int add_cell(struct expansion *x, struct cell c)
{
	struct plan *plan = x->plan;
	struct cell *grown;
	int r = 0;

	if (cell_excluded(x, &c)) {
		cell_free(&c);
		return 0;
	}
	r = check_cell(x, &c);
	if (!r)
		r = check_place(x, &c);
	if (!r && plan->nr_cells == PLAN_CELLS_MAX) {
		struct where where = plan_where(x->job, &c);

		r = fail_at(&where, x->err, x->err_len,
			    "expected a matrix of at most %d cells",
			    PLAN_CELLS_MAX);
	}
	grown = r ? NULL
		  : reallocarray(plan->cell, plan->nr_cells + 1, sizeof(c));
	if (!grown) {
		cell_free(&c);
		return r ? r : no_memory(x->err, x->err_len);
	}
	plan->cell = grown;
	cell_name(x, &c);
	make_unique(plan, c.id);
	grown[plan->nr_cells++] = c;
	return 0;
}

/* Notes a line once. */
static int note_left_out(struct expansion *x, const char *line)
{
	struct plan *plan = x->plan;
	char **grown;

	for (unsigned i = 0; i < plan->nr_left_out; i++)
		if (!strcmp(plan->left_out[i], line))
			return 0;
	grown = reallocarray(plan->left_out, plan->nr_left_out + 1,
			     sizeof(*grown));
	if (!grown)
		return no_memory(x->err, x->err_len);
	plan->left_out = grown;
	grown[plan->nr_left_out] = strdup(line);
	if (!grown[plan->nr_left_out])
		return no_memory(x->err, x->err_len);
	plan->nr_left_out++;
	return 0;
}

/* One choice of nodes for a combination that left them open. */
static int add_choice(struct expansion *x, const struct node_choice *choice,
		      unsigned *nr_added)
{
	struct cell c = { .id = "" };
	char why[512], line[1024];
	int r = cell_fill(x, &c);

	if (!r)
		r = plan_choose(&c, choice);
	if (r) {
		cell_free(&c);
		return no_memory(x->err, x->err_len);
	}
	if (cell_excluded(x, &c) ||
	    !plan_place(x->machine, &c, why, sizeof(why))) {
		(*nr_added)++;
		return add_cell(x, c);
	}
	snprintf(line, sizeof(line), "%s placement=%s mem_policy=%s: %s",
		 cell_value(&c, "workload"), cell_value(&c, "placement"),
		 cell_value(&c, "mem_policy"), why);
	cell_free(&c);
	return note_left_out(x, line);
}

/* Every choice of nodes that the machine offers. */
static int add_choices(struct expansion *x, const struct cell *open)
{
	struct where where = plan_where(x->job, open);
	struct node_choices choices;
	unsigned nr_added = 0;
	int r = 0;

	plan_choices(x->machine, open, &choices);
	for (unsigned i = 0; i < choices.nr_left_out && !r; i++)
		r = note_left_out(x, choices.left_out[i]);
	while (!r && plan_next_choice(&choices))
		r = add_choice(x, &choices.now, &nr_added);
	if (r || nr_added)
		return r;
	return fail_at(&where, x->err, x->err_len,
		       "placement=%s mem_policy=%s: expected a machine whose "
		       "nodes can do one of them%s%s",
		       cell_value(open, "placement"),
		       cell_value(open, "mem_policy"),
		       x->plan->nr_left_out ? "; " : "",
		       x->plan->nr_left_out
			       ? x->plan->left_out[x->plan->nr_left_out - 1]
			       : "");
}

/* The cell or cells of the combination at hand. */
static int add_combination(struct expansion *x)
{
	struct cell c = { .id = "" };
	struct where where;
	char why[512];
	int r = cell_fill(x, &c);

	if (r) {
		cell_free(&c);
		return no_memory(x->err, x->err_len);
	}
	x->open = plan_open(&c);
	r = plan_machine_of(x->machine, x->job, &c, why, sizeof(why));
	if (r) {
		where = plan_where(x->job, &c);
		cell_free(&c);
		return fail_at(&where, x->err, x->err_len, "%s", why);
	}
	if (!x->open)
		return add_cell(x, c);
	r = add_choices(x, &c);
	cell_free(&c);
	return r;
}

/* The next combination; false after the last. */
static bool advance(struct expansion *x)
{
	for (unsigned a = x->nr_axes; a-- > 0;) {
		if (++x->axis[a].at < x->axis[a].nr)
			return true;
		x->axis[a].at = 0;
	}
	return false;
}

static int expand_section(struct expansion *x)
{
	int r = 0;

	x->fixed = calloc(nr_options, sizeof(*x->fixed));
	if (!x->fixed)
		return no_memory(x->err, x->err_len);
	for (unsigned i = 0; i < nr_options && !r; i++)
		r = expand_option(x, i);
	if (r)
		return r;
	do
		r = add_combination(x);
	while (!r && advance(x));
	return r;
}

/* With a job file, workload= on the command line chooses among sections. */
static bool section_selected(const struct job *job, const char *workload)
{
	const struct kv *kv =
		kv_find(&job->cli, option_find("workload", AT_CLI));
	char element[JOB_VALUE_MAX];
	const char *rest = kv ? kv->text : NULL;

	if (!kv)
		return true;
	while (rest) {
		if (list_next(&rest, element, sizeof(element)))
			return false;
		if (!strcmp(element, workload))
			return true;
	}
	return false;
}

static const char *section_workload(const struct job_section *s)
{
	const struct kv *kv =
		kv_find(&s->kv, option_find("workload", AT_SECTION));

	return kv ? kv->text : s->name;
}

static uint32_t repeat_of(const struct job *job)
{
	const struct option *o = option_find("repeat", AT_CLI);
	const struct kv *kv = value_of(job, UINT32_MAX, o);
	char why[256];

	if (option_set(o, kv ? kv->text : o->def, job->base, why, sizeof(why)))
		return 1;
	return job->base->repeat;
}

void plan_order(struct plan_step *step, unsigned nr_cells, uint32_t repeat,
		uint64_t seed)
{
	uint64_t rng = rng_seed(seed, 0);

	for (uint32_t rep = 0; rep < repeat; rep++, step += nr_cells) {
		for (unsigned i = 0; i < nr_cells; i++)
			step[i] = (struct plan_step){ i, rep };
		for (unsigned i = nr_cells; i > 1; i--) {
			unsigned j = (unsigned)rng_below(&rng, i);
			struct plan_step t = step[i - 1];

			step[i - 1] = step[j];
			step[j] = t;
		}
	}
}

static int expand_all(struct plan *plan, const struct job *job,
		      const struct topo *host, char *err, size_t err_len)
{
	struct plan_machine *machine = plan_machine_create(host);
	unsigned i = 0;
	int r = 0;

	if (!machine)
		return no_memory(err, err_len);
	do {
		struct expansion x = { .plan = plan,
				       .job = job,
				       .host = host,
				       .machine = machine,
				       .section = i,
				       .err = err,
				       .err_len = err_len };
		const struct job_section *s = section_of(job, i);

		x.workload = s ? section_workload(s) : NULL;
		if (s && !section_selected(job, x.workload))
			continue;
		r = expand_section(&x);
		expansion_free(&x);
	} while (!r && ++i < job->nr_sections);
	plan_machine_destroy(machine);
	return r;
}

int plan_make(struct plan *plan, const struct job *job, const struct topo *host,
	      uint64_t seed, char *err, size_t err_len)
{
	struct where where = { job->file, 0 };
	int r;

	memset(plan, 0, sizeof(*plan));
	if (job->text && !job->nr_sections &&
	    !kv_find(&job->cli, option_find("workload", AT_CLI)))
		return fail_at(&where, err, err_len,
			       "expected a section for a workload, such as "
			       "[pair]");
	r = expand_all(plan, job, host, err, err_len);
	if (r)
		return r;
	if (!r && !plan->nr_cells)
		return fail_at(&where, err, err_len,
			       "expected at least one cell that is not "
			       "excluded or deselected by workload=");
	plan->repeat = repeat_of(job);
	plan->seed = seed;
	plan->nr_steps = plan->nr_cells * plan->repeat;
	plan->step = calloc(plan->nr_steps, sizeof(*plan->step));
	if (!plan->step)
		return no_memory(err, err_len);
	plan_order(plan->step, plan->nr_cells, plan->repeat, seed);
	return 0;
}

void plan_free(struct plan *plan)
{
	for (unsigned i = 0; i < plan->nr_cells; i++)
		cell_free(&plan->cell[i]);
	for (unsigned i = 0; i < plan->nr_left_out; i++)
		free(plan->left_out[i]);
	free(plan->left_out);
	free(plan->cell);
	free(plan->step);
	memset(plan, 0, sizeof(*plan));
}

int cell_params(const struct cell *c, const struct job *job,
		struct job_params *out, char *err, size_t err_len)
{
	const struct where where = plan_where(job, c);
	const struct machine_params *base = &job->base->machine;
	char why[256];

	job_params_init(out);
	memcpy(out->machine.node, base->node, sizeof(base->node));
	out->machine.nr_node_sections = base->nr_node_sections;
	for (unsigned i = 0; i < nr_options; i++)
		if (c->value[i] &&
		    option_set(&options[i], c->value[i], out, why, sizeof(why)))
			return fail_at(&where, err, err_len, "%s=%s: %s",
				       options[i].name, c->value[i], why);
	return 0;
}

int plan_cell_params(const struct plan *plan, const struct job *job,
		     unsigned cell, struct job_params *out, char *err,
		     size_t err_len)
{
	return cell_params(&plan->cell[cell], job, out, err, err_len);
}

/* A process start, boot and verification: seen on small machines. */
#define STEP_OVERHEAD_NS 150000000ULL

uint64_t plan_estimate_ns(const struct plan *plan)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < plan->nr_cells; i++)
		sum += STEP_OVERHEAD_NS + cell_window_ns(&plan->cell[i]);
	return sum * plan->repeat;
}
