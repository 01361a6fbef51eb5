/*
 * Parser of job files and KEY=VALUE arguments. See job.h.
 *
 * libinih splits sections, keys and values, but cuts a line at its buffer,
 * does not say which line it is at, and takes things that we refuse. So its
 * lines come from job_reader(), which counts them, refuses what is malformed
 * before inih sees it, and tells the handler where it is. A failure is kept
 * in the reader, which then reports the end of the file.
 */
#include "harness/job.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/bind.h"

#define WHY_MAX 512

struct reader {
	const char *text;
	size_t len, pos;
	struct job *job;
	struct where where;
	struct kv_list
		*list; /* of the current section, NULL before the first */
	struct kv_list node_keys; /* of the current [node]: finds doubles */
	unsigned place;           /* AT_* of the current section */
	bool continues; /* the line handed out last continues a value */
	/* the value being collected */
	char key[JOB_LINE_MAX + 1];
	char value[JOB_VALUE_MAX];
	int key_line; /* 0: none */
	int result;   /* 0 or the first error */
	char *err;
	size_t err_len;
};

static int no_memory(char *err, size_t err_len)
{
	snprintf(err, err_len, "out of memory");
	return -ENOMEM;
}

int job_init(struct job *job, char *err, size_t err_len)
{
	memset(job, 0, sizeof(*job));
	strcpy(job->file, "command line");
	job->base = malloc(sizeof(*job->base));
	if (!job->base)
		return no_memory(err, err_len);
	job_params_init(job->base);
	return 0;
}

static void kv_list_free(struct kv_list *list)
{
	for (unsigned i = 0; i < list->nr; i++)
		free(list->item[i].text);
	free(list->item);
}

void job_free(struct job *job)
{
	kv_list_free(&job->global);
	kv_list_free(&job->matrix);
	kv_list_free(&job->cli);
	for (unsigned i = 0; i < job->nr_sections; i++)
		kv_list_free(&job->section[i].kv);
	for (unsigned i = 0; i < job->nr_excludes; i++)
		kv_list_free(&job->exclude[i].match);
	free(job->section);
	free(job->exclude);
	free(job->base);
	free(job->text);
	memset(job, 0, sizeof(*job));
}

const struct kv *kv_find(const struct kv_list *list, const struct option *o)
{
	for (unsigned i = 0; i < list->nr; i++)
		if (list->item[i].option == o)
			return &list->item[i];
	return NULL;
}

static int kv_add(struct kv_list *list, const struct option *o,
		  const char *text, int line)
{
	struct kv *item = reallocarray(list->item, list->nr + 1, sizeof(*item));

	if (!item)
		return -ENOMEM;
	list->item = item;
	item[list->nr] = (struct kv){ o, strdup(text), line };
	if (!item[list->nr].text)
		return -ENOMEM;
	list->nr++;
	return 0;
}

/* What a name of engines or workloads may be; how many. */
static unsigned known_names(const char *key, const char **names, unsigned max)
{
	const struct page_binding *p = page_binding_first();
	const struct slab_binding *s = slab_binding_first();
	const bool workloads = !strcmp(key, "workload");
	unsigned nr = 0;

	for (unsigned i = 0; workloads && p && i < p->nr_runs && nr < max; i++)
		names[nr++] = p->run[i].workload->name;
	for (unsigned i = 0; workloads && s && i < s->nr_runs && nr < max; i++)
		names[nr++] = s->run[i].workload->name;
	for (; !workloads && p && nr < max; p = p->next)
		names[nr++] = p->ops->name;
	for (; !strcmp(key, "engine") && s && nr < max; s = s->next)
		names[nr++] = s->ops->name;
	return nr;
}

/* Engines and workloads are known by their bindings. */
static int check_name(const struct option *o, const char *value, char *why,
		      size_t why_len)
{
	const bool pages = !strcmp(o->name, "pages");
	const char *names[256], *near;
	unsigned nr;

	if (!pages && strcmp(o->name, "engine") && strcmp(o->name, "workload"))
		return 0;
	nr = known_names(o->name, names, ARRAY_SIZE(names));
	for (unsigned i = 0; i < nr; i++)
		if (!strcmp(names[i], value))
			return 0;
	near = nearest_name(value, names, nr);
	snprintf(why, why_len, "expected one of `zonebench list %ss`%s%s%s",
		 pages ? "engine" : o->name, near ? "; did you mean '" : "",
		 near ? near : "", near ? "'?" : "");
	return -EINVAL;
}

static int check_one(const struct option *o, const char *value,
		     struct job_params *scratch, char *why, size_t why_len)
{
	int r = option_set(o, value, scratch, why, why_len);

	return r ? r : check_name(o, value, why, why_len);
}

/* Each element of a list must be valid and stand there once. */
static int check_list(const struct option *o, const char *text,
		      struct job_params *scratch, char *why, size_t why_len)
{
	char seen[JOB_LIST_MAX][96], element[JOB_VALUE_MAX];
	const char *rest = text;
	unsigned nr = 0, sets = 0;

	while (rest) {
		int r = list_next(&rest, element, sizeof(element));

		if (r || !*element) {
			snprintf(why, why_len,
				 "expected values between commas,"
				 " quotes closed");
			return -EINVAL;
		}
		if (nr == JOB_LIST_MAX) {
			snprintf(why, why_len, "expected at most %d values",
				 JOB_LIST_MAX);
			return -EINVAL;
		}
		r = check_one(o, element, scratch, why, why_len);
		if (r)
			return r;
		sets += o->type == OPT_CPUS && *scratch->cpu_set;
		option_format(o, scratch, seen[nr], sizeof(seen[nr]));
		for (unsigned i = 0; i < nr; i++) {
			if (strcmp(seen[i], seen[nr]) ||
			    strlen(seen[i]) + 1 == sizeof(seen[i]))
				continue;
			snprintf(why, why_len, "expected each value once");
			return -EINVAL;
		}
		nr++;
	}
	if (!sets || sets == nr)
		return 0;
	snprintf(why, why_len,
		 "expected numbers of modelled CPUs, or sets of "
		 "this host's CPUs, whose parts are joined by '+' "
		 "(0-3+8)");
	return -EINVAL;
}

/* Where a pair was found and what it is added to. */
struct place {
	struct job *job;
	struct kv_list *list;
	unsigned at; /* one AT_* bit */
	struct where where;
};

static const char *place_name(unsigned at)
{
	switch (at) {
	case AT_MATRIX:
		return "in [matrix], an axis";
	case AT_NODE:
		return "in [node]";
	case AT_GLOBAL:
		return "in [global]";
	case AT_CLI:
		return "on the command line";
	case AT_TOOLS:
		return "here: one of the machine";
	case AT_CACHES:
		return "here: one of the machine or of a cache";
	default:
		return "in a workload's section";
	}
}

static int unknown_key(const struct place *place, const char *key,
		       const char *value, char *err, size_t err_len)
{
	const char *near = option_nearest(key, place->at);
	char k[64], v[64];

	printable(key, k, sizeof(k));
	printable(value, v, sizeof(v));
	if (option_find(key, ~0u))
		return fail_at(&place->where, err, err_len,
			       "%s=%s: expected a key that may stand %s", k, v,
			       place_name(place->at));
	if (near)
		return fail_at(&place->where, err, err_len,
			       "%s=%s: expected a known key; did you mean "
			       "'%s'?",
			       k, v, near);
	return fail_at(&place->where, err, err_len,
		       "%s=%s: expected a known key, see `zonebench list "
		       "options`",
		       k, v);
}

static int check_value(struct job *job, const struct option *o,
		       const char *value, bool lists, char why[WHY_MAX])
{
	if (!*value) {
		snprintf(why, WHY_MAX, "expected a value");
		return -EINVAL;
	}
	if (lists && option_is_axis(o))
		return check_list(o, value, job->base, why, WHY_MAX);
	if (check_one(o, value, job->base, why, WHY_MAX))
		return -EINVAL;
	/* without lists: a command that only needs a machine */
	if (o->type != OPT_CPUS || lists || !*job->base->cpu_set)
		return 0;
	snprintf(why, WHY_MAX,
		 "expected a number of modelled CPUs: a set says where threads "
		 "run, and none do here");
	return -EINVAL;
}

static int add_rule(const struct place *place, const char *text, char *err,
		    size_t err_len);

/* So that what is wrong with an extent is reported at its own line. */
static void note_node_line(struct job *job, const struct option *o, int line)
{
	struct machine_params *m = &job->base->machine;
	struct node_section *node = &m->node[m->nr_node_sections - 1];

	if (o->offset < offsetof(struct node_section, zone))
		node->cpus_line = line;
	else
		node->zone_line[(o->offset -
				 offsetof(struct node_section, zone)) /
				sizeof(node->zone[0])] = line;
}

static int add_pair(const struct place *place, const char *key,
		    const char *value, char *err, size_t err_len)
{
	const struct option *o = option_find(key, place->at);
	const struct where *where = &place->where;
	const struct kv *first;
	char why[WHY_MAX], k[64], v[64];

	if (!o)
		return unknown_key(place, key, value, err, err_len);
	if (o->type == OPT_RULE)
		return add_rule(place, value, err, err_len);
	printable(key, k, sizeof(k));
	printable(value, v, sizeof(v));
	first = kv_find(place->list, o);
	if (first && first->line)
		return fail_at(where, err, err_len,
			       "%s=%s: expected each key once, first at line "
			       "%d",
			       k, v, first->line);
	if (first)
		return fail_at(where, err, err_len,
			       "%s=%s: expected each key once", k, v);
	if (check_value(place->job, o, value,
			!(place->at & (AT_TOOLS | AT_CACHES)), why) ||
	    (place->at == AT_NODE &&
	     node_value_check(!strcmp(key, "cpus"), value, why, WHY_MAX)))
		return fail_at(where, err, err_len, "%s=%s: %s", k, v, why);
	if (place->at == AT_NODE)
		note_node_line(place->job, o, where->line);
	if (kv_add(place->list, o, value, where->line))
		return no_memory(err, err_len);
	return 0;
}

/* One KEY=LIST of an exclude rule, cut from its text. */
static int add_rule_pair(const struct place *rule, char *pair, char *err,
			 size_t err_len)
{
	char *equals = strchr(pair, '=');
	const struct option *o;
	char shown[64];

	printable(pair, shown, sizeof(shown));
	if (!equals || equals == pair)
		return fail_at(&rule->where, err, err_len,
			       "exclude=%s: expected KEY=VALUE pairs", shown);
	*equals = 0;
	o = option_find(pair, AT_MATRIX);
	if (!o || !option_is_axis(o))
		return unknown_key(rule, pair, equals + 1, err, err_len);
	return add_pair(rule, pair, equals + 1, err, err_len);
}

static int add_rule(const struct place *place, const char *text, char *err,
		    size_t err_len)
{
	struct job *job = place->job;
	struct place rule = { job, NULL, AT_MATRIX, place->where };
	struct exclude_rule *grown;
	char *copy, *save = NULL, *pair;
	int r = 0;

	grown = reallocarray(job->exclude, job->nr_excludes + 1,
			     sizeof(*grown));
	if (!grown)
		return no_memory(err, err_len);
	job->exclude = grown;
	grown += job->nr_excludes++;
	*grown = (struct exclude_rule){ .line = place->where.line };
	rule.list = &grown->match;
	copy = strdup(text);
	if (!copy)
		return no_memory(err, err_len);
	for (pair = strtok_r(copy, " \t", &save); pair && !r;
	     pair = strtok_r(NULL, " \t", &save))
		r = add_rule_pair(&rule, pair, err, err_len);
	free(copy);
	if (!r && !rule.list->nr)
		r = fail_at(&place->where, err, err_len,
			    "exclude=: expected KEY=VALUE pairs");
	return r;
}

static int reader_fail(struct reader *rd, const char *what, const char *why)
{
	char shown[64];

	printable(what, shown, sizeof(shown));
	rd->result =
		fail_at(&rd->where, rd->err, rd->err_len, "%s: %s", shown, why);
	return rd->result;
}

/* The value collected so far is complete. */
static void reader_flush(struct reader *rd)
{
	const struct place place = {
		rd->job, rd->list, rd->place, { rd->where.file, rd->key_line }
	};

	if (!rd->key_line || rd->result)
		return;
	rd->key_line = 0;
	rd->result = add_pair(&place, rd->key, rd->value, rd->err, rd->err_len);
}

static void begin_node(struct reader *rd)
{
	struct machine_params *m = &rd->job->base->machine;
	struct node_section *node;

	if (m->nr_node_sections == MAX_NODES) {
		reader_fail(rd, "[node]", "expected at most 64 nodes");
		return;
	}
	node = &m->node[m->nr_node_sections++];
	memset(node, 0, sizeof(*node));
	snprintf(node->file, sizeof(node->file), "%s", rd->where.file);
	node->line = rd->where.line;
	kv_list_free(&rd->node_keys);
	rd->node_keys = (struct kv_list){ NULL, 0 };
	rd->list = &rd->node_keys;
	rd->place = AT_NODE;
}

static void begin_workload(struct reader *rd, const char *name)
{
	struct job *job = rd->job;
	struct job_section *s;

	for (unsigned i = 0; i < job->nr_sections; i++)
		if (!strcmp(job->section[i].name, name)) {
			reader_fail(rd, name, "expected each section once");
			return;
		}
	if (job->nr_sections == JOB_SECTIONS_MAX) {
		reader_fail(rd, name, "expected at most 256 sections");
		return;
	}
	s = reallocarray(job->section, job->nr_sections + 1, sizeof(*s));
	if (!s) {
		rd->result = no_memory(rd->err, rd->err_len);
		return;
	}
	job->section = s;
	s += job->nr_sections++;
	memset(s, 0, sizeof(*s));
	strcpy(s->name, name);
	s->line = rd->where.line;
	rd->list = &s->kv;
	rd->place = AT_SECTION;
}

static void begin_section(struct reader *rd, const char *name)
{
	if (!strcmp(name, "global")) {
		rd->list = &rd->job->global;
		rd->place = AT_GLOBAL;
	} else if (!strcmp(name, "matrix")) {
		rd->list = &rd->job->matrix;
		rd->place = AT_MATRIX;
	} else if (!strcmp(name, "node")) {
		begin_node(rd);
	} else {
		begin_workload(rd, name);
	}
}

static bool name_char(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("._-", c));
}

/* "[name]", blanks and a comment may follow. */
static void read_header(struct reader *rd, const char *line)
{
	char name[JOB_NAME_MAX];
	size_t n = 0;
	const char *s = line + 1;

	while (name_char(s[n]) && n + 1 < sizeof(name))
		n++;
	memcpy(name, s, n);
	name[n] = 0;
	s += n;
	if (!n || n > 48 || *s != ']' || !isalnum((unsigned char)*name)) {
		reader_fail(rd, line,
			    "expected [NAME], a name of letters, "
			    "digits, '.', '_', '-', at most 48");
		return;
	}
	s++;
	while (isblank((unsigned char)*s))
		s++;
	if (*s && *s != ';' && *s != '#') {
		reader_fail(rd, line, "expected nothing behind [NAME]");
		return;
	}
	begin_section(rd, name);
}

/* Behind the key of "KEY =", or NULL where the line does not begin so. */
static const char *key_end(const char *line)
{
	const char *s = line, *end;

	while (name_char(*s))
		s++;
	end = s;
	while (isblank((unsigned char)*s))
		s++;
	return s > line && end > line && *s == '=' ? end : NULL;
}

/* Whether inih may see this line; it is malformed otherwise. */
static bool accept_line(struct reader *rd, const char *line, bool indented)
{
	const char *end;

	rd->continues = false;
	if (*line == ';' || *line == '#' || !*line)
		return true;
	if (*line == '[') {
		reader_flush(rd);
		if (!rd->result)
			read_header(rd, line);
		return !rd->result;
	}
	if (!rd->list) {
		reader_fail(rd, line, "expected a [section] before any text");
		return false;
	}
	end = key_end(line);
	if (end && end - line > 48) {
		reader_fail(rd, line, "expected a key of at most 48 bytes");
		return false;
	}
	if (end)
		return true;
	if (indented && rd->key_line) {
		rd->continues = true;
		return true;
	}
	reader_fail(rd, line, "expected KEY=VALUE");
	return false;
}

/* inih's fgets(): the next line, NULL at the end or after an error. */
static char *job_reader(char *out, int size, void *stream)
{
	struct reader *rd = stream;
	const char *line = rd->text + rd->pos, *end;
	size_t left = rd->len - rd->pos, n;
	bool indented;

	if (rd->result || !left || size < JOB_LINE_MAX + 2)
		return NULL;
	end = memchr(line, '\n', left);
	n = end ? (size_t)(end - line) : left;
	rd->pos += end ? n + 1 : n;
	rd->where.line++;
	if (n && line[n - 1] == '\r')
		n--;
	memcpy(out, line, n > JOB_LINE_MAX ? JOB_LINE_MAX : n);
	out[n > JOB_LINE_MAX ? JOB_LINE_MAX : n] = 0;
	if (n > JOB_LINE_MAX) {
		reader_fail(rd, out,
			    "expected at most 198 bytes a line; an indented "
			    "line continues a value");
		return NULL;
	}
	if (strlen(out) != n) {
		reader_fail(rd, out, "expected text, not a NUL byte");
		return NULL;
	}
	indented = isspace((unsigned char)*out);
	while (isspace((unsigned char)*out))
		memmove(out, out + 1, strlen(out));
	if (!accept_line(rd, out, indented))
		return NULL;
	if (rd->continues) {
		memmove(out + 1, out, strlen(out) + 1);
		*out = ' ';
	}
	strcat(out, "\n");
	return out;
}

/* inih's handler: a key with its value, or one more line of a value. */
static int job_handler(void *user, const char *section, const char *name,
		       const char *value)
{
	struct reader *rd = user;
	size_t used;

	(void)section;
	if (rd->result)
		return 1;
	if (!rd->continues) {
		reader_flush(rd);
		snprintf(rd->key, sizeof(rd->key), "%s", name);
		snprintf(rd->value, sizeof(rd->value), "%s", value);
		rd->key_line = rd->where.line;
		return 1;
	}
	used = strlen(rd->value);
	if (used + strlen(value) + 2 > sizeof(rd->value)) {
		reader_fail(rd, rd->key,
			    "expected a value of at most 1023 "
			    "bytes");
		return 1;
	}
	snprintf(rd->value + used, sizeof(rd->value) - used, " %s", value);
	return 1;
}

/* A section without workload= is named like its workload. */
static int check_sections(struct job *job, char *err, size_t err_len)
{
	const struct option *o = option_find("workload", AT_SECTION);
	static const char *const places[] = { "global", "matrix", "node" };
	char why[256];

	for (unsigned i = 0; i < job->nr_sections; i++) {
		struct job_section *s = &job->section[i];
		struct where where = { job->file, s->line };
		const char *near;

		if (kv_find(&s->kv, o) ||
		    !check_name(o, s->name, why, sizeof(why)))
			continue;
		near = nearest_name(s->name, places, ARRAY_SIZE(places));
		if (near)
			return fail_at(&where, err, err_len,
				       "[%s]: expected global, matrix, node or "
				       "a workload; did you mean '%s'?",
				       s->name, near);
		return fail_at(&where, err, err_len,
			       "[%s]: expected workload= here, or a section "
			       "named like its workload: %s",
			       s->name, why);
	}
	return 0;
}

int job_parse_buffer(const char *text, size_t len, const char *name,
		     struct job *out, char *err, size_t err_len)
{
	struct reader rd = { .text = text,
			     .len = len,
			     .job = out,
			     .where = { out->file, 0 },
			     .err = err,
			     .err_len = err_len };
	int r = job_init(out, err, err_len);

	if (r)
		return r;
	snprintf(out->file, sizeof(out->file), "%s", name);
	if (len > JOB_FILE_MAX) {
		reader_fail(&rd, "file", "expected at most 1 MiB");
		return rd.result;
	}
	r = ini_parse_stream(job_reader, &rd, job_handler, &rd);
	reader_flush(&rd);
	kv_list_free(&rd.node_keys);
	if (!rd.result && r) {
		rd.where.line = r;
		reader_fail(&rd, "line", "expected KEY=VALUE");
	}
	if (rd.result)
		return rd.result;
	out->text = strndup(text, len);
	if (!out->text)
		return no_memory(err, err_len);
	return check_sections(out, err, err_len);
}

/* Reads at most JOB_FILE_MAX + 1 bytes: one more than is accepted. */
static ssize_t read_all(int fd, char *buf)
{
	size_t len = 0;

	while (len <= JOB_FILE_MAX) {
		ssize_t n = read(fd, buf + len, JOB_FILE_MAX + 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

int job_parse_file(const char *path, struct job *out, char *err, size_t err_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *buf, shown[64];
	ssize_t len;
	int r;

	memset(out, 0, sizeof(*out));
	printable(path, shown, sizeof(shown));
	if (fd < 0) {
		r = -errno;
		snprintf(err, err_len, "%s: expected a job file: %s", shown,
			 strerror(errno));
		return r;
	}
	buf = malloc(JOB_FILE_MAX + 1);
	len = buf ? read_all(fd, buf) : -ENOMEM;
	close(fd);
	if (len < 0) {
		snprintf(err, err_len, "%s: expected a job file: %s", shown,
			 strerror((int)-len));
		free(buf);
		return (int)len;
	}
	r = job_parse_buffer(buf, (size_t)len, path, out, err, err_len);
	free(buf);
	return r;
}

int job_parse_arg(struct job *job, const char *arg, unsigned where, char *err,
		  size_t err_len)
{
	const struct place place = {
		job, &job->cli, where, { "command line", 0 }
	};
	const char *end = key_end(arg), *value;
	char key[64], shown[64];

	printable(arg, shown, sizeof(shown));
	if (!end || end - arg >= (ptrdiff_t)sizeof(key))
		return fail_at(&place.where, err, err_len,
			       "%s: expected KEY=VALUE", shown);
	memcpy(key, arg, (size_t)(end - arg));
	key[end - arg] = 0;
	value = strchr(end, '=') + 1;
	if (strlen(value) >= JOB_VALUE_MAX)
		return fail_at(&place.where, err, err_len,
			       "%s: expected a value of at most 1023 bytes",
			       shown);
	return add_pair(&place, key, value, err, err_len);
}

/* Sets the keys of one list in p that may stand at `where`. */
static int apply_keys(const struct job *job, const struct kv_list *list,
		      unsigned at, char *err, size_t err_len)
{
	struct job_params *p = job->base;
	char why[256];

	for (unsigned i = 0; i < list->nr; i++) {
		const struct kv *kv = &list->item[i];
		struct where where = { kv->line ? job->file : "command line",
				       kv->line };

		if (!(kv->option->where & at))
			continue;
		if (option_set(kv->option, kv->text, p, why, sizeof(why)))
			return fail_at(&where, err, err_len, "%s=%s: one %s",
				       kv->option->name, kv->text, why);
	}
	return 0;
}

/* The job file among the arguments, NULL: none; *nr counts them. */
static const char *file_argument(int argc, char **argv, unsigned *nr)
{
	const char *file = NULL;

	*nr = 0;
	for (int i = 0; i < argc; i++) {
		if (strchr(argv[i], '='))
			continue;
		file = argv[i];
		(*nr)++;
	}
	return file;
}

/* Fills job->base from the arguments and the job file that is among them. */
static int tool_args(struct job *job, int argc, char **argv, unsigned at,
		     char *err, size_t err_len)
{
	unsigned nr_files;
	const char *file = file_argument(argc, argv, &nr_files);
	int r;

	if (nr_files > 1) {
		snprintf(err, err_len,
			 "command line: %s: expected one job "
			 "file",
			 file);
		return -EINVAL;
	}
	r = file ? job_parse_file(file, job, err, err_len)
		 : job_init(job, err, err_len);
	for (int i = 0; i < argc && !r; i++)
		if (argv[i] != file)
			r = job_parse_arg(job, argv[i], at, err, err_len);
	if (!r)
		r = apply_keys(job, &job->global, at, err, err_len);
	if (!r)
		r = apply_keys(job, &job->cli, at, err, err_len);
	return r;
}

int job_machine_args(int argc, char **argv, struct machine_params *out,
		     char *err, size_t err_len)
{
	struct job job = { .text = NULL };
	int r = tool_args(&job, argc, argv, AT_TOOLS, err, err_len);

	if (!r)
		*out = job.base->machine;
	job_free(&job);
	return r;
}

int job_cache_args(int argc, char **argv, unsigned at, struct job_params *out,
		   char *err, size_t err_len)
{
	struct job job = { .text = NULL };
	int r = tool_args(&job, argc, argv, at, err, err_len);

	if (!r)
		*out = *job.base;
	job_free(&job);
	return r;
}
