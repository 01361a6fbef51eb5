/* Text of placements and memory rules. See placement.h. */
#include "harness/placement.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness/textfile.h"

/* A node's number or '*'. */
static bool take_node(const char **s, uint16_t *node)
{
	uint64_t v;

	if (text_take(s, "*")) {
		*node = NODE_EACH;
		return true;
	}
	if (!text_take_uint(s, MAX_NODES - 1, &v))
		return false;
	*node = (uint16_t)v;
	return true;
}

static const char *node_text(uint16_t node, char buf[8])
{
	if (node == NODE_EACH)
		return "*";
	snprintf(buf, 8, "%u", node);
	return buf;
}

int placement_parse(const char *text, struct placement *out)
{
	struct placement p = { PLACE_COMPACT, 0, 0 };
	const char *s = text;

	if (!strcmp(s, "compact")) {
		*out = p;
		return 0;
	}
	if (!strcmp(s, "scatter")) {
		p.kind = PLACE_SCATTER;
	} else if (!strcmp(s, "pairs")) {
		p = (struct placement){ PLACE_PAIRS, NODE_EACH, NODE_EACH };
	} else if (text_take(&s, "node:")) {
		p.kind = PLACE_NODE;
		if (!take_node(&s, &p.node) || *s)
			return -EINVAL;
	} else if (text_take(&s, "pairs:")) {
		p.kind = PLACE_PAIRS;
		if (!take_node(&s, &p.node) || !text_take(&s, "-") ||
		    !take_node(&s, &p.peer) || *s)
			return -EINVAL;
	} else {
		return -EINVAL;
	}
	*out = p;
	return 0;
}

void placement_format(const struct placement *p, char *buf, size_t len)
{
	char a[8], b[8];

	switch (p->kind) {
	case PLACE_COMPACT:
		snprintf(buf, len, "compact");
		break;
	case PLACE_SCATTER:
		snprintf(buf, len, "scatter");
		break;
	case PLACE_NODE:
		snprintf(buf, len, "node:%s", node_text(p->node, a));
		break;
	case PLACE_PAIRS:
		snprintf(buf, len, "pairs:%s-%s", node_text(p->node, a),
			 node_text(p->peer, b));
		break;
	}
}

bool placement_is_open(const struct placement *p)
{
	return p->node == NODE_EACH || p->peer == NODE_EACH;
}

static bool node_covers(uint16_t open, uint16_t node)
{
	return open == NODE_EACH || open == node;
}

bool placement_covers(const struct placement *open, const struct placement *p)
{
	return open->kind == p->kind && node_covers(open->node, p->node) &&
	       node_covers(open->peer, p->peer);
}

static bool take_rule(const char **s, struct mem_rule *rule)
{
	*rule = (struct mem_rule){ RULE_LOCAL, 0 };
	if (text_take(s, "local"))
		return true;
	if (text_take(s, "interleave"))
		rule->kind = RULE_INTERLEAVE;
	else if (text_take(s, "remote"))
		rule->kind = RULE_REMOTE;
	else if (text_take(s, "bind:"))
		rule->kind = RULE_BIND;
	else
		return false;
	return rule->kind != RULE_BIND || take_node(s, &rule->node);
}

int mem_rules_parse(const char *text, struct mem_rules *out)
{
	struct mem_rules r = { .nr = 0 };
	const char *s = text;

	do
		if (r.nr == MEM_RULES_MAX || !take_rule(&s, &r.rule[r.nr++]))
			return -EINVAL;
	while (text_take(&s, "/"));
	if (*s)
		return -EINVAL;
	*out = r;
	return 0;
}

void mem_rules_format(const struct mem_rules *r, char *buf, size_t len)
{
	static const char *const names[] = {
		[RULE_LOCAL] = "local",
		[RULE_BIND] = "bind:",
		[RULE_INTERLEAVE] = "interleave",
		[RULE_REMOTE] = "remote",
	};
	size_t n = 0;

	for (unsigned i = 0; i < r->nr && n < len; i++) {
		const struct mem_rule *rule = &r->rule[i];
		char node[8];

		n += (size_t)snprintf(buf + n, len - n, "%s%s%s", i ? "/" : "",
				      names[rule->kind],
				      rule->kind == RULE_BIND
					      ? node_text(rule->node, node)
					      : "");
	}
}

bool mem_rules_are_open(const struct mem_rules *r)
{
	for (unsigned i = 0; i < r->nr; i++)
		if (r->rule[i].node == NODE_EACH)
			return true;
	return false;
}

bool mem_rules_cover(const struct mem_rules *open, const struct mem_rules *r)
{
	bool same = open->nr == r->nr;

	for (unsigned i = 0; i < r->nr && same; i++)
		same = open->rule[i].kind == r->rule[i].kind &&
		       node_covers(open->rule[i].node, r->rule[i].node);
	return same;
}
