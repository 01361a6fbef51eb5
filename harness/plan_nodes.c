/* Nodes of a cell's machine, for the planner. See plan_nodes.h. */
#include "harness/plan_nodes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/pin.h"

struct plan_machine {
	const struct topo *host;
	struct topo cut;       /* host, as far as cpus= lets */
	struct topo resolved;  /* a machine that is not this host */
	const struct topo *is; /* the machine: host or resolved */
	char *key;             /* of what is resolved */
	struct team_place place;
};

struct plan_machine *plan_machine_create(const struct topo *host)
{
	struct plan_machine *m = calloc(1, sizeof(*m));

	if (m)
		m->host = host;
	return m;
}

void plan_machine_destroy(struct plan_machine *m)
{
	if (m)
		free(m->key);
	free(m);
}

/* Values of all machine keys in a row. NULL: out of memory. */
static char *key_of(const struct cell *c)
{
	size_t len = 1;
	char *key, *end;

	for (unsigned i = 0; i < nr_options; i++)
		len += c->value[i] ? strlen(c->value[i]) + 1 : 1;
	key = malloc(len);
	if (!key)
		return NULL;
	end = key;
	for (unsigned i = 0; i < nr_options; i++) {
		if (options[i].group == GROUP_MACHINE && c->value[i])
			end = stpcpy(end, c->value[i]);
		*end++ = '\n';
	}
	*end = 0;
	return key;
}

/* cpus= where it is a number: modelled CPUs. */
static bool has_number_of_cpus(const struct cell *c)
{
	uint64_t v;

	return !scan_uint(cell_value(c, "cpus"), &v);
}

static bool is_host(const struct job *job, const struct cell *c)
{
	const char *machine = cell_value(c, "machine");

	if (has_number_of_cpus(c) || *cell_value(c, "distances"))
		return false;
	if (*machine)
		return !strcmp(machine, "host");
	return !job->base->machine.nr_node_sections && !*cell_value(c, "mem") &&
	       !*cell_value(c, "nodes") && !*cell_value(c, "layout") &&
	       !*cell_value(c, "state");
}

static int resolve(struct plan_machine *m, const struct job *job,
		   const struct cell *c, char *err, size_t err_len)
{
	struct job_params *p = malloc(sizeof(*p));
	struct machine_desc *desc = malloc(sizeof(*desc));
	int r = -ENOMEM;

	snprintf(err, err_len, "out of memory");
	if (p && desc)
		r = cell_params(c, job, p, err, err_len);
	if (!r)
		r = machine_params_resolve(&p->machine, desc, err, err_len);
	if (!r)
		m->resolved = desc->topo;
	free(p);
	free(desc);
	return r;
}

/* machine=numa over a host that need not be this one: so that tests can plan
 * for machines that nobody here has. */
static bool is_plain_numa(const struct cell *c)
{
	return !strcmp(cell_value(c, "machine"), "numa") &&
	       !has_number_of_cpus(c) && !*cell_value(c, "distances");
}

static int turn_to(struct plan_machine *m, const struct job *job,
		   const struct cell *c, char *err, size_t err_len)
{
	m->is = &m->resolved;
	if (is_host(job, c) ||
	    (is_plain_numa(c) && machine_numa_is_host(m->host))) {
		m->is = m->host;
		return 0;
	}
	if (is_plain_numa(c))
		return machine_numa_stand_in(m->host, &m->resolved, err,
					     err_len);
	/* only who leaves nodes open has to know them now */
	return plan_open(c) ? resolve(m, job, c, err, err_len) : 0;
}

int plan_machine_of(struct plan_machine *m, const struct job *job,
		    const struct cell *cell, char *err, size_t err_len)
{
	const bool set = !has_number_of_cpus(cell);
	char *key = key_of(cell);
	int r;

	if (!key) {
		snprintf(err, err_len, "out of memory");
		return -ENOMEM;
	}
	if (m->key && !strcmp(m->key, key) && !plan_open(cell)) {
		free(key);
		return 0;
	}
	free(m->key);
	m->key = key;
	r = cpuset_apply(set ? cell_value(cell, "cpus") : "", m->host, &m->cut,
			 err, err_len);
	if (!r)
		r = turn_to(m, job, cell, err, err_len);
	if (r) {
		free(m->key);
		m->key = NULL;
	}
	return r;
}

bool plan_machine_is_host(const struct plan_machine *m)
{
	return m->is == m->host;
}

static struct node_choice choice_of(const struct cell *c)
{
	struct node_choice choice;

	/* both were checked when they were read */
	if (placement_parse(cell_value(c, "placement"), &choice.placement))
		choice.placement = (struct placement){ PLACE_COMPACT, 0, 0 };
	if (mem_rules_parse(cell_value(c, "mem_policy"), &choice.rules))
		choice.rules = (struct mem_rules){ .nr = 1 };
	return choice;
}

int plan_place(struct plan_machine *m, const struct cell *cell, char *err,
	       size_t err_len)
{
	const struct node_choice choice = choice_of(cell);
	const bool set = !has_number_of_cpus(cell);
	const struct place_request rq = {
		.host = &m->cut,
		.model = m->is,
		.cpu_set = set ? cell_value(cell, "cpus") : "",
		.placement = choice.placement,
		.rules = &choice.rules,
		.nr = cell->threads,
		.share = !strcmp(cell_value(cell, "oversubscribe"), "1"),
	};

	return place_team(&rq, &m->place, err, err_len);
}

unsigned plan_open(const struct cell *cell)
{
	const struct node_choice choice = choice_of(cell);
	unsigned open = 0;

	if (placement_is_open(&choice.placement))
		open |= OPEN_PLACEMENT;
	if (mem_rules_are_open(&choice.rules))
		open |= OPEN_POLICY;
	return open;
}

static bool node_has_cpu(const struct plan_machine *m, unsigned nid)
{
	const struct topo *t = plan_machine_is_host(m) ? &m->cut : m->is;

	for (unsigned cpu = 0; cpu < t->nr_cpus; cpu++)
		if (t->node_of_cpu[cpu] == nid)
			return true;
	return false;
}

/* Nodes 0, 1, ... of the machine that will do, into list k; the others are
 * noted. */
static void list_nodes(const struct plan_machine *m, struct node_choices *out,
		       unsigned k)
{
	const bool memory = k == 2;
	char *line = out->left_out[out->nr_left_out];
	int used = 0;

	for (unsigned nid = 0; nid < m->is->nr_nodes; nid++) {
		if (memory ? m->is->node_bytes[nid] != 0 : node_has_cpu(m, nid))
			out->node[k][out->nr[k]++] = (uint16_t)nid;
		else if (used < 100)
			used += snprintf(line + used, 128 - (size_t)used,
					 "%s%u",
					 used     ? " "
					 : memory ? "nodes without "
						    "memory: "
						  : "nodes without "
						    "CPUs that may "
						    "be used: ",
					 nid);
	}
	out->nr_left_out += used > 0;
}

void plan_choices(const struct plan_machine *m, const struct cell *cell,
		  struct node_choices *out)
{
	const struct placement *p;

	memset(out, 0, sizeof(*out));
	out->open = choice_of(cell);
	p = &out->open.placement;
	if (p->node == NODE_EACH)
		list_nodes(m, out, 0);
	else
		out->nr[0] = 1;
	if (p->peer == NODE_EACH && p->node == NODE_EACH) {
		memcpy(out->node[1], out->node[0], sizeof(out->node[0]));
		out->nr[1] = out->nr[0];
	} else if (p->peer == NODE_EACH) {
		list_nodes(m, out, 1);
	} else {
		out->nr[1] = 1;
	}
	if (mem_rules_are_open(&out->open.rules))
		list_nodes(m, out, 2);
	else
		out->nr[2] = 1;
}

/* Memory turns fastest, then the second node of a pair. */
static bool advance(struct node_choices *c)
{
	for (unsigned k = 3; k-- > 0;) {
		if (++c->at[k] < c->nr[k])
			return true;
		c->at[k] = 0;
	}
	return false;
}

bool plan_next_choice(struct node_choices *c)
{
	struct mem_rules *rules = &c->now.rules;
	struct placement *p = &c->now.placement;

	if (!c->nr[0] || !c->nr[1] || !c->nr[2])
		return false;
	if (c->started && !advance(c))
		return false;
	c->started = true;
	c->now = c->open;
	if (p->node == NODE_EACH)
		p->node = c->node[0][c->at[0]];
	if (p->peer == NODE_EACH)
		p->peer = c->node[1][c->at[1]];
	for (unsigned i = 0; i < rules->nr; i++)
		if (rules->rule[i].node == NODE_EACH)
			rules->rule[i].node = c->node[2][c->at[2]];
	return true;
}

static int replace(struct cell *c, const char *key, const char *text)
{
	const struct option *o = option_find(key, AT_CLI);
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	free(c->value[o - options]);
	c->value[o - options] = copy;
	return 0;
}

int plan_choose(struct cell *cell, const struct node_choice *choice)
{
	char text[256];
	int r;

	placement_format(&choice->placement, text, sizeof(text));
	r = replace(cell, "placement", text);
	mem_rules_format(&choice->rules, text, sizeof(text));
	return r ? r : replace(cell, "mem_policy", text);
}
