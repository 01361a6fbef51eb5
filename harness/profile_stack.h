/*
 * Call stacks of a profile as a tree, read from the text of `perf script`.
 *
 * The tree is a trie from the root "all" over the thread's name to the
 * function that ran. A node's samples are those of its own and of what it
 * called: total == self + sum of the children's totals.
 */
#ifndef HARNESS_PROFILE_STACK_H
#define HARNESS_PROFILE_STACK_H

#include <stdio.h>

#include "alloc/base/base.h"

#define STACK_FRAMES_MAX                                     \
	256 /* of one sample; deeper ones lose the outermost \
	     */
#define STACK_NODES_MAX (1u << 18)
#define STACK_NAME_MAX  128 /* its terminator included */
#define STACK_LINE_MAX  4096
#define STACK_ROOT      0u
#define STACK_NONE      UINT32_MAX

/* What a frame belongs to. */
enum frame_kind {
	FRAME_GROUP, /* the root and threads */
	FRAME_PROGRAM,
	FRAME_LIBRARY,
	FRAME_KERNEL,
	FRAME_UNKNOWN,
	NR_FRAME_KINDS
};

struct stack_node {
	uint32_t parent, child, next; /* STACK_NONE: none; siblings by name */
	uint32_t name;                /* offset in text */
	uint64_t total, self;         /* samples */
	uint64_t before;              /* samples left of it in a flame graph */
	uint16_t depth;               /* root 0 */
	uint8_t kind;                 /* enum frame_kind */
};

struct stack_tree {
	struct stack_node *node;
	char *text;
	uint32_t nr, cap;
	uint32_t text_len, text_cap;
	uint32_t depth;  /* of the deepest node */
	uint64_t nr_cut; /* samples that lost frames to STACK_FRAMES_MAX */
};

/*
 * Reads what `perf script -F comm,tid,ip,sym,dso` prints. `file` stands in
 * messages; program is the path whose frames are FRAME_PROGRAM. Inlined
 * frames, which perf names without a file, belong to what they are inlined in.
 * 0, -ENOMEM, or -EINVAL with "FILE:LINE: ..." in err. The caller drops *out in
 * either case. Safe on any bytes.
 */
int stack_tree_read(struct stack_tree *out, FILE *in, const char *file,
		    const char *program, char *err, size_t err_len) MUST_CHECK;
void stack_tree_drop(struct stack_tree *t);

static inline const char *stack_name(const struct stack_tree *t, uint32_t node)
{
	return t->text + t->node[node].name;
}

/* Depth first, siblings by name; STACK_NONE behind the last. */
uint32_t stack_following(const struct stack_tree *t, uint32_t node);

/* "a;b;c 12" for each node that has samples of its own. */
void stack_write_folded(FILE *out, const struct stack_tree *t);

/* Samples of the nodes' own by function, most first. */
struct stack_sum {
	const char *name; /* in the tree's text */
	enum frame_kind kind;
	uint64_t self;
};

/* A new array in *out, to be freed. 0 or -ENOMEM. */
int stack_sum_self(const struct stack_tree *t, struct stack_sum **out,
		   uint32_t *nr) MUST_CHECK;

#endif
