/* Intervals and percentiles against values that are known. */
#include "workloads/lib/timeline.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(timeline, what_is_recorded_stands_in_its_interval)
{
	struct timeline *t = timeline_create(4, 100);

	cr_assert(t);
	t->begin = 1000;
	timeline_record(t, LAT_ALLOC, 999, 5);  /* before: the first */
	timeline_record(t, LAT_ALLOC, 1099, 7); /* the first's last tick */
	timeline_record(t, LAT_ALLOC, 1100, 9);
	timeline_record(t, LAT_FREE, 1399, 11);
	timeline_record(t, LAT_FREE, 5000, 13); /* after the end: the last */
	timeline_asked(t, 1250, true);
	timeline_asked(t, 1251, false);
	cr_assert_eq(timeline_count(&t->at[0], LAT_ALLOC), 2);
	cr_assert_eq(timeline_count(&t->at[1], LAT_ALLOC), 1);
	cr_assert_eq(timeline_count(&t->at[2], LAT_ALLOC), 0);
	cr_assert_eq(timeline_count(&t->at[3], LAT_FREE), 2);
	cr_assert_eq(t->at[2].asked, 2);
	cr_assert_eq(t->at[2].got, 1);
	cr_assert_eq(timeline_percentile(&t->at[0], LAT_ALLOC, 50), 5);
	cr_assert_eq(timeline_percentile(&t->at[0], LAT_ALLOC, 99), 7);
	cr_assert_eq(timeline_percentile(&t->at[2], LAT_ALLOC, 99), 0);
	cr_assert_eq(t->at[3].max[LAT_FREE], 13);
	free(t);
}

/* At every size: not below the value, and at most a sixteenth above. */
Test(timeline, a_value_is_known_to_a_sixteenth)
{
	for (uint64_t v = 1; v < 1ULL << 39; v += v / 7 + 1) {
		struct timeline *t = timeline_create(1, 1);
		uint64_t p;

		cr_assert(t);
		timeline_record(t, LAT_ALLOC, 0, v);
		timeline_record(t, LAT_ALLOC, 0, 2 * v); /* so that max is not
							    the answer */
		p = timeline_percentile(t->at, LAT_ALLOC, 50);
		cr_assert(p >= v && p <= v + v / 16, "%llu for %llu",
			  (unsigned long long)p, (unsigned long long)v);
		free(t);
	}
}

Test(timeline, sums_of_two_workers)
{
	struct timeline *a = timeline_create(2, 10), *b;

	b = timeline_create(2, 10);
	cr_assert(a && b);
	for (unsigned i = 0; i < 99; i++)
		timeline_record(a, LAT_ALLOC, 3, 100);
	timeline_record(b, LAT_ALLOC, 4, 1u << 20);
	timeline_asked(b, 12, true);
	timeline_add(a, b);
	cr_assert_eq(timeline_count(&a->at[0], LAT_ALLOC), 100);
	cr_assert_leq(timeline_percentile(&a->at[0], LAT_ALLOC, 99), 106);
	cr_assert_eq(timeline_percentile(&a->at[0], LAT_ALLOC, 100), 1u << 20);
	cr_assert_eq(a->at[1].got, 1);
	free(a);
	free(b);
}
