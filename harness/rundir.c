/*
 * The folder of a run. See rundir.h.
 */
#include "harness/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/outfile.h"

static int fail(char *err, size_t err_len, const char *path)
{
	int r = -errno;

	snprintf(err, err_len, "%.600s: %s", path, strerror(-r));
	return r;
}

static int join(char out[PATH_MAX], const char *dir, const char *name,
		char *err, size_t err_len)
{
	if (snprintf(out, PATH_MAX, "%s/%s", dir, name) < PATH_MAX)
		return 0;
	snprintf(err, err_len, "%.200s: path too long", dir);
	return -ENAMETOOLONG;
}

/* Files and one level of folders is all that a repetition has. */
static int remove_tree(const char *path, char *err, size_t err_len)
{
	char sub[PATH_MAX];
	struct dirent *e;
	DIR *dir = opendir(path);
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : fail(err, err_len, path);
	while (!r && (e = readdir(dir))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		r = join(sub, path, e->d_name, err, err_len);
		if (!r && unlink(sub) && errno == EISDIR)
			r = remove_tree(sub, err, err_len);
	}
	closedir(dir);
	if (!r && rmdir(path))
		r = fail(err, err_len, path);
	return r;
}

/* mkdir -p of the folder above the last component. */
static int make_parents(const char *path, char *err, size_t err_len)
{
	char part[PATH_MAX];

	if (strlen(path) >= sizeof(part)) {
		snprintf(err, err_len, "%.200s: path too long", path);
		return -ENAMETOOLONG;
	}
	strcpy(part, path);
	for (char *s = part + 1; (s = strchr(s, '/')); s++) {
		*s = 0;
		if (mkdir(part, 0777) && errno != EEXIST)
			return fail(err, err_len, part);
		*s = '/';
	}
	return 0;
}

static bool is_empty(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	bool empty = dir;

	while (dir && (e = readdir(dir)))
		empty &= !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..");
	if (dir)
		closedir(dir);
	return empty;
}

static int lock(struct rundir *d, const char *path, char *err, size_t err_len)
{
	if (!realpath(path, d->path))
		return fail(err, err_len, path);
	d->lock = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->lock < 0)
		return fail(err, err_len, path);
	if (!flock(d->lock, LOCK_EX | LOCK_NB))
		return 0;
	if (errno != EWOULDBLOCK)
		return fail(err, err_len, path);
	snprintf(err, err_len, "%.600s: another zonebench is at work here",
		 path);
	return -EBUSY;
}

int rundir_create(struct rundir *d, const char *out, const char *id, char *err,
		  size_t err_len)
{
	char path[PATH_MAX];
	int r = 0;

	d->lock = -1;
	if (*out)
		snprintf(path, sizeof(path), "%s", out);
	else
		snprintf(path, sizeof(path), "results/%s", id);
	r = make_parents(path, err, err_len);
	if (r)
		return r;
	/* two runs within a second */
	for (unsigned n = 2; mkdir(path, 0777); n++) {
		if (errno != EEXIST)
			return fail(err, err_len, path);
		if (*out && is_empty(path))
			break;
		if (*out || n > 99) {
			snprintf(err, err_len,
				 "out=%.600s: expected a folder that does not "
				 "exist or is empty; run --resume completes a "
				 "run",
				 path);
			return -EEXIST;
		}
		snprintf(path, sizeof(path), "results/%s-%u", id, n);
	}
	return lock(d, path, err, err_len);
}

int rundir_open(struct rundir *d, const char *path, char *err, size_t err_len)
{
	d->lock = -1;
	return lock(d, path, err, err_len);
}

void rundir_close(struct rundir *d)
{
	if (d->lock >= 0)
		close(d->lock);
	d->lock = -1;
}

bool status_is_known(const char *line)
{
	static const char *const words[] = { "ok",    "void",    "failed",
					     "crash", "timeout", "oom" };
	size_t n = strcspn(line, " \n");

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i]) == n && !strncmp(words[i], line, n))
			return true;
	return false;
}

/* cells/CELL/PREFIX-NN */
static int rep_path(const struct rundir *d, const char *cell,
		    const char *prefix, unsigned rep, char out[PATH_MAX])
{
	return snprintf(out, PATH_MAX, "%s/cells/%s/%s-%02u", d->path, cell,
			prefix, rep) < PATH_MAX - NAME_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

bool rundir_has(const struct rundir *d, const char *cell, unsigned rep)
{
	char path[PATH_MAX], line[256] = "";
	FILE *f;
	bool known;

	if (rep_path(d, cell, "rep", rep, path))
		return false;
	strcat(path, "/status");
	f = fopen(path, "re");
	if (!f)
		return false;
	known = fgets(line, sizeof(line), f) && strchr(line, '\n') &&
		status_is_known(line);
	fclose(f);
	if (!known || strncmp(line, "ok", 2))
		return known;
	/* a number is there, or it is not ok */
	strcpy(strrchr(path, '/'), "/result.json");
	return !access(path, R_OK);
}

int rundir_begin(const struct rundir *d, const char *cell, unsigned rep,
		 char out[PATH_MAX], char *err, size_t err_len)
{
	char path[PATH_MAX];
	int r;

	if (rep_path(d, cell, "rep", rep, path) ||
	    rep_path(d, cell, ".tmp", rep, out)) {
		snprintf(err, err_len, "%.200s: path too long", d->path);
		return -ENAMETOOLONG;
	}
	r = remove_tree(path, err, err_len);
	if (!r)
		r = remove_tree(out, err, err_len);
	if (!r)
		r = make_parents(out, err, err_len);
	if (!r && mkdir(out, 0777))
		r = fail(err, err_len, out);
	return r;
}

int rundir_finish(const struct rundir *d, const char *cell, unsigned rep,
		  const char *status, char *err, size_t err_len)
{
	char from[PATH_MAX], to[PATH_MAX];
	struct outfile out;
	int r;

	if (rep_path(d, cell, "rep", rep, to) ||
	    rep_path(d, cell, ".tmp", rep, from))
		return -ENAMETOOLONG;
	r = outfile_open(&out, from, "status", err, err_len);
	if (r)
		return r;
	fprintf(out.f, "%s\n", status);
	r = outfile_close(&out, err, err_len);
	if (!r && rename(from, to))
		r = fail(err, err_len, to);
	return r;
}

void rundir_forget(const char *tmp, const char *file)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", tmp, file) <
	    (int)sizeof(path))
		unlink(path);
}
