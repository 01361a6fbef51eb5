/*
 * The text of /proc/slabinfo (slabinfo.h). Widths and separators are those of
 * the kernel's format; a field that is wider pushes the rest to the right.
 */
#include "alloc/slab/slabinfo.h"

#include <inttypes.h>

#include "alloc/slab/debug.h"
#include "alloc/slab/kmem_cache.h"

static void print_row(FILE *out, const struct kmem_cache *s)
{
	struct slabinfo_row r = { 0 };

	s->slab->ops->info(s, &r);
	fprintf(out,
		"%-17s %6" PRIu64 " %6" PRIu64 " %6u %4u %4d"
		" : tunables %4u %4u %4u"
		" : slabdata %6" PRIu64 " %6" PRIu64 " %6" PRIu64 "\n",
		s->name, r.active_objs, r.num_objs, r.objsize, r.objperslab,
		(int)r.pagesperslab, r.limit, r.batchcount, r.shared,
		r.active_slabs, r.num_slabs, r.shared_avail);
}

void slabinfo_print(FILE *out, struct slab_allocator *slab)
{
	fputs("slabinfo - version: 2.1\n"
	      "# name            <active_objs> <num_objs> <objsize> "
	      "<objperslab> <pagesperslab> : tunables <limit> <batchcount> "
	      "<sharedfactor> : slabdata <active_slabs> <num_slabs> "
	      "<sharedavail>\n",
	      out);
	pthread_mutex_lock(&slab->mutex);
	for (const struct kmem_cache *s = slab->newest; s; s = s->next)
		print_row(out, s);
	pthread_mutex_unlock(&slab->mutex);
}

void slab_attributes_geometry(const struct kmem_cache *s, FILE *out)
{
	static const struct {
		const char *name;
		uint32_t flag;
	} flags[] = {
		{ "cache_dma", SLAB_CACHE_DMA },
		{ "destroy_by_rcu", SLAB_TYPESAFE_BY_RCU },
		{ "hwcache_align", SLAB_HWCACHE_ALIGN },
		{ "poison", SLAB_POISON },
		{ "reclaim_account", SLAB_RECLAIM_ACCOUNT },
		{ "red_zone", SLAB_RED_ZONE },
		{ "sanity_checks", SLAB_CONSISTENCY_CHECKS },
		{ "store_user", SLAB_STORE_USER },
		{ "trace", SLAB_TRACE },
	};

	char text[SLAB_SYMBOL_LEN];

	fprintf(out, "align %u\n", s->align);
	if (s->ctor)
		fprintf(out, "ctor %s\n",
			slab_symbol((const void *)(uintptr_t)s->ctor, text));
	fprintf(out, "object_size %u\n", s->object_size);
	fprintf(out, "objs_per_slab %u\n", s->objects);
	fprintf(out, "order %u\n", s->order);
	fprintf(out, "slab_size %u\n", s->size);
	fprintf(out, "usersize %u\n", s->usersize);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		fprintf(out, "%s %d\n", flags[i].name,
			!!(s->flags & flags[i].flag));
}

void slab_attributes_event(const struct kmem_cache *s, enum slab_counter c,
			   FILE *out)
{
	struct kmem_cache *of = (struct kmem_cache *)s;
	const unsigned cpus = s->slab ? s->slab->machine->desc.topo.nr_cpus : 0;

	fprintf(out, "%s %" PRIu64, slab_counter_name(c),
		s->slab ? slab_counter_sum(of, c) : 0);
	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		const uint64_t n = slab_counter_of_cpu(of, c, cpu);

		if (n)
			fprintf(out, " C%u=%" PRIu64, cpu, n);
	}
	fputc('\n', out);
}
