/* Reading of text files; see textfile.h. */
#include "harness/textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int read_all(int fd, struct textfile *out)
{
	size_t cap = 1 << 16;
	char *text = malloc(cap);
	size_t len = 0;

	for (;;) {
		char *grown;
		ssize_t n;

		if (!text)
			return -ENOMEM;
		n = read(fd, text + len, cap - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || len + (size_t)n > TEXTFILE_MAX) {
			int rc = n < 0 ? -errno : -EFBIG;

			free(text);
			return rc;
		}
		len += (size_t)n;
		if (n == 0)
			break;
		if (len + 1 < cap)
			continue;
		cap *= 2;
		grown = realloc(text, cap);
		if (!grown)
			free(text);
		text = grown;
	}
	text[len] = '\0';
	out->text = text;
	out->len = len;
	return 0;
}

int textfile_read(const char *path, struct textfile *out, char *err,
		  size_t err_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc;

	*out = (struct textfile){ 0 };
	rc = fd < 0 ? -errno : read_all(fd, out);
	if (fd >= 0)
		close(fd);
	if (rc)
		snprintf(err, err_len, "%s: %s", path, strerror(-rc));
	return rc;
}

void textfile_free(struct textfile *f)
{
	free(f->text);
	*f = (struct textfile){ 0 };
}

int text_next_line(struct text_cursor *c, char *buf, size_t len)
{
	const char *newline;
	size_t n;

	if (c->next == c->end)
		return 0;
	c->where.line++;
	newline = memchr(c->next, '\n', (size_t)(c->end - c->next));
	n = (size_t)((newline ? newline : c->end) - c->next);
	if (n >= len)
		return text_fail(c, "line of %zu bytes, expected at most %zu",
				 n, len - 1);
	if (memchr(c->next, '\0', n))
		return text_fail(c, "expected text, found a NUL byte");
	memcpy(buf, c->next, n);
	buf[n] = '\0';
	c->next = newline ? newline + 1 : c->end;
	return 1;
}

int text_fail(const struct text_cursor *c, const char *fmt, ...)
{
	char message[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	return fail_at(&c->where, c->err, c->err_len, "%s", message);
}

bool text_take(const char **p, const char *literal)
{
	size_t n = strlen(literal);

	if (strncmp(*p, literal, n))
		return false;
	*p += n;
	return true;
}

bool text_take_uint(const char **p, uint64_t max, uint64_t *out)
{
	const char *s = *p;
	uint64_t v = 0;

	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++) {
		uint64_t digit = (uint64_t)(*s - '0');

		if (v > (max - digit) / 10 || digit > max)
			return false;
		v = v * 10 + digit;
	}
	*p = s;
	*out = v;
	return true;
}

const char *text_skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

int text_parse_list(const char *text, bool *set, unsigned nr, unsigned *count)
{
	const char *p = text_skip_blanks(text);

	memset(set, 0, nr * sizeof(*set));
	*count = 0;
	if (!*p || *p == '\n')
		return 0;
	for (;;) {
		uint64_t lo, hi;

		if (!text_take_uint(&p, nr - 1, &lo))
			return -EINVAL;
		hi = lo;
		if (text_take(&p, "-") && !text_take_uint(&p, nr - 1, &hi))
			return -EINVAL;
		if (hi < lo)
			return -EINVAL;
		for (uint64_t i = lo; i <= hi; i++) {
			*count += !set[i];
			set[i] = true;
		}
		if (!text_take(&p, ","))
			break;
	}
	p = text_skip_blanks(p);
	return *p && strcmp(p, "\n") ? -EINVAL : 0;
}
