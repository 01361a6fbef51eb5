/*
 * Any bytes as the text of `perf script`: read to a tree whose sums agree, and
 * from which a picture can be drawn, or refused with one line.
 */
#include "harness/profile_flame.h"
#include "harness/profile_perf.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_tree(const struct stack_tree *t)
{
	uint64_t self = 0;

	for (uint32_t i = 0; i < t->nr; i++) {
		uint64_t sum = t->node[i].self, before = t->node[i].before;

		for (uint32_t c = t->node[i].child; c != STACK_NONE;
		     c = t->node[c].next) {
			if (t->node[c].parent != i ||
			    t->node[c].before != before)
				abort();
			before += t->node[c].total;
			sum += t->node[c].total;
		}
		if (sum != t->node[i].total ||
		    strpbrk(stack_name(t, i), ";\n") ||
		    t->node[i].depth > STACK_FRAMES_MAX + 1)
			abort();
		self += t->node[i].self;
	}
	if (self != t->node[STACK_ROOT].total)
		abort();
}

static void check_text(const uint8_t *data, size_t size)
{
	struct perf_recorded recorded;
	char *line = malloc(size + 1);

	if (!line)
		return;
	memcpy(line, data, size);
	line[size] = 0;
	if (!perf_parse_evlist(line, &recorded) && !*recorded.event)
		abort();
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct flame_text text = { "fuzz", { NULL, NULL } };
	char err[512] = "", *drawn = NULL;
	size_t len;
	struct stack_tree t;
	FILE *in, *out;

	check_text(data, size);
	in = size ? fmemopen((void *)data, size, "r") : NULL;
	if (!in)
		return 0;
	if (stack_tree_read(&t, in, "fuzz", "/opt/zb/zonebench", err,
			    sizeof(err))) {
		if (!*err || strchr(err, '\n'))
			abort();
	} else {
		check_tree(&t);
		out = open_memstream(&drawn, &len);
		if (!out)
			abort();
		stack_write_folded(out, &t);
		flame_write(out, &t, &text);
		fclose(out);
		free(drawn);
	}
	stack_tree_drop(&t);
	fclose(in);
	return 0;
}
