/* Plain CSV files: what is in them, and what is refused. */
#include "harness/csv_table.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Loads text from a file; the file is gone afterwards. */
static int load(struct csv_table *t, const char *text, size_t len)
{
	char path[] = "/tmp/csv-table-XXXXXX", err[256];
	int fd = mkstemp(path), r;

	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, text, len), (ssize_t)len);
	close(fd);
	r = csv_load(t, path, err, sizeof(err));
	if (r)
		cr_assert(strstr(err, path), "%s", err);
	unlink(path);
	return r;
}

Test(csv_table, fields_by_the_names_of_their_columns)
{
	static const char text[] = "t_ns,kind,n\n1,alloc,2.5\n-3,free,\n";
	struct csv_table t;

	cr_assert_eq(load(&t, text, strlen(text)), 0);
	cr_assert_eq(t.nr_rows, 2);
	cr_assert_eq(csv_column(&t, "kind"), 1);
	cr_assert_eq(csv_column(&t, "kin"), -1);
	cr_assert_str_eq(csv_text(&t, 1, 1), "free");
	cr_assert_str_eq(csv_text(&t, 1, -1), "");
	cr_assert_eq(csv_number(&t, 0, 2), 2.5);
	cr_assert_eq(csv_number(&t, 1, 0), -3);
	cr_assert(isnan(csv_number(&t, 1, 2)));
	cr_assert(isnan(csv_number(&t, 0, 1)));
	csv_drop(&t);
}

Test(csv_table, what_is_no_table_is_refused)
{
	static const struct {
		const char *text;
		size_t len;
	} bad[] = {
		{ "", 0 },
		{ "a,b", 3 },           /* no line end */
		{ "a,b\n1\n", 6 },      /* too few */
		{ "a,b\n1,2,3\n", 10 }, /* too many */
		{ "a\n\0\n", 4 },       /* NUL */
	};
	struct csv_table t;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_assert_eq(load(&t, bad[i].text, bad[i].len), -EINVAL,
			     "row %zu", i);
}

Test(csv_table, a_file_that_is_not_there)
{
	struct csv_table t;
	char err[256];

	cr_assert_eq(csv_load(&t, "/nonexistent/x.csv", err, sizeof(err)),
		     -ENOENT);
}
