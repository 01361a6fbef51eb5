/*
 * Files that appear whole or not at all, and the text forms that the emitters
 * share (see outfile.h).
 */
#include "harness/outfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int outfile_open(struct outfile *o, const char *dir, const char *name,
		 char *err, size_t err_len)
{
	int n = snprintf(o->path, sizeof(o->path), "%s/%s", dir, name);
	int m = snprintf(o->tmp, sizeof(o->tmp), "%s/.%s.%ld.tmp", dir, name,
			 (long)getpid());

	o->f = NULL;
	if (n < 0 || m < 0 || (size_t)n >= sizeof(o->path) ||
	    (size_t)m >= sizeof(o->tmp)) {
		o->tmp[0] = '\0';
		snprintf(err, err_len, "%.200s: path too long", dir);
		return -ENAMETOOLONG;
	}
	o->f = fopen(o->tmp, "wxe");
	if (!o->f) {
		n = errno;
		o->tmp[0] = '\0';
		snprintf(err, err_len, "%s: %s", o->path, strerror(n));
		return -n;
	}
	return 0;
}

int outfile_flush(FILE *f)
{
	errno = 0;
	if (!fflush(f) && !ferror(f))
		return 0;
	if (!errno && write(fileno(f), "\n", 1) == 1)
		return -EIO;
	return -errno;
}

int outfile_finish(struct outfile *o, char *err, size_t err_len)
{
	int rc = -outfile_flush(o->f);

	if (!rc && fsync(fileno(o->f)) != 0)
		rc = errno;
	if (fclose(o->f) != 0 && !rc)
		rc = errno;
	o->f = NULL;
	if (!rc)
		return 0;
	snprintf(err, err_len, "%s: %s", o->path, strerror(rc));
	outfile_drop(o);
	return -rc;
}

int outfile_rename(struct outfile *o, char *err, size_t err_len)
{
	if (rename(o->tmp, o->path) != 0) {
		int rc = errno;

		snprintf(err, err_len, "%s: %s", o->path, strerror(rc));
		outfile_drop(o);
		return -rc;
	}
	o->tmp[0] = '\0';
	return 0;
}

int outfile_close(struct outfile *o, char *err, size_t err_len)
{
	int rc = outfile_finish(o, err, err_len);

	return rc ? rc : outfile_rename(o, err, err_len);
}

void outfile_drop(struct outfile *o)
{
	if (o->f)
		fclose(o->f);
	o->f = NULL;
	if (o->tmp[0])
		unlink(o->tmp);
	o->tmp[0] = '\0';
}

int outfile_json(const char *dir, const char *name, const json_t *root,
		 char *err, size_t err_len)
{
	struct outfile out;
	int rc = outfile_open(&out, dir, name, err, err_len);

	if (rc)
		return rc;
	/* what the stream knows outfile_close() says */
	if (json_dumpf(root, out.f, JSON_INDENT(1)) && !ferror(out.f)) {
		outfile_drop(&out);
		snprintf(err, err_len, "%s: out of memory", out.path);
		return -ENOMEM;
	}
	fputc('\n', out.f);
	return outfile_close(&out, err, err_len);
}

void csv_field(FILE *f, const char *s)
{
	if (!strpbrk(s, ",\"\r\n")) {
		fputs(s, f);
		return;
	}
	putc('"', f);
	for (; *s; s++) {
		if (*s == '"')
			putc('"', f);
		putc(*s, f);
	}
	putc('"', f);
}

void number_text(double v, char *buf, size_t len)
{
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(buf, len, "%.*g", digits, v);
		if (strtod(buf, NULL) == v)
			return;
	}
}
