/*
 * Placement of threads. Planning is arithmetic over plain data, so that it is
 * tested on machines that nobody here has; pinning that does not hold is an
 * error, never a warning.
 */
#include "harness/pin.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct candidate {
	uint16_t cpu;
	/* sorted by these, in this order */
	uint16_t smt, turn, node, package, core;
};

static int compare_candidates(const void *pa, const void *pb)
{
	const struct candidate *a = pa, *b = pb;
	const int key[] = {
		a->smt - b->smt,         a->turn - b->turn, a->node - b->node,
		a->package - b->package, a->core - b->core, a->cpu - b->cpu,
	};

	for (size_t i = 0; i < ARRAY_SIZE(key); i++)
		if (key[i])
			return key[i];
	return 0;
}

/* Scatter: the n-th CPU of its node and SMT level stands in turn n. */
static void number_turns(struct candidate *c, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		for (unsigned j = 0; j < i; j++)
			if (c[j].node == c[i].node && c[j].smt == c[i].smt)
				c[i].turn++;
	}
}

/* The CPUs of t in the order in which they are taken; node: of that one only,
 * NODE_EACH: of all. */
static unsigned candidates(const struct topo *t, unsigned node, bool scatter,
			   struct candidate *c)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < t->nr_cpus; i++) {
		if (node != NODE_EACH && t->node_of_cpu[i] != node)
			continue;
		c[nr++] = (struct candidate){
			.cpu = (uint16_t)i,
			.smt = t->smt_of_cpu[i],
			.node = t->node_of_cpu[i],
			.package = t->package_of_cpu[i],
			.core = t->core_of_cpu[i],
		};
	}
	qsort(c, nr, sizeof(*c), compare_candidates);
	if (scatter) {
		number_turns(c, nr);
		qsort(c, nr, sizeof(*c), compare_candidates);
	}
	return nr;
}

/* Every step-th thread from `first` on. */
struct side {
	unsigned node, first, step, nr;
};

/* They take the CPUs of their node in turn. */
static int choose_side(const struct topo *t, const struct side *s, bool share,
		       uint16_t *cpu)
{
	struct candidate c[MAX_CPUS] = { 0 };
	unsigned nr_candidates = candidates(t, s->node, false, c);

	for (unsigned i = s->first, n = 0; i < s->nr; i += s->step, n++) {
		if (!nr_candidates || (n >= nr_candidates && !share))
			return -EINVAL;
		cpu[i] = c[n % nr_candidates].cpu;
	}
	return 0;
}

static int choose_pairs(const struct topo *t, struct placement p, unsigned nr,
			bool share, uint16_t *cpu)
{
	const struct side all = { p.node, 0, 1, nr },
			  one = { p.node, 0, 2, nr },
			  other = { p.peer, 1, 2, nr };

	/* on one node the sides share its CPUs */
	if (p.node == p.peer)
		return choose_side(t, &all, share, cpu);
	if (choose_side(t, &one, share, cpu))
		return -EINVAL;
	return choose_side(t, &other, share, cpu);
}

int pin_choose(const struct topo *t, struct placement placement, unsigned nr,
	       bool share, uint16_t *cpu)
{
	const bool scatter = placement.kind == PLACE_SCATTER;
	const unsigned node =
		placement.kind == PLACE_NODE ? placement.node : NODE_EACH;
	struct candidate c[MAX_CPUS] = { 0 };
	unsigned nr_candidates;

	if (placement_is_open(&placement))
		return -EINVAL;
	if (placement.kind == PLACE_PAIRS)
		return choose_pairs(t, placement, nr, share, cpu);
	nr_candidates = candidates(t, node, scatter, c);
	if (!nr_candidates || (nr > nr_candidates && !share))
		return -EINVAL;
	for (unsigned i = 0; i < nr; i++)
		cpu[i] = c[i % nr_candidates].cpu;
	return 0;
}

static unsigned cpus_of_node(const struct topo *t, unsigned node)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < t->nr_cpus; i++)
		nr += t->node_of_cpu[i] == node;
	return nr;
}

/* The node of a placement that has too few CPUs for its threads. */
static unsigned short_node(const struct topo *t, const struct placement *p,
			   unsigned nr)
{
	const unsigned half = p->kind == PLACE_PAIRS && p->node != p->peer;
	const unsigned want = half ? (nr + 1) / 2 : nr;

	if (p->kind == PLACE_PAIRS && cpus_of_node(t, p->node) >= want)
		return p->peer;
	return p->node;
}

void pin_refusal(const struct topo *t, struct placement placement, unsigned nr,
		 const char *what, char *err, size_t err_len)
{
	const bool on_nodes =
		placement.kind == PLACE_NODE || placement.kind == PLACE_PAIRS;
	const unsigned node = short_node(t, &placement, nr);
	const unsigned on_node = cpus_of_node(t, node);
	char text[32];

	placement_format(&placement, text, sizeof(text));
	if (on_nodes &&
	    (placement.node >= t->nr_nodes || placement.peer >= t->nr_nodes))
		snprintf(err, err_len,
			 "placement=%s: expected %s from 0 to %u of %s", text,
			 placement.kind == PLACE_NODE ? "a node" : "nodes",
			 t->nr_nodes - 1u, what);
	else if (on_nodes && !on_node)
		snprintf(err, err_len,
			 "placement=%s: expected nodes with CPUs, node %u of "
			 "%s has none",
			 text, node, what);
	else if (on_nodes)
		snprintf(err, err_len,
			 "threads=%u: expected at most the %u CPU%s of node %u "
			 "of %s%s, or oversubscribe=1",
			 nr, on_node, on_node == 1 ? "" : "s", node, what,
			 placement.kind == PLACE_PAIRS &&
					 placement.node != placement.peer
				 ? " for one side of the pairs"
				 : "");
	else
		snprintf(err, err_len,
			 "threads=%u: expected at most the %u CPU%s of %s, or "
			 "oversubscribe=1",
			 nr, t->nr_cpus, t->nr_cpus == 1 ? "" : "s", what);
}

static void host_name(const struct place_request *rq, char *buf, size_t len)
{
	if (*rq->cpu_set)
		snprintf(buf, len, "cpus=%.64s", rq->cpu_set);
	else
		snprintf(buf, len, "this host");
}

/* The machine is this host: its CPUs of the same numbers. */
static int place_at_home(const struct place_request *rq, struct team_place *out,
			 char *err, size_t err_len)
{
	char what[96];

	if (pin_choose(rq->host, rq->placement, rq->nr, rq->share, out->cpu)) {
		host_name(rq, what, sizeof(what));
		pin_refusal(rq->host, rq->placement, rq->nr, what, err,
			    err_len);
		return -EINVAL;
	}
	for (unsigned i = 0; i < rq->nr; i++) {
		const unsigned os_cpu = rq->host->os_cpu[out->cpu[i]];
		unsigned at = 0;

		while (at < rq->model->nr_cpus &&
		       rq->model->os_cpu[at] != os_cpu)
			at++;
		if (at == rq->model->nr_cpus) {
			snprintf(err, err_len,
				 "CPU %u is not among the machine's", os_cpu);
			return -EINVAL;
		}
		out->model[i] = (uint16_t)at;
	}
	return 0;
}

/* The next of the host's CPUs that nobody has, of `node` or (NODE_EACH) of
 * any. */
static bool take_free(const struct topo *host, unsigned node,
		      bool taken[MAX_CPUS], uint16_t *cpu)
{
	struct candidate c[MAX_CPUS] = { 0 };
	unsigned nr = candidates(host, node, false, c);

	for (unsigned i = 0; i < nr; i++) {
		if (taken[c[i].cpu])
			continue;
		taken[c[i].cpu] = true;
		*cpu = c[i].cpu;
		return true;
	}
	return false;
}

/* Host CPUs for modelled ones that were chosen already. */
static void follow_model(const struct place_request *rq, struct team_place *out)
{
	const struct topo *host = rq->host;
	bool taken[MAX_CPUS] = { false }, placed[MAX_CPUS] = { false };

	for (unsigned i = 0; i < rq->nr; i++) {
		unsigned node = rq->model->node_of_cpu[out->model[i]];

		if (node < host->nr_nodes)
			placed[i] = take_free(host, node, taken, &out->cpu[i]);
	}
	for (unsigned i = 0; i < rq->nr; i++) {
		if (placed[i] ||
		    take_free(host, NODE_EACH, taken, &out->cpu[i]))
			continue;
		/* more threads than CPUs: another round */
		memset(taken, 0, sizeof(taken));
		(void)take_free(host, NODE_EACH, taken, &out->cpu[i]);
	}
}

/* CPUs of the model first, then of the host. */
static int place_elsewhere(const struct place_request *rq,
			   struct team_place *out, char *err, size_t err_len)
{
	const struct placement anywhere = { PLACE_COMPACT, 0, 0 };
	char what[96];

	if (rq->nr > rq->host->nr_cpus && !rq->share) {
		host_name(rq, what, sizeof(what));
		pin_refusal(rq->host, anywhere, rq->nr, what, err, err_len);
		return -EINVAL;
	}
	if (pin_choose(rq->model, rq->placement, rq->nr, rq->share,
		       out->model)) {
		pin_refusal(rq->model, rq->placement, rq->nr, "the machine",
			    err, err_len);
		return -EINVAL;
	}
	follow_model(rq, out);
	return 0;
}

/* Farthest node with memory but `node`; -1: there is none. */
static int farthest(const struct topo *t, unsigned node)
{
	int best = -1;

	for (unsigned step = 1; step < t->nr_nodes; step++) {
		unsigned n = (node + step) % t->nr_nodes;

		if (!t->node_bytes[n])
			continue;
		if (best < 0 || t->distance[node][n] > t->distance[node][best])
			best = (int)n;
	}
	return best;
}

/* Why a machine cannot honour a rule for a thread on `node`; NULL: it can. */
static const char *rule_refusal(const struct topo *model,
				const struct mem_rule *rule, unsigned node)
{
	switch (rule->kind) {
	case RULE_BIND:
		if (rule->node >= model->nr_nodes)
			return "a node that the machine has";
		if (!model->node_bytes[rule->node])
			return "a node with memory";
		return NULL;
	case RULE_REMOTE:
		if (farthest(model, node) < 0)
			return "a machine with memory on another node than "
			       "the thread's";
		return NULL;
	default:
		return NULL;
	}
}

/* The policy of each thread, whose modelled CPU is chosen. */
static int place_memory(const struct place_request *rq, struct team_place *out,
			char *err, size_t err_len)
{
	static const enum mem_mode modes[] = {
		[RULE_LOCAL] = MEM_LOCAL,
		[RULE_BIND] = MEM_BIND,
		[RULE_INTERLEAVE] = MEM_INTERLEAVE,
		[RULE_REMOTE] = MEM_PREFER,
	};

	for (unsigned i = 0; i < rq->nr; i++) {
		const struct mem_rule *rule =
			&rq->rules->rule[i % rq->rules->nr];
		unsigned node = rq->model->node_of_cpu[out->model[i]];
		const char *why = rule_refusal(rq->model, rule, node);
		char text[160];

		if (why) {
			mem_rules_format(rq->rules, text, sizeof(text));
			snprintf(err, err_len,
				 "mem_policy=%s: expected %s; the machine has "
				 "nodes 0 to %u",
				 text, why, rq->model->nr_nodes - 1u);
			return -EINVAL;
		}
		out->policy[i] =
			(struct mem_policy){ modes[rule->kind], rule->node };
		if (rule->kind == RULE_REMOTE)
			out->policy[i].node =
				(uint16_t)farthest(rq->model, node);
	}
	return 0;
}

int place_team(const struct place_request *rq, struct team_place *out,
	       char *err, size_t err_len)
{
	int r;

	if (rq->placement.kind == PLACE_PAIRS && rq->nr % 2) {
		snprintf(err, err_len,
			 "threads=%u: expected an even number of threads for "
			 "placement=pairs",
			 rq->nr);
		return -EINVAL;
	}
	r = rq->model->synthetic ? place_elsewhere(rq, out, err, err_len)
				 : place_at_home(rq, out, err, err_len);
	return r ? r : place_memory(rq, out, err, err_len);
}

bool place_shares_core(const struct topo *host, const uint16_t *cpu,
		       unsigned nr, unsigned i)
{
	for (unsigned k = 0; k < nr; k++)
		if (k != i &&
		    host->core_of_cpu[cpu[k]] == host->core_of_cpu[cpu[i]])
			return true;
	return false;
}

int pin_self(unsigned os_cpu, char *err, size_t err_len)
{
	cpu_set_t set;
	int at;

	CPU_ZERO(&set);
	CPU_SET(os_cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set)) {
		int r = -errno;

		snprintf(err, err_len, "cannot pin to CPU %u: %s", os_cpu,
			 strerror(-r));
		return r;
	}
	at = sched_getcpu();
	if (at != (int)os_cpu || !pin_holds(0, os_cpu)) {
		snprintf(err, err_len, "pinned to CPU %u but running on %d",
			 os_cpu, at);
		return -EIO;
	}
	return 0;
}

bool pin_holds(int tid, unsigned os_cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	return !sched_getaffinity(tid, sizeof(set), &set) &&
	       CPU_COUNT(&set) == 1 && CPU_ISSET(os_cpu, &set);
}

int pin_avoid(const struct topo *t, const uint16_t *used, unsigned nr)
{
	cpu_set_t all, left;

	CPU_ZERO(&all);
	for (unsigned i = 0; i < t->nr_cpus; i++)
		CPU_SET(t->os_cpu[i], &all);
	left = all;
	for (unsigned i = 0; i < nr; i++)
		CPU_CLR(t->os_cpu[used[i]], &left);
	if (!CPU_COUNT(&left))
		left = all;
	return sched_setaffinity(0, sizeof(left), &left) ? -errno : 0;
}
