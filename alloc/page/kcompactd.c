/*
 * kcompactd: one thread per node that compacts when kswapd goes to sleep, when
 * a boosted zone was reclaimed, or when a request that may not do it itself
 * finds the node fragmented; and every half second by itself while too much of
 * the free memory is of no use for huge pages (proactive compaction).
 * mm/compaction.c of Linux 6.1.
 *
 * Locks: none here; see compaction.c. The mailbox is that of kswapd.c; a
 * request that came while the thread worked, or that found nothing suitable to
 * compact, lies in it, and is taken within half a second at the latest.
 */
#include "alloc/base/wait.h"
#include "alloc/page/compaction.h"

#define PROACTIVE_NS 500000000u
#define PROACTIVE_DEFER                                      \
	64u /* rounds without effect are followed by a pause \
	     */

void kcompactd_wakeup(struct reclaim *r, unsigned nid, unsigned order,
		      unsigned idx)
{
	struct mailbox *box = &r->node[nid].kcompactd;

	if (!order || !r->cfg.kcompactd)
		return;
	mailbox_put(box, order, idx);
	if (!mailbox_waiting(box))
		return;
	mailbox_peek(box, &order, &idx);
	if (compaction_node_suitable(r, nid, order, idx))
		mailbox_wake(box);
}

static void proactive(struct reclaim_worker *w, unsigned *pause)
{
	struct reclaim *r = w->r;
	const unsigned high = compaction_score_low(r) + 10;
	unsigned before;

	if (!r->cfg.proactive || !r->cfg.compaction_proactiveness)
		return;
	if (*pause) {
		--*pause;
		return;
	}
	before = compaction_node_score(r, w->nid);
	if (before <= (high < 100 ? high : 100) ||
	    reclaim_kswapd_awake(r, w->nid))
		return;
	compact_node(w, -1, MAX_NR_ZONES - 1);
	if (compaction_node_score(r, w->nid) >= before)
		*pause = PROACTIVE_DEFER;
}

void kcompactd_run(struct reclaim_worker *w)
{
	struct reclaim *r = w->r;
	struct mailbox *box = &r->node[w->nid].kcompactd;
	unsigned order = 0, idx = MAX_NR_ZONES - 1, pause = 0;

	w->ctx.in_reclaim = true;
	while (!reclaim_stopping(r)) {
		const uint32_t seen = mailbox_seen(box);

		mailbox_set_waiting(box, true);
		if (reclaim_stopping(r))
			break;
		mailbox_peek(box, &order, &idx);
		if (!order && !mailbox_sleep(box, seen, PROACTIVE_NS)) {
			mailbox_set_waiting(box, false);
			proactive(w, &pause);
			continue;
		}
		mailbox_set_waiting(box, false);
		mailbox_take(box, &order, &idx);
		if (!order || reclaim_stopping(r))
			continue;
		vm_count(&r->events, VM_COMPACT_DAEMON_WAKE, 1);
		compact_node(w, (int)order, idx);
	}
}
