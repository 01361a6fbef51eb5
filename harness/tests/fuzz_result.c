/*
 * A run folder from anywhere: run.json, a status file and a result.json, cut
 * out of the input at bytes of value 30, are read and emitted, or refused with
 * one line. A missing part is a good one.
 */
#include "harness/emit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEPARATOR 30

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char run_json[] =
	"{\"schema\":1,\"run\":\"r\",\"name\":\"fuzz\",\"seed\":1,\"repeat\":1,"
	"\"created\":\"2026-01-02T03:04:05Z\",\"argv\":[],\"job\":\"\","
	"\"cells\":[{\"id\":\"c\",\"index\":0,\"engine\":\"e\",\"workload\":"
	"\"w\",\"machine\":\"m\",\"threads\":1,\"params\":{\"order\":\"0\"}}],"
	"\"order\":[[0,0]]}";
static const char env_json[] = "{\"schema\":1}";

static char dir[64];

static void remove_folder(void)
{
	static const char *const names[] = { "/cells/c/rep-00/status",
					     "/cells/c/rep-00/result.json",
					     "/cells/c/rep-00",
					     "/cells/c",
					     "/cells",
					     "/run.json",
					     "/env.json",
					     "" };
	char path[128];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s%s", dir, names[i]);
		remove(path);
	}
}

static void put(const char *name, const void *data, size_t size)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
}

static void make_folder(void)
{
	static const char *const names[] = { "/cells", "/cells/c",
					     "/cells/c/rep-00" };
	char path[128];

	snprintf(dir, sizeof(dir), "/dev/shm/zonebench-fuzz-XXXXXX");
	if (!mkdtemp(dir))
		abort();
	atexit(remove_folder);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s%s", dir, names[i]);
		if (mkdir(path, 0777))
			abort();
	}
	put("env.json", env_json, strlen(env_json));
}

/* The part up to the next separator; NULL behind the last. */
static const uint8_t *next_part(const uint8_t **rest, size_t *left, size_t *len)
{
	const uint8_t *part = *rest, *end;

	if (!part)
		return NULL;
	end = memchr(part, SEPARATOR, *left);
	*len = end ? (size_t)(end - part) : *left;
	*left -= end ? *len + 1 : *len;
	*rest = end ? end + 1 : NULL;
	return part;
}

static void emit_all(const struct run_data *run)
{
	FILE *f = fopen("/dev/null", "w");

	if (!f)
		abort();
	emit_samples(f, run);
	emit_failed(f, run);
	if (emit_gbench(f, run) && errno != ENOMEM)
		abort();
	fclose(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *rest = data, *part;
	struct run_data *run = NULL;
	char err[1024] = "";
	size_t len = 0;

	if (!*dir)
		make_folder();
	part = next_part(&rest, &size, &len);
	put("cells/c/rep-00/result.json", part ? part : data, len);
	part = next_part(&rest, &size, &len);
	put("cells/c/rep-00/status", part ? (const void *)part : "ok\n",
	    part ? len : 3);
	part = next_part(&rest, &size, &len);
	put("run.json", part ? (const void *)part : run_json,
	    part ? len : strlen(run_json));
	if (run_data_load(&run, dir, err, sizeof(err))) {
		if (!*err || strchr(err, '\n'))
			abort();
		return 0;
	}
	emit_all(run);
	run_data_free(run);
	return 0;
}
