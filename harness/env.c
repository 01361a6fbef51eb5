/*
 * What a number depends on besides the allocator, read from /proc, /sys,
 * CPUID and the build.
 */
#include "harness/env.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include "harness/build_info.h"
#include "harness/outfile.h"

/* First line of a file without its end; "" where it cannot be read. */
static char *first_line(const char *path, char *buf, size_t len)
{
	FILE *f = fopen(path, "re");

	*buf = 0;
	if (f && fgets(buf, (int)len, f))
		buf[strcspn(buf, "\n")] = 0;
	else
		*buf = 0;
	if (f)
		fclose(f);
	return buf;
}

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

static json_t *file_text(const char *path)
{
	char buf[256];

	return text_or_null(first_line(path, buf, sizeof(buf)));
}

/* "name : value" of /proc/cpuinfo, first CPU. */
static json_t *cpuinfo(const char *key)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[4096];
	json_t *found = NULL;

	while (f && !found && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');
		size_t n = strlen(key);

		if (!colon || strncmp(line, key, n) ||
		    !isspace((unsigned char)line[n]))
			continue;
		colon += strspn(colon, ": \t");
		colon[strcspn(colon, "\n")] = 0;
		found = text_or_null(colon);
	}
	if (f)
		fclose(f);
	return found ? found : json_null();
}

static json_t *caches(void)
{
	json_t *list = json_array();
	char path[128], level[16], type[32], size[32], shared[128];

	for (unsigned i = 0; i < 16; i++) {
		const char *dir = "/sys/devices/system/cpu/cpu0/cache";

		snprintf(path, sizeof(path), "%s/index%u/level", dir, i);
		if (!*first_line(path, level, sizeof(level)))
			break;
		snprintf(path, sizeof(path), "%s/index%u/type", dir, i);
		first_line(path, type, sizeof(type));
		snprintf(path, sizeof(path), "%s/index%u/size", dir, i);
		first_line(path, size, sizeof(size));
		snprintf(path, sizeof(path), "%s/index%u/shared_cpu_list", dir,
			 i);
		first_line(path, shared, sizeof(shared));
		json_array_append_new(
			list, json_pack("{s:i, s:s, s:s, s:s}", "level",
					atoi(level), "type", type, "size", size,
					"shared_cpus", shared));
	}
	return list;
}

/* The 12 letters of CPUID leaf 0x40000000; "" on bare metal, "unknown" where
 * it is empty. */
static char *hypervisor_name(char buf[16])
{
#if defined(__x86_64__) || defined(__i386__)
	unsigned a, b, c, d, words[4] = { 0 };

	*buf = 0;
	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & 1u << 31))
		return buf;
	__cpuid(0x40000000, a, words[0], words[1], words[2]);
	memcpy(buf, words, sizeof(words));
	for (unsigned i = 0; buf[i]; i++)
		if (!isprint((unsigned char)buf[i]))
			buf[i] = '?';
	return *buf ? buf : strcpy(buf, "unknown");
#else
	return first_line("/sys/hypervisor/type", buf, 16);
#endif
}

static json_t *hypervisor(void)
{
	char name[16];

	return text_or_null(hypervisor_name(name));
}

bool env_emulated(void)
{
	char name[16], vendor[64];

	hypervisor_name(name);
	if (!strcmp(name, "TCGTCGTCGTCG"))
		return true;
	if (*name && strcmp(name, "unknown") != 0)
		return false;
	first_line("/sys/class/dmi/id/sys_vendor", vendor, sizeof(vendor));
	return !strcmp(vendor, "QEMU");
}

static json_t *smt(void)
{
	char buf[16];

	first_line("/sys/devices/system/cpu/smt/active", buf, sizeof(buf));
	return *buf ? json_boolean(*buf == '1') : json_null();
}

static json_t *numa(const struct topo *t)
{
	json_t *list = json_array();

	for (unsigned n = 0; n < t->nr_nodes; n++) {
		json_t *cpus = json_array(), *distance = json_array();
		json_t *cores = json_array();

		for (unsigned c = 0; c < t->nr_cpus; c++)
			if (t->node_of_cpu[c] == n) {
				json_array_append_new(
					cpus, json_integer(t->os_cpu[c]));
				json_array_append_new(
					cores, json_integer(t->core_of_cpu[c]));
			}
		for (unsigned o = 0; o < t->nr_nodes; o++)
			json_array_append_new(distance,
					      json_integer(t->distance[n][o]));
		json_array_append_new(
			list, json_pack("{s:i, s:o, s:o, s:o, s:I}", "node",
					(int)n, "cpus", cpus, "cores", cores,
					"distance", distance, "bytes",
					(json_int_t)t->node_bytes[n]));
	}
	return list;
}

static json_t *clock_json(const struct clock_info *c)
{
	return json_pack("{s:f, s:f, s:f, s:f, s:i, s:i, s:b}", "tsc_hz",
			 c->tsc_hz, "clock_cost_ns", c->cost_ns,
			 "clock_quantum_ns", c->quantum_ns, "spread_ppm",
			 c->spread_ppm, "windows", (int)c->windows, "rejected",
			 (int)c->rejected, "invariant", c->invariant);
}

/* ["zonebench", "run", ...] */
static json_t *command_line(const struct run_file *rf)
{
	json_t *list = json_pack("[s, s]", "zonebench", "run"), *v;
	size_t i;

	json_array_foreach(rf->argv, i, v)
	{
		json_array_append(list, v);
	}
	return list;
}

static void add_host(json_t *root, const struct topo *host)
{
	const char *cpu0 = "/sys/devices/system/cpu/cpu0/cpufreq";
	char path[128], name[256] = "";
	struct utsname u;

	gethostname(name, sizeof(name) - 1);
	uname(&u);
	json_object_set_new(root, "host", text_or_null(name));
	json_object_set_new(root, "cpu_model", cpuinfo("model name"));
	json_object_set_new(root, "microcode", cpuinfo("microcode"));
	json_object_set_new(root, "cpus", json_integer(host->nr_cpus));
	json_object_set_new(root, "caches", caches());
	snprintf(path, sizeof(path), "%s/scaling_governor", cpu0);
	json_object_set_new(root, "governor", file_text(path));
	snprintf(path, sizeof(path), "%s/scaling_driver", cpu0);
	json_object_set_new(root, "frequency_driver", file_text(path));
	json_object_set_new(root, "smt", smt());
	json_object_set_new(
		root, "thp",
		file_text("/sys/kernel/mm/transparent_hugepage/enabled"));
	json_object_set_new(root, "numa", numa(host));
	json_object_set_new(root, "kernel",
			    json_sprintf("%s %s", u.sysname, u.release));
	json_object_set_new(root, "kernel_version", json_string(u.version));
	json_object_set_new(root, "architecture", json_string(u.machine));
	json_object_set_new(root, "kernel_cmdline", file_text("/proc/cmdline"));
	json_object_set_new(root, "hypervisor", hypervisor());
	json_object_set_new(root, "emulated", json_boolean(env_emulated()));
}

static void add_build(json_t *root)
{
	json_object_set_new(root, "version", json_string(build_info.version));
	json_object_set_new(root, "commit", json_string(build_info.commit));
	json_object_set_new(root, "dirty", json_boolean(build_info.dirty));
	json_object_set_new(root, "compiler", json_string(build_info.compiler));
	json_object_set_new(root, "flags", json_string(build_info.flags));
	json_object_set_new(root, "hot", json_string(build_info.hot));
	json_object_set_new(root, "check_level",
			    json_integer(build_info.check_level));
	json_object_set_new(root, "sanitizer",
			    text_or_null(build_info.sanitizer));
}

int env_write(const struct run_file *rf, const struct clock_info *clock,
	      const char *dir, char *err, size_t err_len)
{
	json_t *root = json_object();
	int r;

	json_object_set_new(root, "schema", json_integer(1));
	add_host(root, rf->host);
	add_build(root);
	json_object_set_new(root, "command_line", command_line(rf));
	json_object_set_new(root, "seed", json_integer((json_int_t)rf->seed));
	json_object_set_new(root, "clock", clock_json(clock));
	r = outfile_json(dir, "env.json", root, err, err_len);
	json_decref(root);
	return r;
}
