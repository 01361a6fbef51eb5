/*
 * vmalloc over every page engine: what is written at the new addresses is in
 * the frames, what is refused or fails half-way takes nothing from anybody, and
 * what lies around an area faults.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "alloc/page/kmap.h"
#include "alloc/page/layout.h"
#include "alloc/page/tests/mapped_machine.h"
#include "alloc/page/tests/model.h"
#include "alloc/page/vmalloc.h"

#define MIB (1ULL << 20)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

TestSuite(vmalloc, .timeout = 120);

static void wrong_is_null(const char *wrong)
{
	cr_assert(!wrong, "%s", wrong ? wrong : "");
}

/* Runs test for each engine that has frames. */
static void each_engine(void (*test)(const struct page_ops *ops))
{
	unsigned nr = 0;

	for (const struct page_binding *b = page_binding_first(); b;
	     b = b->next) {
		if (b->ops->features & PAGE_F_FLOOR)
			continue;
		test(b->ops);
		nr++;
	}
	cr_assert_gt(nr, 0);
}

static uint64_t pages_allocated(struct mapped *b)
{
	uint64_t n = 0;

	page_ctx_fold(&b->ctx);
	for (unsigned z = 0; z < b->m->nr_zones; z++)
		n += b->counters[z].pgalloc - b->counters[z].pgfree;
	return n;
}

static char *get(struct mapped *b, uint64_t bytes)
{
	enum vmalloc_why why = NR_VMALLOC_WHYS;
	char *addr = vmalloc(&b->ctx, bytes, GFP_KERNEL, &why);

	cr_assert(addr, "%s: %lu bytes: %s", b->ops->name, (unsigned long)bytes,
		  vmalloc_why_name(why));
	cr_assert_eq(why, VMALLOC_OK);
	return addr;
}

static void refused(struct mapped *b, uint64_t bytes, enum vmalloc_why want)
{
	const uint64_t pages = pages_allocated(b);
	enum vmalloc_why why = NR_VMALLOC_WHYS;

	cr_assert_null(vmalloc(&b->ctx, bytes, GFP_NOWAIT, &why));
	cr_assert_eq(why, want, "%s: %lu bytes: %s, not %s", b->ops->name,
		     (unsigned long)bytes, vmalloc_why_name(why),
		     vmalloc_why_name(want));
	cr_assert_eq(pages_allocated(b), pages);
	wrong_is_null(vmalloc_verify(b->m));
}

/* A word of each page by its new address and by its frame's own. */
static void check_alias(struct mapped *b, char *addr, uint64_t pages)
{
	for (uint64_t i = 0; i < pages; i++) {
		const pfn_t pfn =
			vmalloc_to_pfn(b->m, addr + (i << PAGE_SHIFT) + 123);
		uint64_t *mine = (uint64_t *)(addr + (i << PAGE_SHIFT));
		uint64_t *own = kmap_local(&b->ctx, pfn);

		cr_assert(pfn_valid(pfn));
		cr_assert_not_null(own);
		cr_assert_neq(mine, own);
		*mine = ~i;
		cr_assert_eq(*own, ~i);
		own[511] = i;
		cr_assert_eq(mine[511], i);
		kunmap_local(&b->ctx, own);
	}
}

static void data_and_guards(const struct page_ops *ops)
{
	static const uint64_t sizes[] = { 1,       PAGE_SIZE,   PAGE_SIZE + 1,
					  4 * MIB, 4 * MIB + 1, 24 * MIB };
	struct mapped *b = mapped_make(
		(struct mapped_spec){ .ops = ops, .vmalloc = true });
	char *addr[ARRAY_SIZE(sizes)];
	uint64_t sum = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t pages = (sizes[i] + PAGE_SIZE - 1) >> PAGE_SHIFT;

		addr[i] = get(b, sizes[i]);
		sum += pages;
		check_alias(b, addr[i], pages);
		cr_assert(!address_faults(addr[i] + (pages << PAGE_SHIFT) - 1));
		cr_assert(address_faults(addr[i] + (pages << PAGE_SHIFT)));
		cr_assert(!pfn_valid(
			vmalloc_to_pfn(b->m, addr[i] + (pages << PAGE_SHIFT))));
		cr_assert_eq(pages_allocated(b), sum);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		vfree(&b->ctx, addr[i]);
		cr_assert(address_faults(addr[i]));
		cr_assert(!pfn_valid(vmalloc_to_pfn(b->m, addr[i])));
	}
	vfree(&b->ctx, NULL);
	cr_assert_eq(pages_allocated(b), 0);
	wrong_is_null(mapped_end(b));
}

Test(vmalloc, data_is_in_the_frames_and_guards_fault)
{
	each_engine(data_and_guards);
}

static void two_areas_share_no_frame(const struct page_ops *ops)
{
	struct mapped *b = mapped_make((struct mapped_spec){
		.ops = ops, .nr_nodes = 2, .vmalloc = true });
	char *one = get(b, 20 * MIB), *two = get(b, 20 * MIB);

	memset(one, 1, 20 * MIB);
	memset(two, 2, 20 * MIB);
	for (uint64_t i = 0; i < 20 * MIB; i += 512)
		cr_assert(one[i] == 1 && two[i] == 2);
	vfree(&b->ctx, one);
	vfree(&b->ctx, two);
	wrong_is_null(mapped_end(b));
}

Test(vmalloc, areas_over_two_nodes_share_no_frame)
{
	each_engine(two_areas_share_no_frame);
}

static void from_highmem(const struct page_ops *ops)
{
	struct mapped *b = mapped_make((struct mapped_spec){
		.ops = ops, .highmem = true, .vmalloc = true });
	char *addr = get(b, 6 * MIB);
	enum vmalloc_why why;
	char *low;

	for (uint64_t i = 0; i < 6 * MIB; i += PAGE_SIZE)
		cr_assert(pfn_is_highmem(b->m, vmalloc_to_pfn(b->m, addr + i)));
	check_alias(b, addr, 6 * MIB >> PAGE_SHIFT);
	/* who asks for a DMA zone gets one */
	low = vmalloc(&b->ctx, 5 * MIB, GFP_KERNEL | GFP_BIT_DMA, &why);
	cr_assert_not_null(low);
	for (uint64_t i = 0; i < 5 * MIB; i += PAGE_SIZE)
		cr_assert_lt(vmalloc_to_pfn(b->m, low + i).v, 4096);
	vfree(&b->ctx, addr);
	vfree(&b->ctx, low);
	wrong_is_null(mapped_end(b));
}

Test(vmalloc, frames_come_from_highmem_where_there_is_some)
{
	each_engine(from_highmem);
}

static void explained(const struct mapped *b, enum vmalloc_why why,
		      const char *word)
{
	char text[256];

	vmalloc_explain(b->m, why, 5 * MIB, text, sizeof(text));
	cr_assert(strstr(text, word), "'%s' is not in: %s", word, text);
	cr_assert(strstr(text, "5242880 bytes"), "%s", text);
	cr_assert(!strchr(text, '\n'));
}

static void refusals(const struct page_ops *ops)
{
	struct mapped *b = mapped_make((struct mapped_spec){
		.ops = ops, .vmalloc_bytes = 8 * MIB, .vmalloc = true });
	char *addr;

	refused(b, 0, VMALLOC_ZERO);
	refused(b, UINT64_MAX, VMALLOC_MEMORY);
	refused(b, 65 * MIB, VMALLOC_MEMORY);
	refused(b, 8 * MIB, VMALLOC_ADDRESSES);
	refused(b, 8 * MIB - PAGE_SIZE + 1, VMALLOC_ADDRESSES);
	explained(b, VMALLOC_ADDRESSES, "8192 KiB of addresses");
	addr = get(b, 8 * MIB - PAGE_SIZE);
	refused(b, 1, VMALLOC_ADDRESSES);
	explained(b, VMALLOC_ADDRESSES, " 0 are free in a row");
	vfree(&b->ctx, addr);
	vfree(&b->ctx, get(b, 8 * MIB - PAGE_SIZE));
	explained(b, VMALLOC_MEMORY, "the machine has");
	explained(b, VMALLOC_FRAMES, "watermarks");
	explained(b, VMALLOC_MAPPINGS, "vm.max_map_count");
	wrong_is_null(mapped_end(b));
}

Test(vmalloc, what_cannot_be_is_refused_with_a_reason)
{
	each_engine(refusals);
}

Test(vmalloc, without_addresses_or_memory)
{
	struct mapped *b = mapped_make((struct mapped_spec){ 0 });
	struct machine *bare = small_machine(KERNEL_6_1, 1);
	char err[160] = "";

	refused(b, 1, VMALLOC_NO_MACHINE);
	cr_assert_eq(vmalloc_init(bare, err, sizeof(err)), -ENODEV);
	cr_assert(strstr(err, "no memory"), "%s", err);
	machine_destroy(bare);
	wrong_is_null(mapped_end(b));
}

/* Fills the machine, each frame with its number in it and its owner in the
 * model; at the end all but `spare` frames are somebody's. */
static void occupy(struct mapped *b, struct model *model, uint64_t spare)
{
	uint32_t *word;

	model_init(model, b->m, 7);
	for (;;) {
		pfn_t pfn = alloc_pages(&b->ctx, GFP_NOWAIT, 0);

		if (!pfn_valid(pfn))
			break;
		wrong_is_null(
			model_take(model, (struct model_block){ .pfn = pfn,
								.frames = 1 }));
		word = pfn_to_virt(b->m, pfn);
		*word = pfn.v;
	}
	while (spare--) {
		const size_t i = model_random(model, model->nr);
		const pfn_t pfn = model->block[i].pfn;

		wrong_is_null(model_give(model, i));
		free_pages(&b->ctx, pfn, 0);
	}
	b->ops->drain(b->e, &b->ctx);
}

/* Every frame still belongs to whom it did, with what was in it. */
static void owners_intact(struct mapped *b, struct model *model, uint64_t pages)
{
	cr_assert_eq(pages_allocated(b), pages);
	for (size_t i = 0; i < model->nr; i++) {
		const pfn_t pfn = model->block[i].pfn;

		cr_assert_eq(*(uint32_t *)pfn_to_virt(b->m, pfn), pfn.v);
		cr_assert_eq(model->owner[pfn.v], model->block[i].owner);
	}
	wrong_is_null(b->ops->verify(b->e));
	wrong_is_null(vmalloc_verify(b->m));
}

/* Frames run out within the first bulk call, between two, and later: scattered
 * single frames are all that is left. */
static void frames_run_out(const struct page_ops *ops, unsigned spare)
{
	struct mapped *b = mapped_make(
		(struct mapped_spec){ .ops = ops, .vmalloc = true });
	struct model model;
	uint64_t pages, left;

	occupy(b, &model, spare);
	pages = pages_allocated(b);
	left = b->m->managed - pages;
	cr_assert_geq(left, spare);
	for (uint64_t more = 1; more < 2000; more = more * 40 + 1) {
		refused(b, (left + more) << PAGE_SHIFT, VMALLOC_FRAMES);
		owners_intact(b, &model, pages);
	}
	/* and what there is can be had */
	for (uint64_t n = 1; n <= spare / 2; n *= 2) {
		char *addr = get(b, n << PAGE_SHIFT);

		for (uint64_t i = 0; i < n; i++) {
			const pfn_t pfn =
				vmalloc_to_pfn(b->m, addr + (i << PAGE_SHIFT));

			cr_assert_eq(model.owner[pfn.v], 0);
		}
		memset(addr, 0xff, n << PAGE_SHIFT);
		vfree(&b->ctx, addr);
		owners_intact(b, &model, pages);
	}
	wrong_is_null(model_free_all(&model, &b->ctx));
	model_drop(&model);
	wrong_is_null(mapped_end(b));
}

static void frames_run_out_anywhere(const struct page_ops *ops)
{
	static const unsigned spare[] = { 0, 1, 101, 300 };

	for (unsigned i = 0; i < ARRAY_SIZE(spare); i++)
		frames_run_out(ops, spare[i]);
}

Test(vmalloc, frames_that_run_out_leave_each_owner_his)
{
	each_engine(frames_run_out_anywhere);
}

/* The mapper fails at the first, second, ... run of a scattered area. */
static void mappings_run_out(const struct page_ops *ops)
{
	struct mapped *b = mapped_make(
		(struct mapped_spec){ .ops = ops, .vmalloc = true });
	const uint64_t bytes = 40 << PAGE_SHIFT;
	struct vmalloc_stat s;
	struct model model;
	uint64_t pages, before;
	long runs = 0;
	char *addr;

	occupy(b, &model, 300);
	pages = pages_allocated(b);
	for (;; runs++) {
		enum vmalloc_why why;

		cr_assert_leq(runs, 40);
		mapped_fail_after(b, runs);
		before = mapped_nr_maps(b);
		addr = vmalloc(&b->ctx, bytes, GFP_KERNEL, &why);
		if (addr)
			break;
		cr_assert_eq(why, VMALLOC_MAPPINGS);
		owners_intact(b, &model, pages);
		vmalloc_stat(b->m, &s);
		cr_assert_eq(s.now.areas, 0);
		cr_assert_eq(s.largest, s.total);
	}
	/* 300 of 16000 frames, at random: few are neighbours */
	cr_assert_gt(runs, 20, "%s: %ld runs", ops->name, runs);
	mapped_fail_after(b, -1);
	vmalloc_stat(b->m, &s);
	cr_assert_eq(s.now.mappings, mapped_nr_maps(b) - before);
	check_alias(b, addr, 40);
	vfree(&b->ctx, addr);
	owners_intact(b, &model, pages);
	wrong_is_null(model_free_all(&model, &b->ctx));
	model_drop(&model);
	wrong_is_null(mapped_end(b));
}

Test(vmalloc, mappings_that_run_out_leave_each_owner_his)
{
	each_engine(mappings_run_out);
}

/* Addresses that were mapped by a request that failed half-way fault again. */
Test(vmalloc, undo_leaves_no_mapping_behind)
{
	struct mapped *b = mapped_make((struct mapped_spec){ .vmalloc = true });
	enum vmalloc_why why;
	struct model model;
	unsigned before;
	char *addr;

	occupy(b, &model, 300);
	addr = get(b, 30 << PAGE_SHIFT);
	vfree(&b->ctx, addr);
	before = count_mappings();
	mapped_fail_after(b, 20);
	cr_assert_null(vmalloc(&b->ctx, 30 << PAGE_SHIFT, GFP_KERNEL, &why));
	cr_assert_eq(why, VMALLOC_MAPPINGS);
	for (unsigned i = 0; i < 30; i++)
		cr_assert(address_faults(addr + (i << PAGE_SHIFT)));
	/* a sanitizer's own come and go */
	cr_assert(SANITIZED || count_mappings() == before);
	wrong_is_null(model_free_all(&model, &b->ctx));
	model_drop(&model);
	wrong_is_null(mapped_end(b));
}

/* Takes every mapping that the host lets this process have, but for `spare`. */
static char *exhaust_mappings(size_t *pages, unsigned spare)
{
	const size_t max = 1 << 20;
	char *at = mmap(NULL, max << PAGE_SHIFT, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	cr_assert_neq(at, MAP_FAILED);
	*pages = max;
	for (size_t i = 0; i < max; i += 2)
		if (mprotect(at + (i << PAGE_SHIFT), PAGE_SIZE, PROT_READ)) {
			/* two mappings for each page undone */
			for (size_t k = 0; k < spare; k += 2)
				mprotect(at + ((i - 2 - k) << PAGE_SHIFT),
					 PAGE_SIZE, PROT_NONE);
			return at;
		}
	munmap(at, max << PAGE_SHIFT);
	return NULL;
}

/* The real limit, vm.max_map_count, met half-way. */
Test(vmalloc, the_hosts_limit_of_mappings)
{
	struct mapped *b = mapped_make((struct mapped_spec){ .vmalloc = true });
	enum vmalloc_why why[3];
	size_t fill_pages;
	unsigned before;
	struct model model;
	char *fill, *held, *none, *again;
	uint64_t pages;

	if (SANITIZED)
		cr_skip_test("a sanitizer needs mappings of its own");
	occupy(b, &model, 300);
	held = get(b, 50 << PAGE_SHIFT);
	pages = pages_allocated(b);
	before = count_mappings();
	fill = exhaust_mappings(&fill_pages, 12);
	if (!fill)
		cr_skip_test("vm.max_map_count is above a million");
	none = vmalloc(&b->ctx, 60 << PAGE_SHIFT, GFP_KERNEL, &why[0]);
	/* and at the limit an area can be given back ... */
	vfree(&b->ctx, held);
	/* ... whose mappings are free again */
	again = vmalloc(&b->ctx, 20 << PAGE_SHIFT, GFP_KERNEL, &why[1]);
	munmap(fill, fill_pages << PAGE_SHIFT);
	cr_assert_null(none);
	cr_assert_eq(why[0], VMALLOC_MAPPINGS);
	cr_assert_not_null(again, "%s", vmalloc_why_name(why[1]));
	vfree(&b->ctx, again);
	owners_intact(b, &model, pages - 50);
	/* all but what the area itself was in */
	cr_assert_leq(count_mappings(), before);
	vfree(&b->ctx, get(b, 60 << PAGE_SHIFT));
	wrong_is_null(model_free_all(&model, &b->ctx));
	model_drop(&model);
	wrong_is_null(mapped_end(b));
}

/* libc refuses the record: 128 MiB for the frames of 128 GiB. Nothing of this
 * machine is ever touched. */
Test(vmalloc, no_memory_for_the_record)
{
	struct machine_desc *d = malloc(sizeof(*d));
	struct mapped *b = mapped_make((struct mapped_spec){ 0 });
	const struct rlimit old = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit tight = old;
	struct machine_memory memory = b->arena.memory;
	enum vmalloc_why why;
	struct vmap_area *area;
	struct machine *m;
	char err[160];

	if (SANITIZED)
		cr_skip_test("a sanitizer's malloc does not return NULL");
	layout_defaults(d);
	layout_topo(&d->topo, 1, 1);
	d->vmalloc_bytes = 1ULL << 38;
	cr_assert_eq(layout_zones(d, 1ULL << 38, err, sizeof(err)), 0);
	cr_assert_eq(machine_create(&m, d, &memory, err, sizeof(err)), 0);
	cr_assert_eq(vmalloc_init(m, err, sizeof(err)), 0);
	/* less than what is in use already: no page more */
	tight.rlim_cur = 1 << 20;
	cr_assert_eq(setrlimit(RLIMIT_AS, &tight), 0);
	area = vmalloc_begin(m, 1ULL << 37, &why);
	cr_assert_eq(setrlimit(RLIMIT_AS, &old), 0);
	cr_assert_null(area);
	cr_assert_eq(why, VMALLOC_NO_RECORD);
	wrong_is_null(vmalloc_verify(m));
	machine_destroy(m);
	free(d);
	wrong_is_null(mapped_end(b));
}

struct wrong_free {
	struct mapped *b;
	char *addr;
};

static void do_vfree(void *arg)
{
	struct wrong_free *w = arg;

	vfree(&w->b->ctx, w->addr);
}

static void aborts(struct mapped *b, char *addr, const char *word)
{
	struct wrong_free w = { b, addr };
	const char *text = abort_message(do_vfree, &w);
	char want[64];

	snprintf(want, sizeof(want), "vfree of %p", (void *)addr);
	cr_assert(strstr(text, want), "%p: %s", (void *)addr, text);
	cr_assert(strstr(text, word), "'%s' is not in: %s", word, text);
}

static void wrong_frees(const struct page_ops *ops)
{
	struct mapped *b = mapped_make(
		(struct mapped_spec){ .ops = ops, .vmalloc = true });
	char *addr = get(b, 3 * PAGE_SIZE), *next = get(b, PAGE_SIZE);

	aborts(b, addr + PAGE_SIZE, "inside an area");
	aborts(b, addr + 1, "inside an area");
	aborts(b, addr + 3 * PAGE_SIZE, "inside an area");
	aborts(b, (char *)&ops, "no address of vmalloc");
	aborts(b, addr - 1, "no address of vmalloc");
	aborts(b, next + 2 * PAGE_SIZE, "never given out");
	vfree(&b->ctx, addr);
	aborts(b, addr, "given back before");
	vfree(&b->ctx, next);
	aborts(b, next, "given back before");
	wrong_is_null(mapped_end(b));
}

Test(vmalloc, wrong_and_double_frees_are_named)
{
	each_engine(wrong_frees);
}

/* Freed addresses are the next ones to be given out, and merge. */
Test(vmalloc, addresses_are_used_again)
{
	struct mapped *b = mapped_make((struct mapped_spec){ .vmalloc = true });
	char *a = get(b, 5 * MIB), *c = get(b, 5 * MIB), *d;
	struct vmalloc_stat s;

	cr_assert_eq(c, a + 5 * MIB + PAGE_SIZE, "one guard page");
	vfree(&b->ctx, a);
	cr_assert_eq(get(b, PAGE_SIZE), a);
	vfree(&b->ctx, a);
	vfree(&b->ctx, c);
	d = get(b, 12 * MIB);
	cr_assert_eq(d, a);
	vfree(&b->ctx, d);
	vmalloc_stat(b->m, &s);
	cr_assert_eq(s.largest, s.total);
	cr_assert_eq(s.made.areas, 4);
	cr_assert_eq(s.made.pages, (22 * MIB >> PAGE_SHIFT) + 1);
	cr_assert_eq(s.now.mappings, 0);
	wrong_is_null(mapped_end(b));
}

/* A fresh machine gives frames in order: few runs, whatever the order in which
 * they were freed before. */
Test(vmalloc, neighbours_are_mapped_together)
{
	struct mapped *b = mapped_make((struct mapped_spec){ .vmalloc = true });

	for (unsigned i = 0; i < 3; i++) {
		const uint64_t before = mapped_nr_maps(b);

		vfree(&b->ctx, get(b, 16 * MIB));
		cr_assert_leq(mapped_nr_maps(b) - before, 16);
	}
	wrong_is_null(mapped_end(b));
}

static uint64_t vmalloc_kib(enum machine_layout layout, uint64_t bytes,
			    uint64_t asked)
{
	struct machine_desc *d = malloc(sizeof(*d));
	char err[160] = "";
	uint64_t kib;

	layout_defaults(d);
	layout_set(d, layout, true);
	layout_topo(&d->topo, 1, 1);
	d->vmalloc_bytes = asked;
	cr_assert_eq(layout_zones(d, bytes, err, sizeof(err)), 0, "%s", err);
	kib = layout_vmalloc_bytes(d) >> 10;
	if (asked && layout == LAYOUT_I386)
		cr_assert_eq(layout_highmem_pfn(d) << 2,
			     (1024 - 8) * 1024 - kib);
	free(d);
	return kib;
}

Test(vmalloc, how_many_addresses_there_are)
{
	struct machine_desc *d = malloc(sizeof(*d));
	char err[160] = "";

	/* VmallocTotal of the i386 kernels in tests/data */
	cr_assert_eq(vmalloc_kib(LAYOUT_I386, 1024 * MIB, 0), 122880);
	cr_assert_eq(vmalloc_kib(LAYOUT_I386, 8192 * MIB, 0), 122880);
	cr_assert_eq(vmalloc_kib(LAYOUT_I386, 512 * MIB, 0), 504 << 10);
	cr_assert_eq(vmalloc_kib(LAYOUT_I386, 2048 * MIB, 256 * MIB),
		     256 << 10);
	cr_assert_eq(vmalloc_kib(LAYOUT_X86_64, 64 * MIB, 0), 1 << 20);
	cr_assert_eq(vmalloc_kib(LAYOUT_X86_64, 4096 * MIB, 0), 16 << 20);
	/* 1/64 of the memory is struct page */
	cr_assert_lt(vmalloc_kib(LAYOUT_X86_64, 1ULL << 40, 0), 4096ULL << 20);
	cr_assert_gt(vmalloc_kib(LAYOUT_X86_64, 1ULL << 40, 0), 4000ULL << 20);
	cr_assert_eq(vmalloc_kib(LAYOUT_X86_64, 16380ULL << 30, 0),
		     32ULL << 30);
	layout_defaults(d);
	layout_set(d, LAYOUT_I386, false);
	d->vmalloc_bytes = 900 * MIB;
	cr_assert_eq(layout_zones(d, 2048 * MIB, err, sizeof(err)), -EINVAL);
	cr_assert(strstr(err, "at most 888 MiB"), "%s", err);
	free(d);
}
