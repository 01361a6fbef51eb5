/* Libraries whose malloc can be put in front of a process. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/bind.h"
#include "harness/preload.h"

static char *const no_args[] = { NULL };

Test(preload, the_c_library_is_found)
{
	char path[PRELOAD_PATH_MAX];

	cr_assert(preload_find("libc.so.6", path, sizeof(path)));
	cr_assert_eq(access(path, R_OK), 0);
	cr_assert_not(preload_find("libc.so.6", path, 4), "no room");
}

Test(preload, a_missing_library_names_its_package)
{
	char err[256] = "";

	cr_assert_eq(preload_ensure("libnosuch.so.9", "libnosuch9", no_args,
				    err, sizeof(err)),
		     -ENOENT);
	cr_assert(strstr(err, "libnosuch.so.9"));
	cr_assert(strstr(err, "package libnosuch9"));
}

/* The process that was started for a library and has another malloc gives up,
 * and does not start a third. */
Test(preload, nobody_starts_twice)
{
	char err[256] = "", path[PRELOAD_PATH_MAX];

	setenv("ZONEBENCH_MALLOC", "libm.so.6", 1);
	cr_assert(preload_find("libm.so.6", path, sizeof(path)));
	cr_assert_eq(
		preload_ensure("libm.so.6", "libc6", no_args, err, sizeof(err)),
		-EINVAL);
	cr_assert(strstr(err, "not of libm.so.6"));
}

Test(preload, every_foreign_engine_names_what_it_is)
{
	unsigned nr = 0;

	for (const struct slab_binding *b = slab_binding_first(); b;
	     b = b->next) {
		if (!(b->ops->features & SLAB_F_FOREIGN))
			continue;
		nr++;
		cr_assert_eq(strncmp(b->ops->name, "malloc:", 7), 0);
		cr_assert(b->ops->soname && b->ops->package);
	}
	cr_assert_eq(nr, 4);
}
