/*
 * Latency over time of cells with reclaim: latency.csv, made of the workers'
 * timelines, on the clock of series.csv and events.csv.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "harness/rep.h"
#include "workloads/lib/timeline.h"

/* Samples beyond a percentile that an interval must have to show it. */
#define BEYOND_MIN 1

int rep_timeline_init(struct rep_thread *t)
{
	const struct rep *rep = t->rep;
	const uint64_t window = rep->params->lat_runtime_ns;
	uint64_t ns = rep->params->interval_ns;

	if (!rep->reclaim || !window)
		return 0;
	if (ns < window / TIMELINE_INTERVALS_MAX + 1)
		ns = window / TIMELINE_INTERVALS_MAX + 1;
	t->w->timeline = timeline_create((uint32_t)((window + ns - 1) / ns),
					 clock_ticks(&rep->clock, ns));
	return t->w->timeline ? 0 : -ENOMEM;
}

bool rep_has_timeline(const struct rep *rep)
{
	return rep->team.nr && rep->team.worker[0].timeline;
}

static void put_percentile(FILE *f, const struct rep *rep,
			   const struct timeline_interval *at,
			   enum latency_kind kind, double percent)
{
	const double n = (double)timeline_count(at, kind);

	fputc(',', f);
	if (n * (100 - percent) / 100 >= BEYOND_MIN)
		fprintf(f, "%.0f",
			clock_ns(&rep->clock,
				 timeline_percentile(at, kind, percent)));
}

static void put_interval(FILE *f, const struct rep *rep,
			 const struct timeline *t, uint32_t i)
{
	static const char *const names[NR_LATENCIES] = { "alloc", "free",
							 "touch" };
	const struct timeline_interval *at = &t->at[i];
	const int64_t begin = rep_since_gate(rep, t->begin + i * t->ticks);

	for (unsigned k = 0; k < NR_LATENCIES; k++) {
		const enum latency_kind kind = (enum latency_kind)k;
		const uint64_t n = timeline_count(at, kind);

		if (!n && (k != LAT_ALLOC || !at->asked))
			continue;
		fprintf(f, "%" PRId64 ",%s,%" PRIu64, begin, names[k], n);
		put_percentile(f, rep, at, kind, 50);
		put_percentile(f, rep, at, kind, 90);
		put_percentile(f, rep, at, kind, 99);
		if (n)
			fprintf(f, ",%.0f", clock_ns(&rep->clock, at->max[k]));
		else
			fputc(',', f);
		if (k == LAT_ALLOC && at->asked)
			fprintf(f, ",%" PRIu64 ",%" PRIu64 "\n", at->asked,
				at->got);
		else
			fputs(",,\n", f);
	}
}

void rep_timeline_text(FILE *f, const struct rep *rep)
{
	const struct timeline *first = rep->team.worker[0].timeline;
	struct timeline *sum = timeline_create(first->nr, first->ticks);

	fputs("t_ns,kind,n,p50_ns,p90_ns,p99_ns,max_ns,asked,got\n", f);
	if (!sum)
		return;
	sum->begin = first->begin;
	for (unsigned i = 0; i < rep->team.nr; i++)
		timeline_add(sum, rep->team.worker[i].timeline);
	for (uint32_t i = 0; i < sum->nr; i++)
		put_interval(f, rep, sum, i);
	free(sum);
}
