/*
 * Placement as people write it: where threads run (placement=), which node
 * their memory comes from (mem_policy=), and which of the host's CPUs may be
 * used (cpus=, as a set). Plain data and its text; pin.h gives it a meaning on
 * a machine.
 */
#ifndef HARNESS_PLACEMENT_H
#define HARNESS_PLACEMENT_H

#include "alloc/base/base.h"

#define NODE_EACH UINT16_MAX /* '*': the planner makes a cell for each node */

enum placement_kind { PLACE_COMPACT, PLACE_SCATTER, PLACE_NODE, PLACE_PAIRS };

struct placement {
	enum placement_kind kind;
	uint16_t node; /* PLACE_NODE; PLACE_PAIRS: of threads 0, 2, ... */
	uint16_t peer; /* PLACE_PAIRS: of threads 1, 3, ... */
};

enum mem_rule_kind { RULE_LOCAL, RULE_BIND, RULE_INTERLEAVE, RULE_REMOTE };

struct mem_rule {
	enum mem_rule_kind kind;
	uint16_t node; /* RULE_BIND */
};

#define MEM_RULES_MAX 16

/* Thread i has rule i modulo nr. */
struct mem_rules {
	struct mem_rule rule[MEM_RULES_MAX];
	uint16_t nr; /* at least 1 */
};

/*
 * "compact", "scatter", "node:N", "pairs:A-B"; '*' for a node means each, and
 * "pairs" alone "pairs:*-*". 0 or -EINVAL.
 */
int placement_parse(const char *text, struct placement *out) MUST_CHECK;
void placement_format(const struct placement *p, char *buf, size_t len);
/* Whether the planner must still choose nodes. */
bool placement_is_open(const struct placement *p);
/* Whether p is one of those that `open` stands for, or the same. */
bool placement_covers(const struct placement *open, const struct placement *p);

/* "local", "bind:N", "interleave", "remote", one for each thread by '/';
 * "bind:*" means each node with memory. 0 or -EINVAL. */
int mem_rules_parse(const char *text, struct mem_rules *out) MUST_CHECK;
void mem_rules_format(const struct mem_rules *r, char *buf, size_t len);
bool mem_rules_are_open(const struct mem_rules *r);
bool mem_rules_cover(const struct mem_rules *open, const struct mem_rules *r);

#endif
