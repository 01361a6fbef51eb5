/*
 * Reclaim, swap and compaction over every page engine: nothing is lost, nothing
 * is wrong, nobody runs out of memory while something could be reclaimed.
 * Compiled once per engine, as conform_page.c.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#include "alloc/page/tests/pressure.h"

#define SWAP_BYTES (128ULL << 20)

TestSuite(reclaim, .timeout = 120);

static bool is_floor(void)
{
	return engine_ops.features & PAGE_F_FLOOR;
}

static struct owner *owners_make(unsigned nr, bool file)
{
	struct owner *o = calloc(nr, sizeof(*o));

	cr_assert(o);
	for (unsigned i = 0; i < nr; i++) {
		o[i].id = i + 1;
		o[i].file = file;
	}
	return o;
}

static void owners_drop(struct pressure *p, struct owner *o, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		lru_delete(&p->ctx, &o[i].slot);
	free(o);
}

static void end(struct pressure *p)
{
	const char *wrong = pressure_end(p);

	cr_assert(!wrong, "%s", wrong ? wrong : "");
}

/* Half as much again as the machine has, every page used and found as it was
 * left, twice over. */
static void use_more_than_there_is(struct reclaim_config *cfg)
{
	struct pressure *p =
		pressure_make(small_machine(KERNEL_6_1, 1), &engine_ops, cfg);
	const unsigned nr = (unsigned)p->m->managed * 3 / 2;
	struct owner *o = owners_make(nr, false);
	struct vm_events *v = reclaim_vm_events(p->r);

	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < nr; i++)
			cr_assert_eq(
				owner_use(&p->ctx, &o[i], GFP_HIGHUSER_MOVABLE,
					  round == 0 || i % 3 == 0),
				0, "owner %u of %u in round %u", i, nr, round);
	cr_assert_gt(vm_read(v, VM_PSWPOUT), nr - p->m->managed);
	cr_assert_gt(vm_read(v, VM_PSWPIN), nr - p->m->managed);
	cr_assert_eq(vm_read(v, VM_PGSTEAL_ANON),
		     vm_read(v, VM_PGSTEAL_KSWAPD) +
			     vm_read(v, VM_PGSTEAL_DIRECT));
	cr_assert_eq(vm_read(v, VM_OOM_KILL), 0);
	owners_drop(p, o, nr);
	end(p);
}

Test(reclaim, working_set_larger_than_memory_by_direct_reclaim)
{
	struct reclaim_config cfg = pressure_config();

	if (is_floor())
		return;
	cfg.swap.bytes = SWAP_BYTES;
	use_more_than_there_is(&cfg);
}

Test(reclaim, working_set_larger_than_memory_with_kswapd)
{
	struct reclaim_config cfg = pressure_config();

	if (is_floor())
		return;
	cfg.swap.bytes = SWAP_BYTES;
	cfg.kswapd = cfg.kcompactd = true;
	use_more_than_there_is(&cfg);
}
