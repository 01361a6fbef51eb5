/*
 * Page reclaim, one pass at one priority: mm/vmscan.c of Linux 6.1 from
 * shrink_node() down, without memory cgroups and without MGLRU.
 *
 * Locks: RANK_LRU for looking at up to 32 pages of a list; victims are claimed
 * (lru_claim) and unlinked under it, then written or dropped without any lock,
 * and their frames freed together through the engine.
 *
 * Departures from Linux. Whether a page was used is looked at before it is
 * taken off the list, not after, so only true victims become MOVING. Writing is
 * synchronous, up to 32 neighbouring swap slots at a time, and a page that has
 * been written is free at once, as with a synchronous device in Linux; there is
 * hence no PG_writeback, no PG_reclaim rotation, and no throttling on it. A
 * dirty file page is written by whoever reclaims it, to the swap device, since
 * there is no file system: it comes back from there.
 */
#include "alloc/page/vmscan.h"

#include "alloc/page/compaction.h"
#include "alloc/page/kmap.h"
#include "alloc/page/page_alloc.h"
#include "alloc/page/vmstat.h"

bool reclaim_can_swap(const struct reclaim *r)
{
	return r->swap && swap_nr_free(r->swap);
}

long zone_reclaimable_pages(const struct reclaim *r, const struct zone *zone)
{
	long pages = lru_zone_pages(&r->lru, zone->id, LRU_INACTIVE_FILE) +
		     lru_zone_pages(&r->lru, zone->id, LRU_ACTIVE_FILE);

	if (reclaim_can_swap(r))
		pages += lru_zone_pages(&r->lru, zone->id, LRU_INACTIVE_ANON) +
			 lru_zone_pages(&r->lru, zone->id, LRU_ACTIVE_ANON);
	return pages;
}

static unsigned long eligible_pages(const struct scan_control *sc, unsigned nid,
				    unsigned list)
{
	unsigned long pages = 0;

	for (unsigned i = 0; i <= sc->idx; i++)
		pages += (unsigned long)lru_zone_pages(
			&sc->r->lru, nid * MAX_NR_ZONES + i, list);
	return pages;
}

bool inactive_is_low(unsigned long inactive, unsigned long active)
{
	const unsigned long gib = (inactive + active) >> (30 - PAGE_SHIFT);
	const unsigned long ratio = gib ? isqrt(10 * gib) : 1;

	return inactive * ratio < active;
}

static bool node_inactive_is_low(const struct scan_control *sc, unsigned nid,
				 unsigned list)
{
	return inactive_is_low(eligible_pages(sc, nid, list),
			       eligible_pages(sc, nid, list | LRU_ACTIVE));
}

/* --- inactive lists ---------------------------------------------------------
 */

struct victims {
	uint32_t pfn[SWAP_CLUSTER_MAX];
	unsigned nr;
	unsigned looked_at, scanned; /* with and without skipped ones */
	unsigned activated;
	uint64_t skipped[MAX_NR_ZONES];
};

static uint32_t flags_clear(struct lru_page *page, uint32_t bits)
{
	/* relaxed: accessors set them at any time; what matters to whoever
	 * claims the page is ordered by its slot */
	return atomic_fetch_and_explicit(&page->flags, ~bits,
					 memory_order_relaxed);
}

static void flags_set(struct lru_page *page, uint32_t bits)
{
	/* relaxed: as above */
	atomic_fetch_or_explicit(&page->flags, bits, memory_order_relaxed);
}

/* May this dirty page be written, by this request? */
static bool may_write(const struct scan_control *sc, bool file)
{
	return sc->may_io && sc->r->swap && (!file || sc->may_write);
}

enum fate { FATE_VICTIM, FATE_KEEP, FATE_ACTIVATE };

/* The second chance (page_check_references), and whether the page can go. */
static enum fate judge(const struct scan_control *sc, struct lru_node *n,
		       uint32_t pfn) REQUIRES(n->lock)
{
	struct lru_page *page = &sc->r->lru.page[pfn];
	const uint32_t flags =
		flags_clear(page, LRU_PAGE_ACCESSED | LRU_PAGE_MARKED);

	if (flags & LRU_PAGE_ACCESSED) {
		flags_set(page, LRU_PAGE_MARKED);
		return flags & LRU_PAGE_MARKED ? FATE_ACTIVATE : FATE_KEEP;
	}
	if ((flags & LRU_PAGE_DIRTY) && !may_write(sc, flags & LRU_FILE))
		return FATE_KEEP;
	return lru_claim(&sc->r->lru, n, pfn) ? FATE_VICTIM : FATE_KEEP;
}

static unsigned zone_idx_of(const struct scan_control *sc, uint32_t pfn)
{
	return (lru_flags(&sc->r->lru.page[pfn]) >> LRU_PAGE_ZONE) %
	       MAX_NR_ZONES;
}

/* Looks at nr pages from the tail of an inactive list. */
static void pick_victims(const struct scan_control *sc, struct lru_node *n,
			 unsigned list, unsigned nr, struct victims *v)
	REQUIRES(n->lock)
{
	struct lru *lru = &sc->r->lru;
	/* relaxed: under the lock. No page is looked at twice */
	long left = atomic_load_explicit(&n->nr[list], memory_order_relaxed);

	for (; left && v->scanned < nr; left--) {
		const uint32_t pfn = n->list[list].last;
		const unsigned idx = zone_idx_of(sc, pfn);

		v->looked_at++;
		if (idx > sc->idx) {
			v->skipped[idx]++;
			lru_rotate(lru, n, pfn);
			continue;
		}
		v->scanned++;
		switch (judge(sc, n, pfn)) {
		case FATE_VICTIM:
			lru_unlink(lru, n, pfn);
			v->pfn[v->nr++] = pfn;
			break;
		case FATE_KEEP:
			lru_rotate(lru, n, pfn);
			break;
		case FATE_ACTIVATE:
			lru_unlink(lru, n, pfn);
			lru_link(lru, n, pfn, list | LRU_ACTIVE);
			v->activated++;
			break;
		}
	}
}

/* The page could not be written: it stays, on the active list. */
static void keep_active(const struct scan_control *sc, uint32_t pfn)
{
	struct lru *lru = &sc->r->lru;
	const uint32_t flags = lru_flags(&lru->page[pfn]);
	const unsigned nid = lru->machine->zone[flags >> LRU_PAGE_ZONE].nid;

	vm_count(&sc->r->events, VM_PGACTIVATE, 1);
	lru_age(&lru->node[nid], 1);
	lru_putback(lru, pfn, (flags & LRU_PAGE_LIST) | LRU_ACTIVE);
}

/* A kind of failure is reported once. */
static void note_swap_failure(const struct scan_control *sc,
			      enum swap_status status)
{
	/* relaxed: one of those who see it first reports it */
	const uint32_t seen = atomic_fetch_or_explicit(
		&sc->r->swap_failed, 1u << status, memory_order_relaxed);

	if (!(seen & 1u << status))
		event_record(sc->ctx->events,
			     (struct event){ .kind = EV_SWAP_FAIL,
					     .cpu = sc->ctx->cpu,
					     .arg = status });
}

/* Writes the n pages to slots in a row. True: they may go. */
static bool write_cluster(struct scan_control *sc, const uint32_t *pfn,
			  unsigned n, uint32_t first)
{
	struct lru *lru = &sc->r->lru;
	void *page[SWAP_CLUSTER_MAX];
	enum swap_status status = SWAP_EIO;
	unsigned anon = 0, mapped = 0;

	_Static_assert(SWAP_CLUSTER_MAX <= KMAP_LOCAL_MAX,
		       "a HIGHMEM page is written through a window");
	while (mapped < n) {
		page[mapped] = kmap_local(sc->ctx, (pfn_t){ pfn[mapped] });
		if (!page[mapped])
			break;
		mapped++;
	}
	if (mapped == n)
		status = swap_write(sc->r->swap, first, n, page);
	while (mapped)
		kunmap_local(sc->ctx, page[--mapped]);
	for (unsigned i = 0; i < n; i++) {
		struct lru_page *p = &lru->page[pfn[i]];

		if (status) {
			swap_free(sc->r->swap, first + i);
			continue;
		}
		p->backing = first + i + 1;
		anon += !(flags_clear(p, LRU_PAGE_DIRTY) & LRU_FILE);
	}
	if (status) {
		note_swap_failure(sc, status);
		return false;
	}
	vm_count(&sc->r->events, VM_VMSCAN_WRITE, n);
	vm_count(&sc->r->events, VM_PSWPOUT, anon);
	vm_count(&sc->r->events, VM_PGPGOUT, n * (PAGE_SIZE / 1024));
	return true;
}

/* Writes the dirty ones of the victims; those that could not be written, or
 * must not by this request, are put back and leave v: between judge() and the
 * claim an access may have made a page dirty. Returns pages written. */
static unsigned write_dirty(struct scan_control *sc, struct victims *v)
{
	struct lru *lru = &sc->r->lru;
	uint32_t dirty[SWAP_CLUSTER_MAX];
	unsigned nr = 0, clean = 0, done = 0, written = 0;

	for (unsigned i = 0; i < v->nr; i++) {
		struct lru_page *page = &lru->page[v->pfn[i]];
		const uint32_t flags = lru_flags(page);

		if (!(flags & LRU_PAGE_DIRTY)) {
			v->pfn[clean++] = v->pfn[i];
			continue;
		}
		if (!may_write(sc, flags & LRU_FILE)) {
			lru_putback(lru, v->pfn[i], flags & LRU_PAGE_LIST);
			continue;
		}
		dirty[nr++] = v->pfn[i];
		if (page->backing)
			swap_free(sc->r->swap, page->backing - 1);
		page->backing = 0;
	}
	v->nr = clean;
	while (done < nr) {
		uint32_t first;
		unsigned n = swap_alloc(sc->r->swap, nr - done, &first);

		if (!n) {
			note_swap_failure(sc, SWAP_FULL);
			break;
		}
		if (write_cluster(sc, dirty + done, n, first)) {
			for (unsigned i = 0; i < n; i++)
				v->pfn[v->nr++] = dirty[done + i];
			written += n;
		} else {
			for (unsigned i = 0; i < n; i++)
				keep_active(sc, dirty[done + i]);
		}
		done += n;
	}
	while (done < nr)
		keep_active(sc, dirty[done++]);
	return written;
}

/* The victims have their content elsewhere, or need none: frees them. */
static void free_victims(struct scan_control *sc, const struct victims *v)
{
	struct lru *lru = &sc->r->lru;
	pfn_t pfn[SWAP_CLUSTER_MAX];

	for (unsigned i = 0; i < v->nr; i++) {
		lru_moved_out(lru, v->pfn[i], lru->page[v->pfn[i]].backing);
		pfn[i].v = v->pfn[i];
	}
	if (v->nr)
		free_pages_bulk(sc->ctx, v->nr, pfn);
}

static void count_scan(struct scan_control *sc, unsigned list,
		       const struct victims *v)
{
	struct vm_events *e = &sc->r->events;
	const bool file = list & LRU_FILE;

	vm_count(e, VM_PGSCAN_KSWAPD + !sc->kswapd, v->looked_at);
	vm_count(e, VM_PGSCAN_ANON + file, v->looked_at);
	vm_count(e, VM_PGSTEAL_KSWAPD + !sc->kswapd, v->nr);
	vm_count(e, VM_PGSTEAL_ANON + file, v->nr);
	vm_count(e, VM_PGACTIVATE, v->activated);
	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		vm_count(e, VM_PGSKIP + i, v->skipped[i]);
}

static unsigned long shrink_inactive(struct scan_control *sc, unsigned nid,
				     unsigned list, unsigned nr)
{
	struct lru_node *n = &sc->r->lru.node[nid];
	struct victims v = { .nr = 0 };
	unsigned written;

	spin_lock(&n->lock);
	pick_victims(sc, n, list, nr, &v);
	spin_unlock(&n->lock);
	if (v.activated)
		lru_age(n, v.activated);
	written = write_dirty(sc, &v);
	free_victims(sc, &v);
	if (written) {
		/* relaxed: a statistic */
		atomic_fetch_add_explicit(&n->written, written,
					  memory_order_relaxed);
		spin_lock(&n->lock);
		lru_note_cost(n, list & LRU_FILE, written);
		spin_unlock(&n->lock);
	}
	count_scan(sc, list, &v);
	sc->nr_scanned += v.looked_at;
	return v.nr;
}

/* --- active lists
 * ------------------------------------------------------------- */

static void shrink_active(struct scan_control *sc, unsigned nid, unsigned list,
			  unsigned nr)
{
	struct lru *lru = &sc->r->lru;
	struct lru_node *n = &lru->node[nid];
	unsigned scanned = 0, moved = 0;
	uint64_t skipped[MAX_NR_ZONES] = { 0 };
	long left;

	spin_lock(&n->lock);
	/* relaxed: under the lock */
	left = atomic_load_explicit(&n->nr[list], memory_order_relaxed);
	for (; left && moved < nr; left--) {
		const uint32_t pfn = n->list[list].last;
		const unsigned idx = zone_idx_of(sc, pfn);

		scanned++;
		if (idx > sc->idx) {
			skipped[idx]++;
			lru_rotate(lru, n, pfn);
			continue;
		}
		flags_clear(&lru->page[pfn], LRU_PAGE_ACCESSED);
		lru_unlink(lru, n, pfn);
		lru_link(lru, n, pfn, list & ~LRU_ACTIVE);
		moved++;
	}
	spin_unlock(&n->lock);
	vm_count(&sc->r->events, VM_PGREFILL, scanned);
	vm_count(&sc->r->events, VM_PGDEACTIVATE, moved);
	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		vm_count(&sc->r->events, VM_PGSKIP + i, skipped[i]);
}

static unsigned long shrink_list(struct scan_control *sc, unsigned nid,
				 unsigned list, unsigned nr)
{
	const unsigned kind =
		list & LRU_FILE ? DEACTIVATE_FILE : DEACTIVATE_ANON;

	if (!(list & LRU_ACTIVE))
		return shrink_inactive(sc, nid, list, nr);
	if (sc->may_deactivate & kind)
		shrink_active(sc, nid, list, nr);
	else
		sc->skipped_deactivate = true;
	return 0;
}

/* --- how much of each list
 * ------------------------------------------------------ */

/* Weights of anonymous and file lists, from what each kind has cost. */
static void cost_fractions(const struct scan_control *sc, struct lru_node *n,
			   uint64_t fraction[2])
{
	const uint64_t swappiness = (uint64_t)sc->r->cfg.swappiness;
	uint64_t anon, file, total;

	spin_lock(&n->lock);
	total = n->anon_cost + n->file_cost;
	anon = total + n->anon_cost;
	file = total + n->file_cost;
	spin_unlock(&n->lock);
	total = anon + file;
	fraction[0] = swappiness * (total + 1) / (anon + 1);
	fraction[1] = (200 - swappiness) * (total + 1) / (file + 1);
}

void scan_counts(struct scan_control *sc, unsigned nid,
		 unsigned long nr[NR_LRU_LISTS])
{
	uint64_t fraction[2] = { 1, 1 }, whole = 1;
	bool only[2] = { true, true }; /* anonymous, file */

	if (!sc->may_io || !reclaim_can_swap(sc->r))
		only[0] = false;
	else if (!sc->priority && sc->r->cfg.swappiness)
		;
	else if (sc->file_is_tiny)
		only[1] = false;
	else if (sc->cache_trim)
		only[0] = false;
	else {
		cost_fractions(sc, &sc->r->lru.node[nid], fraction);
		whole = fraction[0] + fraction[1];
	}
	for (unsigned list = 0; list < NR_LRU_LISTS; list++) {
		const bool file = list & LRU_FILE;

		nr[list] = 0;
		if (list < LRU_UNEVICTABLE && only[file])
			nr[list] = (eligible_pages(sc, nid, list) >>
				    sc->priority) *
				   fraction[file] / whole;
	}
}

/* May active pages be taken now, and are the lists worth weighing at all?
 * (prepare_scan_count) */
static void prepare_scan(struct scan_control *sc, unsigned nid)
{
	const struct reclaim *r = sc->r;
	const struct lru_node *n = &r->lru.node[nid];
	long free = 0, high = 0, file;
	unsigned long anon;

	for (unsigned k = 0; k < 2; k++) {
		const unsigned bit = k ? DEACTIVATE_FILE : DEACTIVATE_ANON;
		const unsigned list = k ? LRU_INACTIVE_FILE : LRU_INACTIVE_ANON;
		/* relaxed, both: a statistic */
		const uint64_t now = atomic_load_explicit(&n->refaults[k],
							  memory_order_relaxed);
		const uint64_t seen = atomic_load_explicit(
			&r->node[nid].refaults_seen[k], memory_order_relaxed);

		sc->may_deactivate &= ~bit;
		if (sc->force_deactivate || now != seen ||
		    node_inactive_is_low(sc, nid, list))
			sc->may_deactivate |= bit;
	}
	file = lru_node_pages(&r->lru, nid, LRU_INACTIVE_FILE);
	sc->cache_trim =
		file >> sc->priority && !(sc->may_deactivate & DEACTIVATE_FILE);
	file += lru_node_pages(&r->lru, nid, LRU_ACTIVE_FILE);
	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		const struct zone *zone = r->machine->node[nid].zone[i];

		if (!zone_managed(zone))
			continue;
		free += zone_free_pages(zone);
		high += zone_mark(zone, WMARK_HIGH);
	}
	anon = (unsigned long)lru_node_pages(&r->lru, nid, LRU_INACTIVE_ANON);
	sc->file_is_tiny = file + free <= high &&
			   !(sc->may_deactivate & DEACTIVATE_ANON) &&
			   anon >> sc->priority;
}

/* --- a node
 * -------------------------------------------------------------------- */

/* Enough was reclaimed: the smaller kind is left alone, the larger one scanned
 * in the proportion in which the smaller was. False: one kind is done. */
static bool adjust_scan(unsigned long nr[NR_LRU_LISTS],
			const unsigned long target[NR_LRU_LISTS])
{
	const unsigned long anon = nr[LRU_INACTIVE_ANON] + nr[LRU_ACTIVE_ANON];
	const unsigned long file = nr[LRU_INACTIVE_FILE] + nr[LRU_ACTIVE_FILE];
	const unsigned stop =
		file > anon ? LRU_INACTIVE_ANON : LRU_INACTIVE_FILE;
	const unsigned go = stop ^ LRU_FILE;
	unsigned long percent;

	if (!anon || !file)
		return false;
	percent = (stop == LRU_INACTIVE_ANON ? anon : file) * 100 /
		  (target[stop] + target[stop | LRU_ACTIVE] + 1);
	nr[stop] = nr[stop | LRU_ACTIVE] = 0;
	for (unsigned i = go; i <= (go | LRU_ACTIVE); i++) {
		const unsigned long scanned = target[i] - nr[i];
		const unsigned long want = target[i] * (100 - percent) / 100;

		nr[i] = want > scanned ? want - scanned : 0;
	}
	return true;
}

void age_anon(struct scan_control *sc, unsigned nid)
{
	if (sc->r->swap && node_inactive_is_low(sc, nid, LRU_INACTIVE_ANON))
		shrink_active(sc, nid, LRU_ACTIVE_ANON, SWAP_CLUSTER_MAX);
}

static void shrink_lists(struct scan_control *sc, unsigned nid)
{
	/* direct reclaim at the first priority keeps the proportion and goes on
	 * to the end of its targets */
	const bool proportional = !sc->kswapd && sc->priority == DEF_PRIORITY;
	unsigned long nr[NR_LRU_LISTS], target[NR_LRU_LISTS];
	unsigned long reclaimed = 0;
	bool adjusted = false;

	scan_counts(sc, nid, nr);
	for (unsigned i = 0; i < NR_LRU_LISTS; i++)
		target[i] = nr[i];
	while (nr[LRU_INACTIVE_ANON] || nr[LRU_ACTIVE_FILE] ||
	       nr[LRU_INACTIVE_FILE]) {
		for (unsigned i = 0; i < LRU_UNEVICTABLE; i++) {
			unsigned n = (unsigned)(nr[i] < SWAP_CLUSTER_MAX
							? nr[i]
							: SWAP_CLUSTER_MAX);

			if (!n)
				continue;
			nr[i] -= n;
			reclaimed += shrink_list(sc, nid, i, n);
		}
		if ((long)reclaimed < sc->nr_to_reclaim || proportional ||
		    adjusted)
			continue;
		if (!adjust_scan(nr, target))
			break;
		adjusted = true;
	}
	sc->nr_reclaimed += reclaimed;
	age_anon(sc, nid);
}

/* Pages that the thread has freed to the node. */
static uint64_t pages_freed(struct page_ctx *ctx, unsigned nid)
{
	uint64_t pages = 0;

	page_ctx_fold(ctx);
	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		pages += ctx->counters[nid * MAX_NR_ZONES + i].pgfree;
	return pages;
}

static void shrink_shrinkers(struct scan_control *sc, unsigned nid)
{
	const uint64_t before = pages_freed(sc->ctx, nid);
	uint64_t scanned = 0;

	shrink_slab(sc->r->shrinkers, sc->ctx, nid, sc->priority, &scanned);
	vm_count(&sc->r->events, VM_SLABS_SCANNED, scanned);
	sc->nr_reclaimed += pages_freed(sc->ctx, nid) - before;
}

/* A block was asked for: is it worth reclaiming more for compaction's sake?
 * (should_continue_reclaim) */
static bool continue_for_compaction(const struct scan_control *sc, unsigned nid,
				    uint64_t reclaimed)
{
	const struct node *node = &sc->r->machine->node[nid];
	unsigned long inactive;

	if (!sc->order || !reclaimed ||
	    (sc->order <= COSTLY_ORDER && sc->priority >= DEF_PRIORITY - 2))
		return false;
	for (unsigned i = 0; i <= sc->idx; i++) {
		if (zone_managed(node->zone[i]) &&
		    compaction_suitable(sc->r, node->zone[i], sc->order, 0,
					sc->idx) >= COMPACT_CONTINUE)
			return false;
	}
	inactive = (unsigned long)lru_node_pages(&sc->r->lru, nid,
						 LRU_INACTIVE_FILE);
	if (reclaim_can_swap(sc->r))
		inactive += (unsigned long)lru_node_pages(&sc->r->lru, nid,
							  LRU_INACTIVE_ANON);
	return inactive > compact_gap(sc->order);
}

void shrink_node(struct scan_control *sc, unsigned nid)
{
	uint64_t before, all = sc->nr_reclaimed;

	do {
		before = sc->nr_reclaimed;
		prepare_scan(sc, nid);
		shrink_lists(sc, nid);
		shrink_shrinkers(sc, nid);
	} while (continue_for_compaction(sc, nid, sc->nr_reclaimed - before));
	if (sc->nr_reclaimed == all)
		return;
	/* relaxed: a counter of tries */
	atomic_store_explicit(&sc->r->node[nid].kswapd_failures, 0,
			      memory_order_relaxed);
	/* what a deferring engine got is no use until it has come back */
	if (sc->ctx->ops->features & PAGE_F_DEFERRED)
		sc->ctx->ops->drain(sc->r->engine, sc->ctx);
}

void snapshot_refaults(struct reclaim *r, unsigned nid)
{
	/* relaxed, all: a statistic */
	for (unsigned k = 0; k < 2; k++)
		atomic_store_explicit(
			&r->node[nid].refaults_seen[k],
			atomic_load_explicit(&r->lru.node[nid].refaults[k],
					     memory_order_relaxed),
			memory_order_relaxed);
}
