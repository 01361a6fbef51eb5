/*
 * kmalloc_mix: objects of the sizes that a real kernel asked for.
 *
 * Sizes are drawn from a recorded distribution, mix=git|hackbench|redis|tar
 * (workloads/data says what was recorded and how); lifetimes are geometric
 * (dist_victim()). The number of live objects rises and falls between N/4 and N
 * in waves, as load does. One op is one allocation, followed by as many frees
 * of random objects as the wave asks for, one on average.
 *
 * Shows the size classes: how many bytes are lost to rounding up, and, in the
 * troughs, how much memory an engine keeps that no object is in.
 */
#ifndef WORKLOADS_SLAB_KMALLOC_MIX_H
#define WORKLOADS_SLAB_KMALLOC_MIX_H

#include <errno.h>
#include <sys/mman.h>

#include "workloads/lib/dist.h"
#include "workloads/lib/loop.h"
#include "workloads/lib/size_mix.h"
#include "workloads/lib/slab_probe.h"
#include "workloads/lib/touch.h"

/* Of one rise and one fall, in multiples of N ops. */
#define KMALLOC_MIX_WAVE 16u

struct kmalloc_mix_slot {
	void *object;
	uint32_t size;
};

struct kmalloc_mix {
	uint32_t nr;   /* live objects, the first of slot[] */
	uint32_t max;  /* N */
	uint64_t at;   /* ops since the wave began */
	uint64_t live; /* bytes asked for */
	size_t bytes;  /* of this mapping */
	struct size_mix mix;
	struct kmalloc_mix_slot slot[]; /* [max + 1] */
};

/* How many objects the wave wants now: a triangle from N/4 to N and back. */
ALWAYS_INLINE uint32_t kmalloc_mix_target(struct kmalloc_mix *m)
{
	const uint64_t half = (uint64_t)KMALLOC_MIX_WAVE / 2 * m->max;
	uint64_t at = m->at++;

	if (unlikely(at >= 2 * half))
		m->at = at = 0;
	if (at > half)
		at = 2 * half - at;
	return (uint32_t)(m->max / 4 + at * (m->max - m->max / 4) / half);
}

ALWAYS_INLINE void kmalloc_mix_free(const struct slab_ops *const ops,
				    struct worker *w, struct kmalloc_mix *m,
				    const enum probe probe)
{
	const uint32_t victim = dist_victim(&w->rng, m->nr);
	const struct kmalloc_mix_slot slot = m->slot[victim];

	m->slot[victim] = m->slot[--m->nr];
	m->live -= slot.size;
	probed_kfree(ops, w, slot.object, probe);
}

WORKLOAD_LOOP void kmalloc_mix_loop(const struct slab_ops *const ops,
				    struct worker *w, const enum probe probe)
{
	const enum touch touch = loop_object_touch(ops, w);
	struct kmalloc_mix *m = w->priv;

	while (loop_running(w)) {
		const uint32_t size = size_mix_draw(&m->mix, &w->rng);
		const uint32_t target = kmalloc_mix_target(m);
		void *object = probed_kmalloc(ops, w, size, probe);

		if (unlikely(!object)) {
			loop_failed(w);
			/* one object makes room, so that the next may succeed
			 */
			if (m->nr)
				kmalloc_mix_free(ops, w, m, probe);
			continue;
		}
		touch_object(object, size, touch);
		m->slot[m->nr++] = (struct kmalloc_mix_slot){ object, size };
		m->live += size;
		while (m->nr > target)
			kmalloc_mix_free(ops, w, m, probe);
		loop_live(w, m->live);
		loop_done(w);
	}
}

/* The crest of a wave, once, so that no window pays for memory that a library
 * has never touched; then down to its foot. */
static void kmalloc_mix_rehearse(struct worker *w, struct kmalloc_mix *m)
{
	const enum touch touch = loop_object_touch(w->slab->ops, w);

	while (m->nr < m->max) {
		const uint32_t size = size_mix_draw(&m->mix, &w->rng);
		void *object = kmalloc(w->slab, size, w->params->gfp);

		if (!object)
			break;
		touch_object(object, size, touch);
		m->slot[m->nr++] = (struct kmalloc_mix_slot){ object, size };
		m->live += size;
	}
	while (m->nr > m->max / 4) {
		const uint32_t victim = dist_victim(&w->rng, m->nr);
		const struct kmalloc_mix_slot slot = m->slot[victim];

		m->slot[victim] = m->slot[--m->nr];
		m->live -= slot.size;
		kfree(w->slab, slot.object);
	}
}

static int kmalloc_mix_prepare(struct worker *w)
{
	const uint32_t max = w->params->outstanding;
	const size_t bytes =
		sizeof(struct kmalloc_mix) +
		((size_t)max + 1) * sizeof(struct kmalloc_mix_slot);
	struct kmalloc_mix *m =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (m == MAP_FAILED)
		return -ENOMEM;
	m->max = max;
	m->bytes = bytes;
	w->own_bytes = bytes;
	size_mix_init(&m->mix, w->params->mix);
	w->priv = m;
	kmalloc_mix_rehearse(w, m);
	return 0;
}

/* What the blocks that are held could hold, and what was asked for. */
enum { KMALLOC_MIX_USABLE, KMALLOC_MIX_ASKED };

static void kmalloc_mix_teardown(struct worker *w)
{
	struct kmalloc_mix *m = w->priv;

	if (!m)
		return;
	w->tally[KMALLOC_MIX_ASKED] = m->live;
	for (uint32_t i = 0; i < m->nr; i++)
		w->tally[KMALLOC_MIX_USABLE] +=
			ksize(w->slab, m->slot[i].object);
	while (m->nr)
		kfree(w->slab, m->slot[--m->nr].object);
	munmap(m, m->bytes);
	w->priv = NULL;
}

static unsigned kmalloc_mix_report(const struct team *team,
				   struct workload_metric *out)
{
	double usable = 0, asked = 0;

	for (unsigned i = 0; i < team->nr; i++) {
		const uint64_t *tally = team->worker[i].tally;

		usable += (double)tally[KMALLOC_MIX_USABLE];
		asked += (double)tally[KMALLOC_MIX_ASKED];
	}
	if (!(usable > 0)) /* a floor's blocks hold nothing */
		return 0;
	*out = (struct workload_metric){ .name = "internal_fragmentation",
					 .unit = "share",
					 .better = "lower",
					 .value = 1 - asked / usable };
	return 1;
}

static const struct workload kmalloc_mix_workload = {
	.name = "kmalloc_mix",
	.summary = "kmalloc of recorded sizes, live objects rise and fall",
	.op = "allocation and the frees that make room",
	.uses = USES_SLAB | USES_OUTSTANDING | USES_MIX,
	.prepare = kmalloc_mix_prepare,
	.teardown = kmalloc_mix_teardown,
	.report = kmalloc_mix_report,
};

#endif
