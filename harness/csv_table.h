/*
 * A CSV file of a run in memory, by the names of its columns, for the charts.
 * Nothing here trusts its input. Fields are plain: the files that are read so
 * quote nothing.
 */
#ifndef HARNESS_CSV_TABLE_H
#define HARNESS_CSV_TABLE_H

#include <stddef.h>

#include "alloc/base/base.h"

#define CSV_BYTES_MAX   (1u << 28)
#define CSV_COLUMNS_MAX 64

struct csv_table {
	char *text;         /* the file; fields end with NUL */
	const char **field; /* [nr_rows + 1][nr_columns], row 0: the names */
	unsigned nr_rows, nr_columns;
};

/* 0, or -errno with one line in err: -ENOENT, -EFBIG, and -EINVAL for a row
 * with another number of fields than the first. */
int csv_load(struct csv_table *t, const char *path, char *err, size_t err_len)
	MUST_CHECK;
void csv_drop(struct csv_table *t);

/* Number of the column; -1: there is none. */
int csv_column(const struct csv_table *t, const char *name);
/* row < nr_rows. "" for column -1. */
const char *csv_text(const struct csv_table *t, unsigned row, int column);
/* NAN where the field is no finite number. */
double csv_number(const struct csv_table *t, unsigned row, int column);

#endif
