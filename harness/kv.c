/*
 * Values as people write them. See kv.h.
 */
#include "harness/kv.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_LEN 64

/* Digits at *text; moves *text behind them. */
static int scan_digits(const char **text, uint64_t *out)
{
	const char *s = *text;
	uint64_t v = 0;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	for (; isdigit((unsigned char)*s); s++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return -ERANGE;
	}
	*text = s;
	*out = v;
	return 0;
}

int scan_uint(const char *text, uint64_t *out)
{
	int r = scan_digits(&text, out);

	return r ? r : *text ? -EINVAL : 0;
}

int scan_percent(const char *text, uint64_t *percent)
{
	int r = scan_digits(&text, percent);

	return r ? r : strcmp(text, "%") ? -EINVAL : 0;
}

/* Shift of a size suffix at *text, moved behind it; -1: no such suffix. */
static int size_shift(const char **text)
{
	static const char letters[] = "KMGT";
	const char *s = *text, *at;
	int shift = 0;

	at = *s ? strchr(letters, toupper((unsigned char)*s)) : NULL;
	if (at) {
		shift = 10 * (int)(at - letters + 1);
		s++;
		if (!strncasecmp(s, "iB", 2))
			s += 2;
	} else if (*s == 'B') {
		s++;
	}
	*text = s;
	return shift;
}

static int scan_size_at(const char **text, uint64_t *bytes)
{
	uint64_t v;
	int shift, r = scan_digits(text, &v);

	if (r)
		return r;
	shift = size_shift(text);
	if (v > UINT64_MAX >> shift)
		return -ERANGE;
	*bytes = v << shift;
	return 0;
}

int scan_size(const char *text, uint64_t *bytes)
{
	int r = scan_size_at(&text, bytes);

	return r ? r : *text ? -EINVAL : 0;
}

int scan_size_range(const char *text, uint64_t *lo, uint64_t *hi)
{
	int r = scan_size_at(&text, lo);

	if (r)
		return r;
	if (*text != '-') {
		*hi = *lo;
		return *text ? -EINVAL : 0;
	}
	r = scan_size(text + 1, hi);
	return r ? r : *lo > *hi ? -EINVAL : 0;
}

static const struct {
	const char *name;
	uint64_t ns;
} time_units[] = {
	{ "m", 60000000000ULL }, { "s", 1000000000 }, { "ms", 1000000 },
	{ "us", 1000 },          { "ns", 1 },
};

static uint64_t time_unit(const char *name)
{
	if (!*name)
		return 1000000000;
	for (size_t i = 0; i < ARRAY_SIZE(time_units); i++)
		if (!strcmp(name, time_units[i].name))
			return time_units[i].ns;
	return 0;
}

int scan_duration(const char *text, uint64_t *ns)
{
	uint64_t whole, unit, part = 0, scale = 1;
	int r = scan_digits(&text, &whole);

	if (r)
		return r;
	if (*text == '.') {
		text++;
		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		for (; isdigit((unsigned char)*text); text++) {
			if (scale == 1000000000)
				return -ERANGE;
			part = part * 10 + (uint64_t)(*text - '0');
			scale *= 10;
		}
	}
	unit = time_unit(text);
	if (!unit)
		return -EINVAL;
	if (__builtin_mul_overflow(whole, unit, &whole) ||
	    __builtin_add_overflow(whole, mult_frac(part, unit, scale), ns))
		return -ERANGE;
	return 0;
}

void format_size(uint64_t bytes, char *buf, size_t len)
{
	static const char suffix[] = { 0, 'K', 'M', 'G', 'T' };
	unsigned i = 0;

	while (bytes && bytes % 1024 == 0 && i + 1 < sizeof(suffix)) {
		bytes /= 1024;
		i++;
	}
	snprintf(buf, len, "%" PRIu64 "%.1s", bytes, &suffix[i]);
}

void format_duration(uint64_t ns, char *buf, size_t len)
{
	size_t i = 1; /* minutes are read, not printed */

	while (i + 1 < ARRAY_SIZE(time_units) && ns % time_units[i].ns)
		i++;
	snprintf(buf, len, "%" PRIu64 "%s", ns / time_units[i].ns,
		 time_units[i].name);
}

int list_next(const char **rest, char *buf, size_t len)
{
	const char *s = *rest;
	bool quoted = false, had_quote = false;
	size_t n = 0, keep = 0;

	while (isblank((unsigned char)*s))
		s++;
	for (; *s && (quoted || *s != ','); s++) {
		if (*s == '"') {
			quoted = !quoted;
			had_quote = true;
			keep = n;
			continue;
		}
		if (*s == '\\' && (s[1] == ',' || s[1] == '"' || s[1] == '\\'))
			s++;
		if (n + 1 >= len)
			return -ENAMETOOLONG;
		buf[n++] = *s;
	}
	if (quoted)
		return -EINVAL;
	while (n > keep && isblank((unsigned char)buf[n - 1]))
		n--;
	buf[n] = 0;
	*rest = *s ? s + 1 : NULL;
	return n || had_quote ? 0 : -EINVAL;
}

static bool same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Insertions, deletions, changes and swaps of neighbours; both < NAME_MAX_LEN
 * characters. */
static unsigned edit_distance(const char *a, const char *b)
{
	unsigned row[3][NAME_MAX_LEN + 1];
	size_t la = strlen(a), lb = strlen(b);

	for (size_t j = 0; j <= lb; j++)
		row[0][j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned *cur = row[i % 3], *up = row[(i + 2) % 3];
		const unsigned *up2 = row[(i + 1) % 3];

		cur[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			bool same = same_letter(a[i - 1], b[j - 1]);

			cur[j] = min3(up[j] + 1, cur[j - 1] + 1,
				      up[j - 1] + !same);
			if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
			    same_letter(a[i - 2], b[j - 1]))
				cur[j] = min3(cur[j], up2[j - 2] + 1, cur[j]);
		}
	}
	return row[la % 3][lb];
}

const char *nearest_name(const char *text, const char *const *name, unsigned nr)
{
	const char *best = NULL;
	unsigned best_distance = UINT32_MAX;
	size_t len = strlen(text);

	if (len >= NAME_MAX_LEN)
		return NULL;
	for (unsigned i = 0; i < nr; i++) {
		unsigned d;

		if (strlen(name[i]) >= NAME_MAX_LEN)
			continue;
		d = edit_distance(text, name[i]);
		if (d < best_distance) {
			best_distance = d;
			best = name[i];
		}
	}
	/* A third of the letters may be wrong, two in short words. */
	if (!best || best_distance > max_long(2, (long)len / 3) ||
	    best_distance >= len)
		return NULL;
	return best;
}

const char *printable(const char *text, char *buf, size_t len)
{
	const size_t most = 48;
	size_t n = 0;

	for (; text[n] && n < most && n + 4 < len; n++)
		buf[n] = (char)(text[n] >= ' ' && text[n] <= '~' ? text[n]
								 : '?');
	strcpy(buf + n, text[n] ? "..." : "");
	return buf;
}

int fail_at(const struct where *where, char *err, size_t err_len,
	    const char *fmt, ...)
{
	va_list args;
	int n;

	if (where->line)
		n = snprintf(err, err_len, "%s:%d: ", where->file, where->line);
	else
		n = snprintf(err, err_len, "%s: ", where->file);
	if (n < 0 || (size_t)n >= err_len)
		return -EINVAL;
	va_start(args, fmt);
	vsnprintf(err + n, err_len - (size_t)n, fmt, args);
	va_end(args);
	return -EINVAL;
}
