/*
 * Reading `perf script` and folding its stacks. See profile_stack.h.
 *
 * A sample is a line that begins in the first column or with a blank and names
 * the thread; then one line a frame, innermost first, behind a tab:
 *
 *	worker 1234
 *		    7dbce buddy_merge (inlined)
 *		    36954 worker_main (/usr/bin/zonebench)
 *
 * and an empty line. Names come from files that anybody may have made: they
 * are cut to STACK_NAME_MAX and to printable ASCII, without the ';' that
 * separates frames.
 */
#include "harness/profile_stack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/kv.h"

struct frame {
	char name[STACK_NAME_MAX];
	uint8_t kind;
	bool inlined;
};

struct reader {
	FILE *in;
	struct where where;
	char *err;
	size_t err_len;
	const char *program;
	struct stack_tree *tree;
	struct frame *frame; /* [STACK_FRAMES_MAX], innermost first */
	unsigned nr_frames;
	bool in_sample, cut;
	char thread[STACK_NAME_MAX];
	char line[STACK_LINE_MAX];
};

static int no_memory(struct reader *r)
{
	snprintf(r->err, r->err_len, "%.200s: no memory for its stacks",
		 r->where.file);
	return -ENOMEM;
}

static uint32_t node_new(struct stack_tree *t, const char *name)
{
	const uint32_t len = (uint32_t)strlen(name) + 1;

	if (t->nr == t->cap) {
		const uint32_t cap = t->cap ? 2 * t->cap : 256;
		struct stack_node *node =
			cap > STACK_NODES_MAX
				? NULL
				: realloc(t->node, cap * sizeof(*node));

		if (!node)
			return STACK_NONE;
		t->node = node;
		t->cap = cap;
	}
	if (t->text_cap - t->text_len < len) {
		const uint32_t cap = 2 * t->text_cap + STACK_NAME_MAX;
		char *text = realloc(t->text, cap);

		if (!text)
			return STACK_NONE;
		t->text = text;
		t->text_cap = cap;
	}
	memcpy(t->text + t->text_len, name, len);
	t->node[t->nr] = (struct stack_node){
		.parent = STACK_NONE,
		.child = STACK_NONE,
		.next = STACK_NONE,
		.name = t->text_len,
	};
	t->text_len += len;
	return t->nr++;
}

/* The child of that name and kind, made if it is not there. It moves to the
 * front: the next sample is likely to go the same way. */
static uint32_t node_child(struct stack_tree *t, uint32_t parent,
			   const char *name, enum frame_kind kind)
{
	uint32_t last = STACK_NONE, at = t->node[parent].child;

	while (at != STACK_NONE && (t->node[at].kind != kind ||
				    strcmp(stack_name(t, at), name) != 0)) {
		last = at;
		at = t->node[at].next;
	}
	if (at == STACK_NONE) {
		at = node_new(t, name);
		if (at == STACK_NONE)
			return at;
		t->node[at].parent = parent;
		t->node[at].kind = (uint8_t)kind;
		t->node[at].depth = (uint16_t)(t->node[parent].depth + 1);
		if (t->node[at].depth > t->depth)
			t->depth = t->node[at].depth;
	} else if (last != STACK_NONE) {
		t->node[last].next = t->node[at].next;
	} else {
		return at;
	}
	t->node[at].next = t->node[parent].child;
	t->node[parent].child = at;
	return at;
}

/* The sample that was read goes into the tree. */
static int commit(struct reader *r)
{
	struct stack_tree *t = r->tree;
	uint8_t kind = FRAME_UNKNOWN;
	uint32_t at;

	if (!r->in_sample)
		return 0;
	r->in_sample = false;
	at = node_child(t, STACK_ROOT, r->thread, FRAME_GROUP);
	if (at == STACK_NONE)
		return no_memory(r);
	t->node[STACK_ROOT].total++;
	t->node[at].total++;
	for (unsigned i = r->nr_frames; i--;) {
		if (!r->frame[i].inlined)
			kind = r->frame[i].kind;
		at = node_child(t, at, r->frame[i].name, (enum frame_kind)kind);
		if (at == STACK_NONE)
			return no_memory(r);
		t->node[at].total++;
	}
	t->node[at].self++;
	t->nr_cut += r->cut;
	return 0;
}

/* A name that cannot break a line of folded stacks. */
static void take_name(char out[STACK_NAME_MAX], const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < STACK_NAME_MAX; i++) {
		char c = s[i] >= ' ' && s[i] <= '~' ? s[i] : '?';

		out[n++] = c == ';' ? ':' : c;
	}
	while (n && out[n - 1] == ' ')
		n--;
	if (!n)
		out[n++] = '?';
	out[n] = 0;
}

static enum frame_kind kind_of(const struct reader *r, const char *file,
			       size_t len)
{
	if (len == strlen(r->program) && !memcmp(file, r->program, len))
		return FRAME_PROGRAM;
	if (len && *file == '/')
		return FRAME_LIBRARY;
	if (len >= 7 && !memcmp(file, "[kernel", 7))
		return FRAME_KERNEL;
	if (len == 6 && !memcmp(file, "[vdso]", 6))
		return FRAME_LIBRARY;
	/* a module of the kernel: [name] */
	if (len > 2 && *file == '[' &&
	    (len != 9 || memcmp(file, "[unknown]", 9) != 0))
		return FRAME_KERNEL;
	return FRAME_UNKNOWN;
}

static int malformed(struct reader *r, const char *expected)
{
	return fail_at(&r->where, r->err, r->err_len, "expected %s", expected);
}

/* "COMM TID": the name may hold blanks. */
static int read_thread(struct reader *r, size_t len)
{
	const char *begin = r->line + strspn(r->line, " ");
	const char *end = r->line + len;

	while (end > begin && end[-1] == ' ')
		end--;
	if (end == begin || end[-1] < '0' || end[-1] > '9')
		return malformed(r, "a thread's name and number");
	while (end > begin && end[-1] >= '0' && end[-1] <= '9')
		end--;
	if (end == begin || end[-1] != ' ')
		return malformed(r, "a thread's name and number");
	take_name(r->thread, begin, (size_t)(end - begin));
	r->in_sample = true;
	r->cut = false;
	r->nr_frames = 0;
	return 0;
}

/* Where perf found nothing to unwind it leaves this address as last frame. */
static bool is_end_mark(const char *digits, size_t n)
{
	return n == 16 && strspn(digits, "f") >= 16;
}

/* Behind the '(' that the ')' before `end` closes and a blank precedes; NULL:
 * no such. */
static const char *last_parenthesis(const char *begin, const char *end)
{
	unsigned open = 0;

	if (end == begin || end[-1] != ')')
		return NULL;
	for (const char *p = end; p > begin; p--) {
		open += p[-1] == ')';
		if (p[-1] == '(' && !--open)
			return p - 1 == begin || p[-2] == ' ' ? p : NULL;
	}
	return NULL;
}

/* " ADDRESS NAME (FILE)"; both may hold blanks and parentheses. */
static int read_frame(struct reader *r, size_t len)
{
	const char *s = r->line + strspn(r->line, " \t"), *open;
	const char *end = r->line + len;
	const size_t digits = strspn(s, "0123456789abcdef");
	struct frame *f;

	if (!r->in_sample)
		return malformed(r, "a thread before its frames");
	if (!digits || digits > 16 || (s[digits] && s[digits] != ' '))
		return malformed(r, "a frame: an address in hexadecimal");
	if (is_end_mark(s, digits))
		return 0;
	if (r->nr_frames == STACK_FRAMES_MAX) {
		r->cut = true;
		return 0;
	}
	s += digits;
	s += *s == ' ';
	while (end > s && end[-1] == ' ')
		end--;
	open = last_parenthesis(s, end);
	f = &r->frame[r->nr_frames++];
	f->kind = FRAME_UNKNOWN;
	f->inlined = false;
	if (!open) {
		take_name(f->name, s, (size_t)(end - s));
		return 0;
	}
	take_name(f->name, s, (size_t)(open - 1 - s));
	len = (size_t)(end - 1 - open);
	f->inlined = len == 7 && !memcmp(open, "inlined", 7);
	f->kind = (uint8_t)kind_of(r, open, len);
	return 0;
}

/* 1: a line without its newline, its length in *len; 0: the end. */
static int next_line(struct reader *r, size_t *len)
{
	size_t n = 0;
	int c = EOF;

	r->where.line++;
	while (n < sizeof(r->line) && (c = getc_unlocked(r->in)) != EOF &&
	       c != '\n') {
		if (!c)
			return malformed(r, "text, not a NUL byte");
		r->line[n++] = (char)c;
	}
	if (n == sizeof(r->line))
		return malformed(r, "a line of at most 4095 bytes");
	if (c == EOF && ferror(r->in)) {
		snprintf(r->err, r->err_len, "%.200s: cannot be read",
			 r->where.file);
		return -EIO;
	}
	r->line[n] = 0;
	*len = n;
	return n || c != EOF;
}

static int read_samples(struct reader *r)
{
	size_t len = 0;
	int rc;

	while ((rc = next_line(r, &len)) == 1) {
		if (r->line[0] == '\t')
			rc = read_frame(r, len);
		else
			rc = commit(r);
		if (!rc && len && r->line[0] != '\t')
			rc = read_thread(r, len);
		if (rc)
			return rc;
	}
	return rc ? rc : commit(r);
}

static int by_name(const void *a, const void *b, void *tree)
{
	const struct stack_tree *t = tree;
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int r = strcmp(stack_name(t, x), stack_name(t, y));

	return r ? r : (int)t->node[x].kind - (int)t->node[y].kind;
}

/* Children by name, and where each begins. Parents stand before children. */
static int put_in_order(struct stack_tree *t)
{
	uint32_t *child = malloc(t->nr * sizeof(*child));

	if (!child)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->nr; i++) {
		uint64_t before = t->node[i].before;
		uint32_t n = 0;

		for (uint32_t c = t->node[i].child; c != STACK_NONE;
		     c = t->node[c].next)
			child[n++] = c;
		if (!n)
			continue;
		qsort_r(child, n, sizeof(*child), by_name, t);
		t->node[i].child = child[0];
		for (uint32_t k = 0; k < n; k++) {
			struct stack_node *c = &t->node[child[k]];

			c->next = k + 1 < n ? child[k + 1] : STACK_NONE;
			c->before = before;
			before += c->total;
		}
	}
	free(child);
	return 0;
}

int stack_tree_read(struct stack_tree *out, FILE *in, const char *file,
		    const char *program, char *err, size_t err_len)
{
	struct reader *r = calloc(1, sizeof(*r));
	int rc = 0;

	memset(out, 0, sizeof(*out));
	if (r)
		r->frame = calloc(STACK_FRAMES_MAX, sizeof(*r->frame));
	if (!r || !r->frame || node_new(out, "all") != STACK_ROOT) {
		snprintf(err, err_len, "out of memory");
		rc = -ENOMEM;
	} else {
		r->in = in;
		r->where.file = file;
		r->err = err;
		r->err_len = err_len;
		r->program = program;
		r->tree = out;
		rc = read_samples(r);
		if (!rc && put_in_order(out))
			rc = no_memory(r);
	}
	if (r)
		free(r->frame);
	free(r);
	return rc;
}

void stack_tree_drop(struct stack_tree *t)
{
	free(t->node);
	free(t->text);
	memset(t, 0, sizeof(*t));
}

uint32_t stack_following(const struct stack_tree *t, uint32_t node)
{
	if (t->node[node].child != STACK_NONE)
		return t->node[node].child;
	while (node != STACK_NONE && t->node[node].next == STACK_NONE)
		node = t->node[node].parent;
	return node == STACK_NONE ? node : t->node[node].next;
}

void stack_write_folded(FILE *out, const struct stack_tree *t)
{
	uint32_t path[STACK_FRAMES_MAX + 2];

	for (uint32_t i = STACK_ROOT; i != STACK_NONE;
	     i = stack_following(t, i)) {
		unsigned n = 0;

		if (!t->node[i].self)
			continue;
		for (uint32_t p = i; p != STACK_ROOT; p = t->node[p].parent)
			path[n++] = p;
		while (n--)
			fprintf(out, "%s%s", stack_name(t, path[n]),
				n ? ";" : "");
		fprintf(out, " %llu\n", (unsigned long long)t->node[i].self);
	}
}

static int sum_by_name(const void *a, const void *b)
{
	const struct stack_sum *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r ? r : (int)x->kind - (int)y->kind;
}

static int sum_by_self(const void *a, const void *b)
{
	const struct stack_sum *x = a, *y = b;

	if (x->self != y->self)
		return x->self < y->self ? 1 : -1;
	return sum_by_name(a, b);
}

int stack_sum_self(const struct stack_tree *t, struct stack_sum **out,
		   uint32_t *nr)
{
	struct stack_sum *s = malloc(t->nr * sizeof(*s));
	uint32_t n = 0, k = 0;

	if (!s)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->nr; i++)
		if (t->node[i].self)
			s[n++] = (struct stack_sum){
				stack_name(t, i),
				(enum frame_kind)t->node[i].kind,
				t->node[i].self,
			};
	qsort(s, n, sizeof(*s), sum_by_name);
	for (uint32_t i = 0; i < n; i++) {
		if (k && !sum_by_name(&s[k - 1], &s[i]))
			s[k - 1].self += s[i].self;
		else
			s[k++] = s[i];
	}
	qsort(s, k, sizeof(*s), sum_by_self);
	*out = s;
	*nr = k;
	return 0;
}
