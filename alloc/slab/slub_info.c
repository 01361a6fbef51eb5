/*
 * What can be seen of a SLUB cache: slabinfo, the attributes of
 * /sys/kernel/slab, the state lines of kernel logs, and verification.
 *
 * Statistics while threads run. Lock order: cpu->lock or node->lock, one at a
 * time.
 */
#include <inttypes.h>

#include "alloc/page/buddy.h"
#include "alloc/slab/debug.h"
#include "alloc/slab/slabinfo.h"
#include "alloc/slab/slub.h"

struct slub_sum {
	uint64_t slabs, total, partial, partial_free, partial_inuse;
	uint64_t cpu_slabs; /* with their chains */
	uint64_t objects;   /* total less those free on partial slabs */
};

struct slub_sums {
	struct slub_sum all, node[MAX_NODES];
};

static struct page *map_of(const struct slub_cache *s)
{
	return s->base.slab->map;
}

static void sum_node(const struct slub_cache *s, struct slub_node *n,
		     struct slub_sum *sum)
{
	const struct page *map = map_of(s);

	spin_lock(&n->lock);
	pfn_list_for_each (pfn, &n->partial, map) {
		const struct slub_state t = slub_state_of(slub_word(&map[pfn]));

		sum->partial++;
		sum->partial_inuse += t.inuse;
		sum->partial_free += t.objects - (unsigned)t.inuse;
	}
	spin_unlock(&n->lock);
	/* relaxed, both: statistics */
	sum->slabs += atomic_load_explicit(&n->nr_slabs, memory_order_relaxed);
	sum->total +=
		atomic_load_explicit(&n->total_objects, memory_order_relaxed);
}

static uint32_t chain_length(const struct slub_cache *s,
			     const struct slub_cpu *c)
{
	return c->partial == PFN_LIST_END ? 0 : map_of(s)[c->partial].prev;
}

/* As Linux: a CPU without a slab is passed over, and a chain counts for the
 * node of its first slab. */
static void sum_cpu(const struct slub_cache *s, struct slub_cpu *c,
		    struct slub_sums *sums)
{
	const struct page *map = map_of(s);

	spin_lock(&c->lock);
	if (c->slab != PFN_LIST_END) {
		sums->node[slab_tag_node(slab_tag(&map[c->slab]))].cpu_slabs++;
		if (c->partial != PFN_LIST_END)
			sums->node[slab_tag_node(slab_tag(&map[c->partial]))]
				.cpu_slabs += chain_length(s, c);
	}
	spin_unlock(&c->lock);
}

static struct slub_sums sums_of(const struct slub_cache *s)
{
	struct slub_sums sums = { .all = { 0 } };

	for (unsigned i = 0; s->cpu && i < s->nr_slots; i++)
		sum_cpu(s, &s->cpu[i], &sums);
	for (unsigned i = 0; s->node && i < s->nr_nodes; i++) {
		struct slub_sum *n = &sums.node[i], *all = &sums.all;

		sum_node(s, &s->node[i], n);
		n->objects = n->total - n->partial_free;
		all->slabs += n->slabs;
		all->total += n->total;
		all->partial += n->partial;
		all->partial_free += n->partial_free;
		all->partial_inuse += n->partial_inuse;
		all->cpu_slabs += n->cpu_slabs;
		all->objects += n->objects;
	}
	return sums;
}

void slub_info(const struct kmem_cache *base, struct slabinfo_row *out)
{
	const struct slub_sum sum = sums_of(to_slub_const(base)).all;

	*out = (struct slabinfo_row){
		.active_objs = sum.objects,
		.num_objs = sum.total,
		.objsize = base->size,
		.objperslab = base->objects,
		.pagesperslab = 1u << base->order,
		.active_slabs = sum.slabs,
		.num_slabs = sum.slabs,
	};
}

/* "objs(slabs) C0=objs(slabs) ..." with objs taken as half of the slabs'. */
static void print_chains(const struct slub_cache *s, FILE *out)
{
	const struct kmem_cache *base = &s->base;
	uint64_t slabs = 0;

	for (unsigned i = 0; s->cpu && i < s->nr_slots; i++)
		slabs += chain_length(s, &s->cpu[i]);
	fprintf(out, "slabs_cpu_partial %" PRIu64 "(%" PRIu64 ")",
		slabs * base->objects / 2, slabs);
	for (unsigned i = 0; s->cpu && i < s->nr_slots; i++) {
		const uint64_t n = chain_length(s, &s->cpu[i]);

		if (n)
			fprintf(out, " C%u=%" PRIu64 "(%" PRIu64 ")", i,
				n * base->objects / 2, n);
	}
	fputc('\n', out);
}

/* "NAME SUM N0=a N2=b": the nodes that have any, on a kernel that knows nodes.
 * field: of struct slub_sum, in bytes. */
static void print_nodes(const struct slub_cache *s, const char *name,
			const struct slub_sums *sums, size_t field, FILE *out)
{
	const struct slab_allocator *slab = s->base.slab;
	const bool numa = slab && slab->machine->desc.has_numa;
	uint64_t n;

	memcpy(&n, (const char *)&sums->all + field, sizeof(n));
	fprintf(out, "%s %" PRIu64, name, n);
	for (unsigned i = 0; numa && i < s->nr_nodes; i++) {
		memcpy(&n, (const char *)&sums->node[i] + field, sizeof(n));
		if (n)
			fprintf(out, " N%u=%" PRIu64, i, n);
	}
	fputc('\n', out);
}

void slub_attributes(const struct kmem_cache *base, FILE *out)
{
	static const struct {
		const char *name;
		size_t field;
	} sum[] = {
		{ "cpu_slabs", offsetof(struct slub_sum, cpu_slabs) },
		{ "objects", offsetof(struct slub_sum, objects) },
		{ "objects_partial", offsetof(struct slub_sum, partial_inuse) },
		{ "partial", offsetof(struct slub_sum, partial) },
		{ "slabs", offsetof(struct slub_sum, slabs) },
		{ "total_objects", offsetof(struct slub_sum, total) },
	};
	const struct slub_cache *s = to_slub_const(base);
	const struct slub_sums sums = sums_of(s);

	slab_attributes_geometry(base, out);
	fprintf(out, "aliases %d\n",
		base->refcount > 0 ? base->refcount - 1 : 0);
	fprintf(out, "cpu_partial %u\n", s->cpu_partial);
	fprintf(out, "min_partial %u\n", s->min_partial);
	fprintf(out, "remote_node_defrag_ratio %u\n", s->defrag_ratio / 10);
	print_chains(s, out);
	for (size_t i = 0; i < ARRAY_SIZE(sum); i++)
		print_nodes(s, sum[i].name, &sums, sum[i].field, out);
	/* their files are those of a cache that is there */
	for (unsigned c = 0; base->slab && c < NR_SLUB_COUNTERS; c++)
		slab_attributes_event(base, (enum slab_counter)c, out);
}

/* ---- verification
 * ------------------------------------------------------------- */

/* Objects on a list, or UINT_MAX: it does not end, or leaves the slab. */
static unsigned list_length(const struct slub_cache *s, const struct page *page,
			    const void *first)
{
	const struct slub_state t = slub_state_of(slub_word(page));
	unsigned n = 0;

	for (const void *o = first; o; o = slub_link(s, o))
		if (!slub_link_ok(s, page, o) || ++n > t.objects)
			return UINT32_MAX;
	return n;
}

/* Of each frame of the slab nothing is noted, or what is. */
static bool notes_true(const struct slub_cache *s, uint32_t pfn)
{
	const struct page *page = &map_of(s)[pfn];
	const unsigned nr = 1u << slab_tag_order(slab_tag(page));
	const uint16_t is = slub_note_of(slub_state_of(slub_word(page)));

	for (unsigned i = 0; s->note && i < nr; i++) {
		/* relaxed: nobody else is inside */
		const uint16_t note = atomic_load_explicit(
			&s->note[pfn + i], memory_order_relaxed);

		if (note && note != is)
			return false;
	}
	return true;
}

static const char *verify_slab(const struct slub_cache *s, uint32_t pfn)
{
	const struct page *page = &map_of(s)[pfn];
	const struct slub_state t = slub_state_of(slub_word(page));
	const unsigned free = list_length(
		s, page,
		slub_first(s, slab_page_address(s->base.slab, page), t.first));

	if (slab_tag_type(slab_tag(page)) != SLAB_PAGE_HEAD ||
	    slab_tag_cache(slab_tag(page)) != s->base.id)
		return "slub: a listed page is no slab of its cache";
	if (free == UINT32_MAX)
		return "slub: a freelist leaves its slab or does not end";
	if (t.inuse + free != t.objects)
		return "slub: inuse and freelist do not add up to objects";
	if (!notes_true(s, pfn))
		return "slub: something else is noted of a slab than it is";
	return NULL;
}

static const char *verify_cpu(const struct slub_cache *s,
			      const struct slub_cpu *c)
{
	const struct page *map = map_of(s);
	uint32_t left = chain_length(s, c);
	const char *broken = NULL;

	if (c->slab == PFN_LIST_END && c->head.first)
		return "slub: a CPU has a freelist but no slab";
	if (c->slab != PFN_LIST_END) {
		broken = verify_slab(s, c->slab);
		if (!broken && !slub_state_of(slub_word(&map[c->slab])).frozen)
			broken = "slub: a CPU's slab is not frozen";
		if (!broken &&
		    list_length(s, &map[c->slab], c->head.first) == UINT32_MAX)
			broken = "slub: a CPU's freelist leaves its slab";
	}
	for (uint32_t pfn = c->partial; pfn != PFN_LIST_END && !broken;
	     pfn = map[pfn].next) {
		if (map[pfn].prev != left--)
			return "slub: a CPU's chain is miscounted";
		broken = verify_slab(s, pfn);
		if (!broken && !slub_state_of(slub_word(&map[pfn])).frozen)
			broken = "slub: a CPU's partial slab is not frozen";
	}
	return broken;
}

static const char *verify_node(const struct slub_cache *s,
			       const struct slub_node *n)
{
	const struct page *map = map_of(s);
	unsigned long nr = 0;

	pfn_list_for_each (pfn, &n->partial, map) {
		const char *broken = verify_slab(s, pfn);
		const struct slub_state t = slub_state_of(slub_word(&map[pfn]));

		if (broken)
			return broken;
		if (t.frozen || !t.first)
			return "slub: a node's partial slab is frozen or full";
		nr++;
	}
	/* relaxed: nobody else is inside */
	return nr == atomic_load_explicit(&((struct slub_node *)n)->nr_partial,
					  memory_order_relaxed)
		       ? NULL
		       : "slub: nr_partial is not the length of its list";
}

const char *slub_verify(const struct kmem_cache *base)
{
	const struct slub_cache *s = to_slub_const(base);
	const char *broken = NULL;

	for (unsigned i = 0; i < s->nr_nodes && !broken; i++)
		broken = verify_node(s, &s->node[i]);
	for (unsigned i = 0; i < s->nr_slots && !broken; i++)
		broken = verify_cpu(s, &s->cpu[i]);
	return broken;
}

static bool on_list(const struct slub_cache *s, const struct page *page,
		    const void *first, const void *object)
{
	unsigned n = 0;

	/* a broken list ends by its length, or where it leaves the slab */
	for (const void *o = first;
	     o && n++ < s->base.objects && slub_link_ok(s, page, o);
	     o = slub_link(s, o))
		if (o == object)
			return true;
	return false;
}

const void *slub_broken_link(const struct slub_cache *s,
			     const struct page *page)
{
	const struct slub_state t = slub_state_of(slub_word(page));
	const void *o =
		slub_first(s, slab_page_address(s->base.slab, page), t.first);
	unsigned n = 0;

	for (; o; o = slub_link(s, o))
		if (++n > t.objects || !slub_link_ok(s, page, slub_link(s, o)))
			return o;
	return NULL;
}

bool slub_is_free(const struct kmem_cache *base, const struct page *page,
		  const void *object)
{
	const struct slub_cache *s = to_slub_const(base);
	const struct slub_state t = slub_state_of(slub_word(page));
	char *at = slab_page_address(base->slab, page);

	if (on_list(s, page, slub_first(s, at, t.first), object))
		return true;
	if (base->flags & SLAB_DEBUG_FLAGS) /* no CPU has a slab */
		return false;
	for (unsigned i = 0; i < s->nr_slots; i++)
		if (s->cpu[i].slab == slab_page_pfn(base->slab, page))
			return on_list(s, page, s->cpu[i].head.first, object);
	return false;
}

/* ---- lines of kernel logs
 * ------------------------------------------------------- */

void slub_log_geometry(const struct kmem_cache *base, FILE *out)
{
	const struct slub_cache *s = to_slub_const(base);
	const struct slub_sum sum = sums_of(s).all;

	fprintf(out,
		"object_size %u size-asked %u slab_size %u inuse_off %u "
		"align %u offset %u order %u objects %u min_order %u "
		"min_objects %u min_partial %u cpu_partial %u "
		"cpu_partial_slabs %u nr_partial %" PRIu64 "\n",
		base->object_size, base->size_asked, base->size, base->inuse,
		base->align, base->offset, base->order, base->objects,
		base->min_order, base->min_objects, s->min_partial,
		s->cpu_partial, s->cpu_partial_slabs, sum.partial);
}

static void log_list(const struct slub_cache *s, const struct page *page,
		     const void *first, FILE *out)
{
	const char *base = slab_page_address(s->base.slab, page);

	for (const void *o = first; o; o = slub_link(s, o))
		fprintf(out, " %u", slub_index(s, base, o));
}

static void log_cpu_slab(const struct slub_cache *s, const struct slub_cpu *c,
			 unsigned number, FILE *out)
{
	const struct page *page = &map_of(s)[c->slab];
	const struct slub_state t = slub_state_of(slub_word(page));

	fprintf(out,
		" CPU-SLAB %u inuse %u objects %u frozen %d "
		"lockless-freelist:",
		number, t.inuse, t.objects, t.frozen);
	log_list(s, page, c->head.first, out);
	fputs(" slab-freelist:", out);
	log_list(s, page,
		 slub_first(s, slab_page_address(s->base.slab, page), t.first),
		 out);
	fputc('\n', out);
}

void slub_log_state(const struct kmem_cache *base, FILE *out,
		    slab_number_fn *number, void *arg)
{
	const struct slub_cache *s = to_slub_const(base);
	const struct page *map = map_of(s);

	for (unsigned i = 0; i < s->nr_slots; i++) {
		const struct slub_cpu *c = &s->cpu[i];

		if (c->slab != PFN_LIST_END)
			log_cpu_slab(s, c, number(arg, &map[c->slab]), out);
		for (uint32_t pfn = c->partial; pfn != PFN_LIST_END;
		     pfn = map[pfn].next) {
			const struct slub_state t =
				slub_state_of(slub_word(&map[pfn]));

			fprintf(out,
				" CPU-PARTIAL slab %u inuse %u objects %u "
				"slabs %u\n",
				number(arg, &map[pfn]), t.inuse, t.objects,
				map[pfn].prev);
		}
	}
	for (unsigned i = 0; i < s->nr_nodes; i++)
		pfn_list_for_each (pfn, &s->node[i].partial, map) {
			const struct slub_state t =
				slub_state_of(slub_word(&map[pfn]));

			fprintf(out,
				" NODE-PARTIAL slab %u inuse %u objects %u "
				"freelist:",
				number(arg, &map[pfn]), t.inuse, t.objects);
			log_list(s, &map[pfn],
				 slub_first(s,
					    slab_page_address(base->slab,
							      &map[pfn]),
					    t.first),
				 out);
			fputc('\n', out);
		}
}
