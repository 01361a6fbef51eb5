/* Numbers, sizes, durations, lists and the nearest name. */
#include "harness/kv.h"

#include <errno.h>

#include <criterion/criterion.h>

struct scan_case {
	const char *text;
	int result;
	uint64_t value;
};

static void check_table(int (*scan)(const char *, uint64_t *),
			const struct scan_case *c, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		uint64_t v = 0;
		int r = scan(c[i].text, &v);

		cr_expect_eq(r, c[i].result, "'%s': %d", c[i].text, r);
		if (!c[i].result)
			cr_expect_eq(v, c[i].value, "'%s': %llu", c[i].text,
				     (unsigned long long)v);
	}
}

Test(kv, integers)
{
	static const struct scan_case table[] = {
		{ "0", 0, 0 },
		{ "007", 0, 7 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "99999999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "1.0", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
	};

	check_table(scan_uint, table, ARRAY_SIZE(table));
}

Test(kv, sizes)
{
	static const struct scan_case table[] = {
		{ "4096", 0, 4096 },
		{ "4096B", 0, 4096 },
		{ "64K", 0, 65536 },
		{ "64k", 0, 65536 },
		{ "64KiB", 0, 65536 },
		{ "4M", 0, 4 << 20 },
		{ "2GiB", 0, 2ULL << 30 },
		{ "16T", 0, 16ULL << 40 },
		{ "16777215T", 0, 16777215ULL << 40 },
		{ "16777216T", -ERANGE, 0 },
		{ "4KB", -EINVAL, 0 },
		{ "4Q", -EINVAL, 0 },
		{ "K", -EINVAL, 0 },
		{ "1.5G", -EINVAL, 0 },
		{ "4G ", -EINVAL, 0 },
	};

	check_table(scan_size, table, ARRAY_SIZE(table));
}

Test(kv, durations)
{
	static const struct scan_case table[] = {
		{ "2", 0, 2000000000 },
		{ "2s", 0, 2000000000 },
		{ "500ms", 0, 500000000 },
		{ "20us", 0, 20000 },
		{ "100ns", 0, 100 },
		{ "1.5m", 0, 90000000000 },
		{ "0.25s", 0, 250000000 },
		{ "0", 0, 0 },
		{ "1.", -EINVAL, 0 },
		{ ".5", -EINVAL, 0 },
		{ "1h", -EINVAL, 0 },
		{ "1 s", -EINVAL, 0 },
		{ "1e9", -EINVAL, 0 },
		{ "0.0000000001s", -ERANGE, 0 },
		{ "18446744073709551615s", -ERANGE, 0 },
	};

	check_table(scan_duration, table, ARRAY_SIZE(table));
}

Test(kv, percentages)
{
	static const struct scan_case table[] = {
		{ "50%", 0, 50 },       { "0%", 0, 0 },
		{ "50", -EINVAL, 0 },   { "%", -EINVAL, 0 },
		{ "50%%", -EINVAL, 0 }, { "5.5%", -EINVAL, 0 },
	};

	check_table(scan_percent, table, ARRAY_SIZE(table));
}

Test(kv, ranges_of_sizes)
{
	uint64_t lo, hi;

	cr_assert_eq(scan_size_range("4K-1M", &lo, &hi), 0);
	cr_expect(lo == 4096 && hi == 1 << 20);
	cr_assert_eq(scan_size_range("132K", &lo, &hi), 0);
	cr_expect(lo == 132 << 10 && hi == lo);
	cr_expect_eq(scan_size_range("8K-4K", &lo, &hi), -EINVAL);
	cr_expect_eq(scan_size_range("4K-", &lo, &hi), -EINVAL);
	cr_expect_eq(scan_size_range("-4K", &lo, &hi), -EINVAL);
	cr_expect_eq(scan_size_range("4K 8K", &lo, &hi), -EINVAL);
}

Test(kv, what_is_printed_is_read_back)
{
	static const uint64_t values[] = { 0,       1,          1023,
					   1024,    1536,       1 << 20,
					   3 << 20, 5ULL << 30, UINT64_MAX };
	char buf[64];
	uint64_t v;

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		format_size(values[i], buf, sizeof(buf));
		cr_expect(!scan_size(buf, &v) && v == values[i], "%s", buf);
		format_duration(values[i], buf, sizeof(buf));
		cr_expect(!scan_duration(buf, &v) && v == values[i], "%s", buf);
	}
	format_size(64 << 10, buf, sizeof(buf));
	cr_expect_str_eq(buf, "64K");
	format_duration(200000000, buf, sizeof(buf));
	cr_expect_str_eq(buf, "200ms");
}

Test(kv, lists)
{
	static const struct {
		const char *text, *element[4];
		int last; /* of the call after the elements */
	} table[] = {
		{ "a", { "a" }, 0 },
		{ "1, 2 ,50%", { "1", "2", "50%" }, 0 },
		{ "\"a,b\",c", { "a,b", "c" }, 0 },
		{ "a\\,b,c", { "a,b", "c" }, 0 },
		{ "a\\\\,b", { "a\\", "b" }, 0 },
		{ "\" a \"", { " a " }, 0 },
		{ "a,", { "a" }, -EINVAL },
		{ ",a", { NULL }, -EINVAL },
		{ "a,,b", { "a" }, -EINVAL },
		{ "\"a", { NULL }, -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const char *rest = table[i].text;
		char buf[16];
		unsigned n = 0;

		for (; n < 4 && table[i].element[n]; n++) {
			cr_assert_not_null(rest, "%s", table[i].text);
			cr_assert_eq(list_next(&rest, buf, sizeof(buf)), 0);
			cr_expect_str_eq(buf, table[i].element[n]);
		}
		if (table[i].last)
			cr_expect_eq(list_next(&rest, buf, sizeof(buf)),
				     table[i].last, "%s", table[i].text);
		else
			cr_expect_null(rest, "%s", table[i].text);
	}
}

Test(kv, an_element_that_is_too_long)
{
	const char *rest = "123456789";
	char buf[8];

	cr_expect_eq(list_next(&rest, buf, sizeof(buf)), -ENAMETOOLONG);
}

Test(kv, nearest_name)
{
	static const char *const names[] = { "engine",  "order", "order_max",
					     "threads", "pair",  "nr" };
	static const struct {
		const char *text, *nearest;
	} table[] = {
		{ "engin", "engine" },  { "ordr", "order" },
		{ "ENGINE", "engine" }, { "threds", "threads" },
		{ "piar", "pair" },     { "ordermax", "order_max" },
		{ "completely", NULL }, { "", NULL },
		{ "xy", NULL },         { "rn", "nr" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const char *near =
			nearest_name(table[i].text, names, ARRAY_SIZE(names));

		cr_expect(near == table[i].nearest ||
				  (near && table[i].nearest &&
				   !strcmp(near, table[i].nearest)),
			  "'%s': %s", table[i].text, near ? near : "none");
	}
}

Test(kv, a_message_stays_on_its_line)
{
	const struct where at = { "job.ini", 7 }, cli = { "command line", 0 };
	char buf[64], err[128];

	cr_expect_str_eq(printable("a\nb\xff", buf, sizeof(buf)), "a?b?");
	cr_expect_eq(strlen(printable("12345678901234567890123456789012345678"
				      "901234567890123456789012345678",
				      buf, sizeof(buf))),
		     51);
	fail_at(&at, err, sizeof(err), "%s=%d", "order", 11);
	cr_expect_str_eq(err, "job.ini:7: order=11");
	fail_at(&cli, err, sizeof(err), "x");
	cr_expect_str_eq(err, "command line: x");
}
