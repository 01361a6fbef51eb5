/*
 * The sampler: free blocks by order in time, and where each worker runs. It
 * reads statistics that zones keep anyway and the word that the
 * kernel keeps current in each thread's rseq area, so the measured loops do
 * nothing for it. Memory is taken and touched before the window.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/page/fragindex.h"
#include "harness/rep.h"

static unsigned populated_zones(const struct machine *m)
{
	unsigned nr = 0;

	for (unsigned z = 0; z < m->nr_zones; z++)
		nr += zone_managed(&m->zone[z]);
	return nr;
}

int samples_init(struct rep *rep)
{
	const struct job_params *p = rep->params;
	uint64_t looks = 16, cap;

	for (unsigned i = PHASE_RATE; i < NR_PHASES; i++)
		looks += phase_ns(rep, (enum rep_phase)i) / p->interval_ns + 2;
	if (numa_looks_init(rep, looks))
		return -ENOMEM;
	cap = looks * populated_zones(rep->machine);
	if (cap > UINT32_MAX / 2)
		return -ENOMEM;
	rep->samples.slot = malloc((cap + 1) * sizeof(*rep->samples.slot));
	if (!rep->samples.slot)
		return -ENOMEM;
	memset(rep->samples.slot, 0, (cap + 1) * sizeof(*rep->samples.slot));
	rep->samples.cap = (uint32_t)cap;
	return 0;
}

static void look_at_blocks(const struct zone *zone, struct sample *out)
{
	memset(out->blocks, 0, sizeof(out->blocks));
	for (uint64_t b = 0; b < zone->nr_pageblocks; b++) {
		/* relaxed: a statistic */
		const unsigned mt = atomic_load_explicit(&zone->pageblock_mt[b],
							 memory_order_relaxed);

		if (mt < NR_MIGRATETYPES && !zone_pageblock_is_hole(zone, b))
			out->blocks[mt]++;
	}
}

/*
 * Not by ops->snapshot(): that takes the zone's lock and walks its lists,
 * which a worker that wants the lock would wait for.
 */
static void look_at_zone(struct rep *rep, const struct zone *zone, uint64_t now,
			 const struct slab_look *slab)
{
	const struct page_ops *ops = rep->binding->ops;
	struct samples *s = &rep->samples;
	struct sample *out;

	if (s->nr == s->cap) {
		s->missed++;
		return;
	}
	out = &s->slot[s->nr++];
	out->tsc = now;
	out->zone = zone->id;
	zone_nr_free(zone, out->nr_free);
	out->free_pages = 0;
	for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
		out->free_pages += out->nr_free[o] << o;
	out->held = (struct zone_held){ 0 };
	if (ops->held)
		ops->held(rep->engine, zone, &out->held);
	look_at_blocks(zone, out);
	rep_reclaim_look(rep, zone, &out->reclaim);
	out->slab = *slab;
}

static void look_at_worker(struct rep_thread *t)
{
	uint32_t cpu;

	if (!t->rseq_cpu_id)
		return;
	/* relaxed: written by the kernel, a single word */
	cpu = __atomic_load_n(t->rseq_cpu_id, __ATOMIC_RELAXED);
	t->samples_total++;
	t->samples_on_cpu += cpu == t->rep->host->os_cpu[t->cpu];
}

void samples_take(struct rep *rep)
{
	const struct machine *m = rep->machine;
	const uint64_t now = tsc_read();
	const uint32_t first = rep->samples.nr;
	struct slab_look slab;

	for (unsigned i = 0; i < rep->team.nr; i++)
		look_at_worker(&rep->thread[i]);
	if (rep->binding->ops->features & PAGE_F_FLOOR)
		return;
	numa_look(rep, now);
	rep_slab_look(rep, now, &slab);
	for (unsigned z = 0; z < m->nr_zones; z++)
		if (zone_managed(&m->zone[z]))
			look_at_zone(rep, &m->zone[z], now, &slab);
	huge_look(rep, first);
}
