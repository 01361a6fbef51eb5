/* Which malloc this process has. See preload.h. */
#include "harness/preload.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Set by the first start for the second, which must not start a third. */
#define STARTED_BY "ZONEBENCH_MALLOC"
#define ARGS_MAX   16

static bool exists_in(const char *dir, const char *library, char *path,
		      size_t len)
{
	const int n = snprintf(path, len, "%s/%s", dir, library);

	return n > 0 && (size_t)n < len && !access(path, R_OK);
}

bool preload_find(const char *library, char *path, size_t len)
{
	void *self = dlopen(NULL, RTLD_LAZY);
	Dl_serinfo size, *dirs = NULL;
	bool found = false;

	if (self && !dlinfo(self, RTLD_DI_SERINFOSIZE, &size)) {
		dirs = malloc(size.dls_size);
		if (dirs)
			*dirs = size;
		if (dirs && dlinfo(self, RTLD_DI_SERINFO, dirs))
			dirs->dls_cnt = 0;
	}
	for (unsigned i = 0; dirs && !found && i < dirs->dls_cnt; i++)
		found = exists_in(dirs->dls_serpath[i].dls_name, library, path,
				  len);
	free(dirs);
	if (self)
		dlclose(self);
	return found;
}

/* Two names of one file? */
static bool same_file(const char *a, const char *b)
{
	char *x = realpath(a, NULL), *y = realpath(b, NULL);
	const bool same = x && y && !strcmp(x, y);

	free(x);
	free(y);
	return same;
}

/* The file that malloc() comes from; "" unknown. */
static const char *malloc_file(void)
{
	void *function = dlsym(RTLD_DEFAULT, "malloc");
	Dl_info info;

	if (!function || !dladdr(function, &info) || !info.dli_fname)
		return "";
	return info.dli_fname;
}

static int start_anew(const char *library, const char *path, char *const *args)
{
	char *argv[ARGS_MAX + 2] = { program_invocation_name };
	int r;

	for (unsigned i = 0; i < ARGS_MAX && args[i]; i++)
		argv[i + 1] = args[i];

	/* whatever stood there would stand in front of the library */
	r = strcmp(library, "libc.so.6") ? setenv("LD_PRELOAD", path, 1)
					 : unsetenv("LD_PRELOAD");
	if (!r)
		r = setenv(STARTED_BY, library, 1);
	if (!r)
		execv("/proc/self/exe", argv);
	return -errno;
}

int preload_ensure(const char *library, const char *package, char *const *args,
		   char *err, size_t err_len)
{
	char path[PRELOAD_PATH_MAX];
	int r = -ENOENT;

	if (!preload_find(library, path, sizeof(path))) {
		snprintf(err, err_len,
			 "%s is not installed; Debian has it in package %s",
			 library, package);
		return r;
	}
	if (same_file(malloc_file(), path))
		return 0;
	if (getenv(STARTED_BY)) {
		snprintf(err, err_len, "malloc() is that of %.80s, not of %s",
			 malloc_file(), library);
		return -EINVAL;
	}
	r = start_anew(library, path, args);
	snprintf(err, err_len, "starting with %s: %s", library, strerror(-r));
	return r;
}
