/*
 * Guards, patterns and tracks of debug caches (debug.h).
 */
#include "alloc/slab/debug.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "alloc/slab/geometry.h"

#define BYTE_RED_INACTIVE 0xbb
#define BYTE_RED_ACTIVE   0xcc
#define BYTE_FREE         0x6b
#define BYTE_END          0xa5
#define BYTE_PADDING      0x5a
#define WORD_BYTES        8u

struct track {
	uint64_t caller;
	uint32_t stack, cpu;
	uint32_t thread, unused;
	uint64_t when_ns; /* CLOCK_MONOTONIC */
};
_Static_assert(sizeof(struct track) == SLAB_TRACK_BYTES, "as geometry says");

/* Are the object's own bytes filled while it is free? */
static bool is_poisoned(const struct kmem_cache *s)
{
	return (s->flags & SLAB_POISON) && !s->ctor &&
	       !(s->flags & SLAB_TYPESAFE_BY_RCU);
}

/* Offset of what stands behind the object and its free pointer. */
static unsigned info_end(const struct kmem_cache *s)
{
	return s->offset >= s->inuse ? s->inuse + WORD_BYTES : s->inuse;
}

static struct track *track_of(const struct kmem_cache *s, const void *object,
			      bool allocated)
{
	struct track *t =
		(struct track *)(void *)((char *)object + info_end(s));

	return allocated ? t : t + 1;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void set_track(struct slab_ctx *ctx, const struct kmem_cache *s,
		      void *object, bool allocated)
{
	if (!(s->flags & SLAB_STORE_USER))
		return;
	*track_of(s, object, allocated) = (struct track){
		.caller = (uintptr_t)ctx->caller,
		.cpu = ctx->cpu,
		.thread = (uint32_t)gettid(),
		.when_ns = now_ns(),
	};
}

const char *slab_symbol(const void *at, char text[SLAB_SYMBOL_LEN])
{
	const char *slash;
	Dl_info i;

	if (!dladdr(at, &i)) {
		snprintf(text, SLAB_SYMBOL_LEN, "0x%" PRIxPTR, (uintptr_t)at);
	} else if (i.dli_sname) {
		snprintf(text, SLAB_SYMBOL_LEN, "%.80s+0x%tx", i.dli_sname,
			 (const char *)at - (const char *)i.dli_saddr);
	} else {
		slash = strrchr(i.dli_fname, '/');
		snprintf(text, SLAB_SYMBOL_LEN, "%.80s+0x%tx",
			 slash ? slash + 1 : i.dli_fname,
			 (const char *)at - (const char *)i.dli_fbase);
	}
	return text;
}

static void note_track(const struct kmem_cache *s, const char *what,
		       const struct track *t)
{
	char text[SLAB_SYMBOL_LEN];

	if (!t->caller)
		return;
	slab_note(s->slab, "%s in %s age=%" PRIu64 "us cpu=%u pid=%u", what,
		  slab_symbol((const void *)(uintptr_t)t->caller, text),
		  (now_ns() - t->when_ns) / 1000, t->cpu, t->thread);
}

/* A line of a TRACE cache. */
static void trace(const struct slab_ctx *ctx, const struct kmem_cache *s,
		  const struct page *page, const void *object, const char *what)
{
	char text[SLAB_SYMBOL_LEN];

	if (!(s->flags & SLAB_TRACE))
		return;
	slab_note(s->slab, "TRACE %s %s object %p @offset=%td in %s cpu=%u",
		  s->name, what, object,
		  (const char *)object - slab_page_address(s->slab, page),
		  slab_symbol(ctx->caller, text), ctx->cpu);
}

/* End of all that an object's place uses; padding follows. */
static unsigned used_end(const struct kmem_cache *s)
{
	unsigned end = info_end(s);

	if (s->flags & SLAB_STORE_USER)
		end += 2 * SLAB_TRACK_BYTES;
	return end;
}

static unsigned stride_left(const struct kmem_cache *s)
{
	return s->size - s->red_left_pad;
}

void slab_debug_tracks(const struct kmem_cache *s, const void *object)
{
	/* engines that heed no flags leave no room for them */
	if (!(s->flags & SLAB_STORE_USER) || used_end(s) > stride_left(s))
		return;
	note_track(s, "Allocated", track_of(s, object, true));
	note_track(s, "Freed", track_of(s, object, false));
}

/* ---- writing ----------------------------------------------------------------
 */

static void write_object(const struct kmem_cache *s, char *object,
			 bool allocated)
{
	const int red = allocated ? BYTE_RED_ACTIVE : BYTE_RED_INACTIVE;

	if (s->flags & SLAB_RED_ZONE)
		memset(object - s->red_left_pad, red, s->red_left_pad);
	if (is_poisoned(s)) {
		memset(object, BYTE_FREE, s->object_size - 1);
		object[s->object_size - 1] = (char)BYTE_END;
	}
	if (s->flags & SLAB_RED_ZONE)
		memset(object + s->object_size, red, s->inuse - s->object_size);
}

void slab_debug_new_slab(const struct kmem_cache *s, const struct page *page)
{
	if (s->flags & SLAB_POISON)
		memset(slab_page_address(s->slab, page), BYTE_PADDING,
		       PAGE_SIZE << slab_tag_order(slab_tag(page)));
}

void slab_debug_new_object(const struct kmem_cache *s, void *object)
{
	write_object(s, object, false);
	if (s->flags & SLAB_STORE_USER)
		memset(track_of(s, object, true), 0, 2 * SLAB_TRACK_BYTES);
}

/* ---- looking ----------------------------------------------------------------
 */

/* What an object is looked at against. */
struct look {
	struct kmem_cache *s;
	const struct page *page;
	char *object;
	bool tail; /* it is what is left behind the slab's last object */
};

static void found(const struct look *l, const char *what, const char *at,
		  int want)
{
	const char *base = slab_page_address(l->s->slab, l->page);

	/* relaxed: a statistic */
	atomic_fetch_add_explicit(&l->s->nr_errors, 1, memory_order_relaxed);
	slab_report(l->s->slab,
		    "BUG %s: %s: object %p @offset=%td, byte %td is 0x%02x, "
		    "expected 0x%02x",
		    l->s->name, what, (void *)l->object, l->object - base,
		    at - l->object, (unsigned char)*at, want);
	if (!l->tail)
		slab_debug_tracks(l->s, l->object);
}

/* [at, at + n) holds `want` throughout. */
static bool look_at(const struct look *l, const char *what, const char *at,
		    size_t n, int want)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)at[i] != want) {
			found(l, what, at + i, want);
			return false;
		}
	return true;
}

static bool look_at_guards(const struct look *l, bool allocated)
{
	const struct kmem_cache *s = l->s;
	const int red = allocated ? BYTE_RED_ACTIVE : BYTE_RED_INACTIVE;
	const size_t pad = s->inuse - s->object_size;

	if (s->flags & SLAB_RED_ZONE)
		return look_at(l, "Left Redzone overwritten",
			       l->object - s->red_left_pad, s->red_left_pad,
			       red) &&
		       look_at(l, "Right Redzone overwritten",
			       l->object + s->object_size, pad, red);
	return !(s->flags & SLAB_POISON) ||
	       look_at(l, "Object padding overwritten",
		       l->object + s->object_size, pad, BYTE_PADDING);
}

static bool look_at_poison(const struct look *l)
{
	const struct kmem_cache *s = l->s;

	return !is_poisoned(s) ||
	       (look_at(l, "Poison overwritten", l->object, s->object_size - 1,
			BYTE_FREE) &&
		look_at(l, "End Poison overwritten",
			l->object + s->object_size - 1, 1, BYTE_END));
}

bool slab_debug_check(struct kmem_cache *s, const struct page *page,
		      void *object, bool allocated)
{
	const struct look l = { .s = s, .page = page, .object = object };

	if (!look_at_guards(&l, allocated))
		return false;
	if (!allocated && !look_at_poison(&l))
		return false;
	if (s->flags & SLAB_POISON) {
		const unsigned end = used_end(s);
		unsigned n = stride_left(s) - end;

		if ((s->flags & SLAB_KMALLOC) && (s->flags & SLAB_STORE_USER) &&
		    n >= 4)
			n -= 4;
		return look_at(&l, "Padding overwritten",
			       l.object + stride_left(s) - n, n, BYTE_PADDING);
	}
	return true;
}

/* Is it one of the slab's objects at all? */
static bool is_object(struct kmem_cache *s, const struct page *page,
		      const void *object)
{
	const char *base = slab_page_address(s->slab, page);
	const size_t at = (size_t)((const char *)object - base);
	const size_t slab = PAGE_SIZE << slab_tag_order(slab_tag(page));

	if ((const char *)object >= base + s->red_left_pad &&
	    at + stride_left(s) <= slab &&
	    (at - s->red_left_pad) % s->size == 0)
		return true;
	/* relaxed: a statistic */
	atomic_fetch_add_explicit(&s->nr_errors, 1, memory_order_relaxed);
	slab_report(s->slab, "BUG %s: Invalid object pointer %p @offset=%td",
		    s->name, object, (const char *)object - base);
	return false;
}

void slab_debug_report(struct kmem_cache *s, const struct page *page,
		       const char *what, const void *object)
{
	/* relaxed: a statistic */
	atomic_fetch_add_explicit(&s->nr_errors, 1, memory_order_relaxed);
	slab_report(s->slab, "BUG %s: %s: object %p @offset=%td", s->name, what,
		    object,
		    (const char *)object - slab_page_address(s->slab, page));
	slab_debug_tracks(s, object);
}

bool slab_debug_alloc(struct slab_ctx *ctx, struct kmem_cache *s,
		      const struct page *page, void *object)
{
	if (!is_object(s, page, object) ||
	    !slab_debug_check(s, page, object, false))
		return false;
	set_track(ctx, s, object, true);
	trace(ctx, s, page, object, "alloc");
	write_object(s, object, true);
	return true;
}

bool slab_debug_free(struct slab_ctx *ctx, struct kmem_cache *s,
		     const struct page *page, void *object, bool is_free)
{
	if (!is_object(s, page, object))
		return false;
	if (is_free) {
		slab_debug_report(s, page, "Object already free", object);
		return false;
	}
	if (!slab_debug_check(s, page, object, true)) {
		slab_report(s->slab, "FIX %s: Object at %p not freed", s->name,
			    object);
		return false;
	}
	set_track(ctx, s, object, false);
	trace(ctx, s, page, object, "free");
	write_object(s, object, false);
	return true;
}

void slab_debug_slab(struct kmem_cache *s, const struct page *page)
{
	const unsigned objects =
		(unsigned)((PAGE_SIZE << slab_tag_order(slab_tag(page))) /
			   s->size);
	char *base = slab_page_address(s->slab, page);
	const struct look tail = { s, page, base + (size_t)objects * s->size,
				   .tail = true };

	if (!(s->flags & SLAB_POISON))
		return;
	look_at(&tail, "Padding overwritten", tail.object,
		(PAGE_SIZE << slab_tag_order(slab_tag(page))) -
			(size_t)objects * s->size,
		BYTE_PADDING);
	for (unsigned i = 0; i < objects; i++)
		slab_debug_check(s, page,
				 base + (size_t)i * s->size + s->red_left_pad,
				 false);
}
