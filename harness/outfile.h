/*
 * A file that appears whole or not at all: written beside its place under
 * another name, synced, then renamed.
 */
#ifndef HARNESS_OUTFILE_H
#define HARNESS_OUTFILE_H

#include <jansson.h>
#include <limits.h>
#include <stdio.h>

#include "alloc/base/base.h"

struct outfile {
	FILE *f;
	char path[PATH_MAX], tmp[PATH_MAX];
};

/* 0, or -errno with one line in err. */
int outfile_open(struct outfile *o, const char *dir, const char *name,
		 char *err, size_t err_len) MUST_CHECK;
/* 0, or the -errno of what could not be written. A stream whose earlier write
 * failed does not tell why: one byte more, of a file that is given up, has the
 * same error. */
int outfile_flush(FILE *f) MUST_CHECK;
/* Flush and sync; on error the temporary file is gone. */
int outfile_finish(struct outfile *o, char *err, size_t err_len) MUST_CHECK;
/* After a finish that succeeded. */
int outfile_rename(struct outfile *o, char *err, size_t err_len) MUST_CHECK;
/* Both. */
int outfile_close(struct outfile *o, char *err, size_t err_len) MUST_CHECK;
/* Throws away what was written; after any of the above, or never opened. */
void outfile_drop(struct outfile *o);

/* The file that holds this value alone, one level of indent a space. */
int outfile_json(const char *dir, const char *name, const json_t *root,
		 char *err, size_t err_len) MUST_CHECK;

/* One field of a CSV line, quoted where RFC 4180 asks for it. */
void csv_field(FILE *f, const char *s);
/* The shortest decimal that reads back as the same double; finite. */
void number_text(double v, char *buf, size_t len);

#endif
