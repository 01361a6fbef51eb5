/* Plain CSV files; see csv_table.h. */
#include "harness/csv_table.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The whole file with a NUL behind it. */
static int read_all(const char *path, char **out, size_t *len)
{
	FILE *f = fopen(path, "re");
	size_t room = 0, used = 0, got = 1;
	char *text = NULL, *grown;
	int r = f ? 0 : -errno;

	while (f && !r && got) {
		if (used + 1 >= room) {
			room = room ? 2 * room : 1 << 16;
			grown = room > CSV_BYTES_MAX ? NULL
						     : realloc(text, room);
			if (!grown) {
				r = room > CSV_BYTES_MAX ? -EFBIG : -ENOMEM;
				break;
			}
			text = grown;
		}
		got = fread(text + used, 1, room - used - 1, f);
		used += got;
		if (ferror(f))
			r = -EIO;
	}
	if (f)
		fclose(f);
	if (r) {
		free(text);
		return r;
	}
	text[used] = '\0';
	*out = text;
	*len = used;
	return 0;
}

static unsigned count_of(const char *text, char c, size_t len)
{
	unsigned n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == c;
	return n;
}

/* Cuts a line into exactly nr fields. */
static bool cut(char *line, const char **field, unsigned nr)
{
	unsigned n = 0;

	for (char *s = line; s; n++) {
		if (n == nr)
			return false;
		field[n] = s;
		s = strchr(s, ',');
		if (s)
			*s++ = '\0';
	}
	return n == nr;
}

/* Lines are cut in place; the first one says how many columns there are. */
static int cut_all(struct csv_table *t, size_t len)
{
	const unsigned lines = count_of(t->text, '\n', len);
	unsigned row = 0;

	if (!lines || t->text[len - 1] != '\n' || strlen(t->text) != len)
		return -EINVAL;
	t->nr_columns = 1 + count_of(t->text, ',', strcspn(t->text, "\n"));
	t->nr_rows = lines - 1;
	if (t->nr_columns > CSV_COLUMNS_MAX)
		return -EINVAL;
	t->field = malloc((size_t)lines * t->nr_columns * sizeof(*t->field));
	if (!t->field)
		return -ENOMEM;
	for (char *s = t->text; row < lines; row++) {
		char *end = strchr(s, '\n');

		*end = '\0';
		if (!cut(s, &t->field[(size_t)row * t->nr_columns],
			 t->nr_columns))
			return -EINVAL;
		s = end + 1;
	}
	return 0;
}

int csv_load(struct csv_table *t, const char *path, char *err, size_t err_len)
{
	size_t len = 0;
	int r;

	memset(t, 0, sizeof(*t));
	r = read_all(path, &t->text, &len);
	if (!r)
		r = cut_all(t, len);
	if (r == -EINVAL)
		snprintf(err, err_len,
			 "%s: expected lines of %u fields, by commas", path,
			 t->nr_columns);
	else if (r)
		snprintf(err, err_len, "%s: %s", path, strerror(-r));
	if (r)
		csv_drop(t);
	return r;
}

void csv_drop(struct csv_table *t)
{
	free(t->field);
	free(t->text);
	memset(t, 0, sizeof(*t));
}

int csv_column(const struct csv_table *t, const char *name)
{
	for (unsigned i = 0; i < t->nr_columns; i++)
		if (!strcmp(t->field[i], name))
			return (int)i;
	return -1;
}

const char *csv_text(const struct csv_table *t, unsigned row, int column)
{
	return column < 0 ? ""
			  : t->field[(size_t)(row + 1) * t->nr_columns +
				     (unsigned)column];
}

double csv_number(const struct csv_table *t, unsigned row, int column)
{
	const char *text = csv_text(t, row, column);
	char *end;
	double v = strtod(text, &end);

	return *text && !*end && isfinite(v) ? v : NAN;
}
