/*
 * Strict reading of JSON (see json_read.h). A file is read whole, up to
 * JSON_FILE_MAX, before it is parsed, so a file that grows or a device cannot
 * keep the reader busy.
 */
#include "harness/json_read.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int json_complain(const struct json_reader *r, const char *key,
		  const char *expected)
{
	snprintf(r->err, r->err_len, "%s: %s: expected %s", r->file, key,
		 expected);
	return -EINVAL;
}

json_t *json_read_memory(const struct json_reader *r, const char *text,
			 size_t len)
{
	json_error_t error;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);

	if (!root) {
		snprintf(r->err, r->err_len, "%s:%d: not JSON: %s", r->file,
			 error.line, error.text);
		return NULL;
	}
	if (!json_is_object(root)) {
		json_decref(root);
		snprintf(r->err, r->err_len, "%s: expected a JSON object",
			 r->file);
		return NULL;
	}
	return root;
}

static ssize_t read_all(int fd, char *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

json_t *json_read_file(const struct json_reader *r, const char *path,
		       bool *missing)
{
	json_t *root = NULL;
	char *text = NULL;
	struct stat st;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (missing)
		*missing = fd < 0 && errno == ENOENT;
	if (fd < 0 || fstat(fd, &st) != 0) {
		snprintf(r->err, r->err_len, "%s: %s", r->file,
			 strerror(errno));
		goto out;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > (off_t)JSON_FILE_MAX) {
		snprintf(r->err, r->err_len,
			 "%s: expected a regular file of at most %u MiB",
			 r->file, JSON_FILE_MAX >> 20);
		goto out;
	}
	text = malloc((size_t)st.st_size + 1);
	n = text ? read_all(fd, text, (size_t)st.st_size) : -ENOMEM;
	if (n < 0)
		snprintf(r->err, r->err_len, "%s: %s", r->file,
			 strerror((int)-n));
	else
		root = json_read_memory(r, text, (size_t)n);
out:
	free(text);
	if (fd >= 0)
		close(fd);
	return root;
}

int json_want_string(const struct json_reader *r, const json_t *obj,
		     const char *key, size_t max, const char **out)
{
	const json_t *v = json_object_get(obj, key);
	size_t len = v ? json_string_length(v) : 0;
	char expected[64];

	snprintf(expected, sizeof(expected), "a string of 1 to %zu bytes", max);
	if (!json_is_string(v) || !len || len > max)
		return json_complain(r, key, expected);
	*out = json_string_value(v);
	return 0;
}

int json_want_int(const struct json_reader *r, const json_t *obj,
		  const char *key, const int64_t range[2], int64_t *out)
{
	const json_t *v = json_object_get(obj, key);
	char expected[96];
	json_int_t i;

	snprintf(expected, sizeof(expected), "an integer from %lld to %lld",
		 (long long)range[0], (long long)range[1]);
	if (!json_is_integer(v))
		return json_complain(r, key, expected);
	i = json_integer_value(v);
	if (i < range[0] || i > range[1])
		return json_complain(r, key, expected);
	*out = i;
	return 0;
}

int json_want_bool(const struct json_reader *r, const json_t *obj,
		   const char *key, bool *out)
{
	const json_t *v = json_object_get(obj, key);

	if (!json_is_boolean(v))
		return json_complain(r, key, "true or false");
	*out = json_is_true(v);
	return 0;
}

int json_want_number(const struct json_reader *r, const json_t *obj,
		     const char *key, double *out, bool *present)
{
	const json_t *v = json_object_get(obj, key);
	double d = json_number_value(v);

	if (!(json_is_number(v) && isfinite(d)) && !json_is_null(v))
		return json_complain(r, key, "a number or null");
	*present = json_is_number(v);
	*out = *present ? d : 0;
	return 0;
}

int json_want_array(const struct json_reader *r, const json_t *obj,
		    const char *key, size_t max, const json_t **out)
{
	const json_t *v = json_object_get(obj, key);
	char expected[64];

	snprintf(expected, sizeof(expected), "an array of at most %zu", max);
	if (!json_is_array(v) || json_array_size(v) > max)
		return json_complain(r, key, expected);
	*out = v;
	return 0;
}

int json_want_object(const struct json_reader *r, const json_t *obj,
		     const char *key, const json_t **out)
{
	const json_t *v = json_object_get(obj, key);

	if (!json_is_object(v))
		return json_complain(r, key, "an object");
	*out = v;
	return 0;
}

const char *json_text_or(const json_t *obj, const char *key,
			 const char *fallback)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return s ? s : fallback;
}

double json_number_or(const json_t *obj, const char *key, double fallback)
{
	const json_t *v = json_object_get(obj, key);

	return json_is_number(v) ? json_number_value(v) : fallback;
}
