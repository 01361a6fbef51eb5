/*
 * Strict reading of JSON from files that may be damaged or hostile: size is
 * bounded, duplicate keys are refused, and every getter says which file and
 * which key was not as expected.
 */
#ifndef HARNESS_JSON_READ_H
#define HARNESS_JSON_READ_H

#include <jansson.h>

#include "alloc/base/base.h"

#define JSON_FILE_MAX (64u << 20) /* bytes */

/* Where a message comes from and where it goes. */
struct json_reader {
	const char *file; /* as shown to the user */
	char *err;
	size_t err_len;
};

/* An object at top level, or NULL with one line in r->err; the caller owns the
 * reference. *missing (may be NULL) tells an absent file from a bad one. */
json_t *json_read_file(const struct json_reader *r, const char *path,
		       bool *missing) MUST_CHECK;
/* The same from memory; for tests and fuzzers. */
json_t *json_read_memory(const struct json_reader *r, const char *text,
			 size_t len) MUST_CHECK;

/* 0, or -EINVAL with one line in r->err. A getter never changes *out on error.
 * Strings are borrowed from obj, of 1 .. max bytes without NUL. */
int json_want_string(const struct json_reader *r, const json_t *obj,
		     const char *key, size_t max, const char **out) MUST_CHECK;
int json_want_int(const struct json_reader *r, const json_t *obj,
		  const char *key, const int64_t range[2], int64_t *out)
	MUST_CHECK;
int json_want_bool(const struct json_reader *r, const json_t *obj,
		   const char *key, bool *out) MUST_CHECK;
/* Finite, or null: then *present is false and *out 0. */
int json_want_number(const struct json_reader *r, const json_t *obj,
		     const char *key, double *out, bool *present) MUST_CHECK;
int json_want_array(const struct json_reader *r, const json_t *obj,
		    const char *key, size_t max, const json_t **out) MUST_CHECK;
int json_want_object(const struct json_reader *r, const json_t *obj,
		     const char *key, const json_t **out) MUST_CHECK;

/* "FILE: KEY: expected WHAT" in r->err; always -EINVAL. */
int json_complain(const struct json_reader *r, const char *key,
		  const char *expected);

/* One level of an optional path: "" or 0 where anything is absent. */
const char *json_text_or(const json_t *obj, const char *key,
			 const char *fallback);
double json_number_or(const json_t *obj, const char *key, double fallback);

#endif
