/* kmap windows of HIGHMEM frames: data, counts, exhaustion, lazy flushes. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc/page/kmap.h"
#include "alloc/page/tests/mapped_machine.h"

TestSuite(kmap, .timeout = 60);

static void wrong_is_null(const char *wrong)
{
	cr_assert(!wrong, "%s", wrong ? wrong : "");
}

static struct mapped *machine_with_highmem(bool pae)
{
	return mapped_make((struct mapped_spec){ .highmem = true, .pae = pae });
}

static void take(struct mapped *b, pfn_t *pfn, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		pfn[i] = alloc_pages(&b->ctx, GFP_HIGHUSER, 0);
		cr_assert(pfn_valid(pfn[i]));
		cr_assert(pfn_is_highmem(b->m, pfn[i]));
	}
}

static void give(struct mapped *b, const pfn_t *pfn, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		free_pages(&b->ctx, pfn[i], 0);
}

static struct kmap_stat stat_of(const struct mapped *b)
{
	struct kmap_stat s;

	kmap_stat(b->m, &s);
	return s;
}

Test(kmap, highmem_has_no_address_of_its_own)
{
	struct mapped *b = machine_with_highmem(true);
	pfn_t low = alloc_pages(&b->ctx, GFP_KERNEL, 0), high;
	char *at;

	take(b, &high, 1);
	at = page_address(b->m, low);
	cr_assert_eq(at, (char *)pfn_to_virt(b->m, low));
	*at = 1;
	cr_assert_eq(kmap(b->m, low), at);
	cr_assert_eq(kmap_try(b->m, low), at);
	cr_assert_eq(kmap_local(&b->ctx, low), at);
	kunmap_local(&b->ctx, at);
	kunmap(b->m, low);
	cr_assert_null(page_address(b->m, high));
	cr_assert(address_faults(b->m->memory.base +
				 ((uint64_t)high.v << PAGE_SHIFT)));
	free_pages(&b->ctx, low, 0);
	give(b, &high, 1);
	cr_assert_eq(stat_of(b).maps, 0);
	wrong_is_null(mapped_end(b));
}

Test(kmap, all_windows_show_the_same_frame)
{
	struct mapped *b = machine_with_highmem(false);
	pfn_t pfn[2];
	char *pool, *again, *mine, *other;

	take(b, pfn, 2);
	pool = kmap(b->m, pfn[0]);
	cr_assert_not_null(pool);
	cr_assert_eq(page_address(b->m, pfn[0]), pool);
	again = kmap(b->m, pfn[0]);
	cr_assert_eq(again, pool);
	mine = kmap_local(&b->ctx, pfn[0]);
	other = kmap(b->m, pfn[1]);
	cr_assert(mine && other && mine != pool && other != pool);
	for (unsigned i = 0; i < PAGE_SIZE; i++)
		pool[i] = (char)i;
	memset(other, 0x5a, PAGE_SIZE);
	for (unsigned i = 0; i < PAGE_SIZE; i++)
		cr_assert_eq(mine[i], (char)i);
	mine[7] = 99;
	cr_assert_eq(pool[7], 99);
	kunmap_local(&b->ctx, mine);
	cr_assert(address_faults(mine));
	kunmap(b->m, pfn[0]);
	cr_assert_eq(stat_of(b).used, 2);
	kunmap(b->m, pfn[0]);
	kunmap(b->m, pfn[1]);
	/* idle windows stay as they are */
	cr_assert_eq(stat_of(b).idle, 2);
	cr_assert_eq(page_address(b->m, pfn[0]), pool);
	cr_assert_eq(kmap(b->m, pfn[0]), pool);
	cr_assert_eq(pool[7], 99);
	kunmap(b->m, pfn[0]);
	cr_assert_eq(stat_of(b).maps, 2);
	give(b, pfn, 2);
	wrong_is_null(mapped_end(b));
}

static void exhaust(bool pae, unsigned windows)
{
	struct mapped *b = machine_with_highmem(pae);
	pfn_t pfn[KMAP_WINDOWS + 1];
	char *addr[KMAP_WINDOWS];

	take(b, pfn, windows + 1);
	cr_assert_eq(stat_of(b).windows, windows);
	for (unsigned i = 0; i < windows; i++) {
		addr[i] = kmap_try(b->m, pfn[i]);
		cr_assert_not_null(addr[i]);
		*addr[i] = (char)(i * 7);
	}
	cr_assert_eq(stat_of(b).used, windows);
	cr_assert_null(kmap_try(b->m, pfn[windows]));
	cr_assert_eq(stat_of(b).waits, 1);
	/* a frame that has a window needs none */
	cr_assert_eq(kmap_try(b->m, pfn[3]), addr[3]);
	kunmap(b->m, pfn[3]);
	cr_assert_null(kmap_try(b->m, pfn[windows]));
	kunmap(b->m, pfn[3]);
	cr_assert_eq(kmap_try(b->m, pfn[windows]), addr[3]);
	cr_assert_null(page_address(b->m, pfn[3]));
	for (unsigned i = 0; i < windows; i++)
		if (i != 3)
			cr_assert_eq(*addr[i], (char)(i * 7));
	for (unsigned i = 0; i <= windows; i++)
		if (i != 3)
			kunmap(b->m, pfn[i]);
	wrong_is_null(kmap_verify(b->m));
	give(b, pfn, windows + 1);
	wrong_is_null(mapped_end(b));
}

Test(kmap, a_thousand_windows_and_no_more)
{
	exhaust(false, KMAP_WINDOWS);
}

Test(kmap, half_as_many_with_pae)
{
	exhaust(true, KMAP_WINDOWS_PAE);
}

/* One flush a round, which unmaps what nobody uses and nothing else. */
Test(kmap, idle_windows_are_flushed_once_a_round)
{
	struct mapped *b = machine_with_highmem(true);
	const unsigned nr = 4 * KMAP_WINDOWS_PAE;
	pfn_t pfn[4 * KMAP_WINDOWS_PAE], kept;
	char *stays, *addr = NULL;

	take(b, &kept, 1);
	take(b, pfn, nr);
	stays = kmap(b->m, kept);
	*stays = 42;
	for (unsigned i = 0; i < nr; i++) {
		addr = kmap(b->m, pfn[i]);
		*addr = (char)i;
		kunmap(b->m, pfn[i]);
		cr_assert_eq(page_address(b->m, pfn[i]), addr);
	}
	cr_assert_eq(stat_of(b).maps, nr + 1);
	cr_assert_eq(stat_of(b).flushes, 4);
	/* neighbours are unmapped by one call: two runs around the one in use
	 */
	cr_assert_leq(mapped_nr_unmaps(b), 2 * 4);
	cr_assert_eq(*stays, 42);
	cr_assert_eq(page_address(b->m, kept), stays);
	cr_assert_null(page_address(b->m, pfn[0]));
	for (unsigned i = 0; i < nr; i++) {
		cr_assert_eq(*(char *)kmap(b->m, pfn[i]), (char)i);
		kunmap(b->m, pfn[i]);
	}
	kunmap(b->m, kept);
	give(b, pfn, nr);
	give(b, &kept, 1);
	wrong_is_null(mapped_end(b));
}

struct waiter {
	struct machine *m;
	pfn_t pfn;
	_Atomic(void *) addr;
};

static void *wait_for_window(void *arg)
{
	struct waiter *w = arg;
	void *addr = kmap(w->m, w->pfn);

	/* relaxed: only has to be seen eventually */
	atomic_store_explicit(&w->addr, addr, memory_order_relaxed);
	return NULL;
}

Test(kmap, waits_until_a_window_is_given_back)
{
	struct mapped *b = machine_with_highmem(true);
	pfn_t pfn[KMAP_WINDOWS_PAE + 1];
	struct waiter w;
	pthread_t thread;
	void *addr = NULL;

	take(b, pfn, KMAP_WINDOWS_PAE + 1);
	for (unsigned i = 0; i < KMAP_WINDOWS_PAE; i++)
		addr = kmap(b->m, pfn[i]);
	w = (struct waiter){ .m = b->m, .pfn = pfn[KMAP_WINDOWS_PAE] };
	cr_assert_eq(pthread_create(&thread, NULL, wait_for_window, &w), 0);
	while (!stat_of(b).waits)
		usleep(1000);
	/* relaxed: see wait_for_window() */
	cr_assert_null(atomic_load_explicit(&w.addr, memory_order_relaxed));
	kunmap(b->m, pfn[KMAP_WINDOWS_PAE - 1]);
	pthread_join(thread, NULL);
	cr_assert_eq(atomic_load_explicit(&w.addr, memory_order_relaxed), addr);
	for (unsigned i = 0; i <= KMAP_WINDOWS_PAE; i++)
		if (i != KMAP_WINDOWS_PAE - 1)
			kunmap(b->m, pfn[i]);
	give(b, pfn, KMAP_WINDOWS_PAE + 1);
	wrong_is_null(mapped_end(b));
}

/* A host that maps no more: idle windows go first, then the call fails. */
Test(kmap, a_host_that_refuses)
{
	struct mapped *b = machine_with_highmem(true);
	pfn_t pfn[3];

	take(b, pfn, 3);
	cr_assert_not_null(kmap(b->m, pfn[0]));
	cr_assert_not_null(kmap(b->m, pfn[1]));
	kunmap(b->m, pfn[1]);
	mapped_fail_after(b, 0);
	cr_assert_null(kmap(b->m, pfn[2]));
	cr_assert_null(kmap_local(&b->ctx, pfn[2]));
	wrong_is_null(kmap_verify(b->m));
	cr_assert_eq(stat_of(b).idle, 0);
	cr_assert_eq(stat_of(b).used, 1);
	cr_assert_not_null(kmap(b->m, pfn[0]));
	mapped_fail_after(b, -1);
	cr_assert_not_null(kmap(b->m, pfn[2]));
	kunmap(b->m, pfn[2]);
	kunmap(b->m, pfn[0]);
	kunmap(b->m, pfn[0]);
	give(b, pfn, 3);
	wrong_is_null(mapped_end(b));
}

Test(kmap, local_windows_are_a_stack)
{
	struct mapped *b = machine_with_highmem(true);
	struct zone_counters counters[MAX_NR_ZONES] = { 0 };
	char *mine[KMAP_LOCAL_MAX], *theirs;
	pfn_t pfn[KMAP_LOCAL_MAX];
	struct page_ctx other;

	cr_assert_eq(page_ctx_enter(&other, b->e, 1, counters, NULL), 0);
	take(b, pfn, KMAP_LOCAL_MAX);
	for (unsigned i = 0; i < KMAP_LOCAL_MAX; i++) {
		mine[i] = kmap_local(&b->ctx, pfn[i]);
		cr_assert_not_null(mine[i]);
		*mine[i] = (char)i;
	}
	theirs = kmap_local(&other, pfn[5]);
	cr_assert_eq(*theirs, 5);
	kunmap_local(&other, theirs);
	for (unsigned i = KMAP_LOCAL_MAX; i-- > 0;) {
		cr_assert_eq(*mine[i], (char)i);
		kunmap_local(&b->ctx, mine[i]);
		cr_assert(address_faults(mine[i]));
	}
	page_ctx_exit(&other);
	give(b, pfn, KMAP_LOCAL_MAX);
	wrong_is_null(mapped_end(b));
}

struct mistake {
	struct mapped *b;
	pfn_t pfn;
	void *addr;
};

static void unmap_it(void *arg)
{
	struct mistake *s = arg;

	kunmap(s->b->m, s->pfn);
}

static void unmap_local_it(void *arg)
{
	struct mistake *s = arg;

	kunmap_local(&s->b->ctx, s->addr);
}

static void map_one_too_many(void *arg)
{
	struct mistake *s = arg;

	for (unsigned i = 0; i <= KMAP_LOCAL_MAX; i++)
		kmap_local(&s->b->ctx, s->pfn);
}

static void leave_with_windows(void *arg)
{
	struct mistake *s = arg;

	page_ctx_exit(&s->b->ctx);
}

static void aborts(void (*call)(void *), struct mistake *s, const char *word)
{
	const char *text = abort_message(call, s);

	cr_assert(strstr(text, word), "'%s' is not in: %s", word, text);
}

Test(kmap, mistakes_are_named)
{
	struct mapped *b = machine_with_highmem(true);
	struct mistake s = { .b = b };
	char word[64];
	void *first, *second;

	take(b, &s.pfn, 1);
	snprintf(word, sizeof(word), "kunmap of pfn %u", s.pfn.v);
	aborts(unmap_it, &s, word);
	kmap(b->m, s.pfn);
	kunmap(b->m, s.pfn);
	aborts(unmap_it, &s, word);
	snprintf(word, sizeof(word), "kmap_local of pfn %u", s.pfn.v);
	aborts(map_one_too_many, &s, word);
	first = kmap_local(&b->ctx, s.pfn);
	second = kmap_local(&b->ctx, s.pfn);
	s.addr = first;
	snprintf(word, sizeof(word), "kunmap_local of %p", first);
	aborts(unmap_local_it, &s, word);
	aborts(leave_with_windows, &s, "2 local windows are left");
	kunmap_local(&b->ctx, second);
	kunmap_local(&b->ctx, first);
	aborts(unmap_local_it, &s, word);
	give(b, &s.pfn, 1);
	wrong_is_null(mapped_end(b));
}

/* x86-64 has no HIGHMEM: every frame has its address, nothing is a window. */
Test(kmap, machines_without_highmem)
{
	struct mapped *b = mapped_make((struct mapped_spec){ 0 });
	struct machine *bare = small_machine(KERNEL_6_1, 1);
	pfn_t pfn = alloc_pages(&b->ctx, GFP_HIGHUSER, 0);

	cr_assert_null(b->m->kmap);
	cr_assert_eq(kmap(b->m, pfn), pfn_to_virt(b->m, pfn));
	cr_assert_eq(page_address(b->m, pfn), pfn_to_virt(b->m, pfn));
	kunmap(b->m, pfn);
	free_pages(&b->ctx, pfn, 0);
	cr_assert_null(page_address(bare, (pfn_t){ 4096 }));
	cr_assert_null(kmap(bare, (pfn_t){ 4096 }));
	kunmap(bare, (pfn_t){ 4096 });
	machine_destroy(bare);
	wrong_is_null(mapped_end(b));
}
