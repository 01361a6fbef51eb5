/* See truth.h. */
#include "alloc/page/tests/truth.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "harness/capture.h"

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

unsigned truth_configs(char name[][64])
{
	DIR *dir = opendir(TRUTH_DIR);
	struct dirent *e;
	unsigned nr = 0;

	cr_assert(dir != NULL, "%s: run from the root of the repository",
		  TRUTH_DIR);
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.' || strchr(e->d_name, '.'))
			continue;
		cr_assert(nr < TRUTH_CONFIGS_MAX);
		snprintf(name[nr++], 64, "%.63s", e->d_name);
	}
	closedir(dir);
	qsort(name, nr, 64, compare_names);
	return nr;
}

struct machine *truth_machine(const char *config, bool computed)
{
	struct machine_desc *desc = malloc(sizeof(*desc));
	char path[256], err[512];
	struct machine *m = NULL;

	snprintf(path, sizeof(path), TRUTH_DIR "/%s", config);
	cr_assert(!capture_read(path, desc, err, sizeof(err)), "%s", err);
	if (computed)
		desc->min_free_kbytes = -1;
	cr_assert(!machine_create(&m, desc, NULL, err, sizeof(err)), "%s: %s",
		  config, err);
	free(desc);
	return m;
}

char *truth_text(const char *config, const char *file)
{
	size_t cap = 1 << 20, len = 0;
	char path[256];
	char *text;
	gzFile in;
	int n;

	snprintf(path, sizeof(path), TRUTH_DIR "/%s/%s", config, file);
	in = gzopen(path, "rb");
	if (!in)
		return NULL;
	text = malloc(cap);
	while ((n = gzread(in, text + len, (unsigned)(cap - len - 1))) > 0) {
		len += (size_t)n;
		if (len + 1 == cap)
			text = realloc(text, cap *= 2);
	}
	cr_assert(n == 0, "%s: not readable", path);
	gzclose(in);
	text[len] = '\0';
	return text;
}
