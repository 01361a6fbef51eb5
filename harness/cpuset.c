/* Sets of host CPUs. See cpuset.h. */
#include "harness/cpuset.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness/textfile.h"

enum object { OBJECT_CPU, OBJECT_CORE, OBJECT_PACKAGE, OBJECT_NODE };

static const struct {
	const char *prefix, *name;
	enum object object;
} objects[] = {
	{ "cpu:", "CPU", OBJECT_CPU },
	{ "pu:", "CPU", OBJECT_CPU },
	{ "core:", "core", OBJECT_CORE },
	{ "package:", "package", OBJECT_PACKAGE },
	{ "node:", "node", OBJECT_NODE },
};

/* One part of a set. */
struct part {
	enum object object;
	uint64_t first, last;
};

/* Takes the next part; its kind stays where none is named. */
static bool take_part(const char **s, struct part *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
		if (text_take(s, objects[i].prefix)) {
			p->object = objects[i].object;
			break;
		}
	if (!text_take_uint(s, UINT16_MAX - 1, &p->first))
		return false;
	p->last = p->first;
	if (text_take(s, "-") && !text_take_uint(s, UINT16_MAX - 1, &p->last))
		return false;
	return p->last >= p->first;
}

int cpuset_parse(const char *text, char out[CPU_SET_MAX])
{
	struct part p = { OBJECT_CPU, 0, 0 };
	const char *s = text;

	do
		if (!take_part(&s, &p))
			return -EINVAL;
	while (text_take(&s, "+") || text_take(&s, ","));
	if (*s || s - text >= CPU_SET_MAX)
		return -EINVAL;
	strcpy(out, text);
	for (char *c = out; *c; c++)
		if (*c == ',')
			*c = '+';
	return 0;
}

static unsigned number_of(const struct topo *t, unsigned cpu, enum object o)
{
	const uint16_t *of[] = {
		[OBJECT_CPU] = t->os_cpu,
		[OBJECT_CORE] = t->core_of_cpu,
		[OBJECT_PACKAGE] = t->package_of_cpu,
		[OBJECT_NODE] = t->node_of_cpu,
	};

	return of[o][cpu];
}

/* A list of CPUs in /sys, such as the present or the online ones. */
static bool listed(const char *path, unsigned cpu)
{
	struct textfile f;
	bool set[MAX_CPUS];
	char err[256];
	unsigned count;
	bool found = false;

	if (textfile_read(path, &f, err, sizeof(err)))
		return true; /* what is not known is no reason */
	if (cpu < MAX_CPUS && !text_parse_list(f.text, set, MAX_CPUS, &count))
		found = set[cpu];
	textfile_free(&f);
	return found;
}

/* Why object `number` has no CPU for us. */
static int refuse(const char *text, const struct topo *host,
		  const struct part *p, uint64_t number, char *err,
		  size_t err_len)
{
	static const char sys[] = "/sys/devices/system/cpu";
	const unsigned cpu = (unsigned)number;
	const char *why = "this process may use (cpuset or affinity)";
	char path[64], present[64];
	const char *name = "CPU";

	for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
		if (objects[i].object == p->object)
			name = objects[i].name;
	snprintf(path, sizeof(path), "%s/online", sys);
	snprintf(present, sizeof(present), "%s/present", sys);
	if (p->object == OBJECT_CPU && !listed(present, cpu))
		why = "this host has";
	else if (p->object == OBJECT_CPU && !listed(path, cpu))
		why = "are online";
	else if (p->object == OBJECT_NODE && number >= host->nr_nodes)
		why = "this host has";
	else if (p->object == OBJECT_NODE)
		why = "have a CPU that this process may use";
	snprintf(err, err_len, "cpus=%.80s: expected %ss that %s, not %s %u",
		 text, name, why, name, cpu);
	return -EINVAL;
}

/* Marks the CPUs of one part. */
static int mark(const char *text, const struct topo *host, const struct part *p,
		bool in[MAX_CPUS], char *err, size_t err_len)
{
	for (uint64_t n = p->first; n <= p->last; n++) {
		bool any = false;

		for (unsigned cpu = 0; cpu < host->nr_cpus; cpu++) {
			if (number_of(host, cpu, p->object) != n)
				continue;
			in[cpu] = true;
			any = true;
		}
		if (!any)
			return refuse(text, host, p, n, err, err_len);
	}
	return 0;
}

static void take_marked(const struct topo *host, const bool in[MAX_CPUS],
			struct topo *out)
{
	unsigned nr = 0;

	*out = *host;
	for (unsigned cpu = 0; cpu < host->nr_cpus; cpu++) {
		if (!in[cpu])
			continue;
		out->os_cpu[nr] = host->os_cpu[cpu];
		out->node_of_cpu[nr] = host->node_of_cpu[cpu];
		out->core_of_cpu[nr] = host->core_of_cpu[cpu];
		out->package_of_cpu[nr] = host->package_of_cpu[cpu];
		out->smt_of_cpu[nr] = 0;
		for (unsigned i = 0; i < nr; i++)
			out->smt_of_cpu[nr] +=
				out->core_of_cpu[i] == out->core_of_cpu[nr];
		nr++;
	}
	out->nr_cpus = (uint16_t)nr;
}

int cpuset_apply(const char *text, const struct topo *host, struct topo *out,
		 char *err, size_t err_len)
{
	struct part p = { OBJECT_CPU, 0, 0 };
	bool in[MAX_CPUS] = { false };
	const char *s = text;

	if (!*text) {
		*out = *host;
		return 0;
	}
	do {
		int r = take_part(&s, &p)
				? mark(text, host, &p, in, err, err_len)
				: -EINVAL;

		if (r)
			return r;
	} while (text_take(&s, "+") || text_take(&s, ","));
	take_marked(host, in, out);
	return 0;
}
