/*
 * What the engines of the fault tests are made of: zonelock, with one rule
 * broken on every FAULT_EVERY-th request of a thread. They are linked into
 * build/zonebench-faulty alone; scripts/tests/faults.sh says what must become
 * of a run with each of them.
 */
#ifndef ALLOC_PAGE_TESTS_ENGINES_OVER_ZONELOCK_H
#define ALLOC_PAGE_TESTS_ENGINES_OVER_ZONELOCK_H

#include "alloc/page/page_alloc.h"

#define FAULT_EVERY 1000u

/* The engine's own file, with its table under another name. */
#define engine_ops zonelock_ops
static const struct page_ops engine_ops __attribute__((unused));
#include "alloc/page/engines/zonelock.c"
#undef engine_ops

/* True on every FAULT_EVERY-th call by this thread; counts in ctx->priv. */
ALWAYS_INLINE bool fault_due(struct page_ctx *ctx)
{
	uintptr_t n = (uintptr_t)ctx->priv + 1;

	ctx->priv = (void *)n;
	return unlikely(n % FAULT_EVERY == 0);
}

/* The engine that includes this; zonelock_create() has set its own table. */
static const struct page_ops engine_ops;

static inline int fault_create(struct page_engine **out, struct machine *m)
{
	int rc = zonelock_create(out, m);

	if (rc == 0)
		(*out)->ops = &engine_ops;
	return rc;
}

static inline int fault_thread_enter(struct page_ctx *ctx)
{
	ctx->priv = NULL;
	return 0;
}

/* The hooks that are zonelock's in each of them. No bulk forms: every request
 * passes the single ones. */
#define FAULT_ENGINE_COLD                                                      \
	.name = ENGINE_NAME, .features = PAGE_F_EXACT, .create = fault_create, \
	.destroy = zonelock_destroy, .drain = zonelock_drain,                  \
	.snapshot = zonelock_snapshot, .verify = zonelock_verify

#endif
