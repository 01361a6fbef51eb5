/*
 * gfp flags, migratetypes and zone selection. Bit values are those of Linux
 * 6.1 so that a mask printed by a kernel log means the same here.
 */
#ifndef ALLOC_PAGE_GFP_H
#define ALLOC_PAGE_GFP_H

#include "alloc/base/base.h"

typedef uint32_t gfp_t;

#define GFP_BIT_DMA            0x1u
#define GFP_BIT_HIGHMEM        0x2u
#define GFP_BIT_DMA32          0x4u
#define GFP_BIT_MOVABLE        0x8u
#define GFP_BIT_RECLAIMABLE    0x10u
#define GFP_BIT_HIGH           0x20u
#define GFP_BIT_IO             0x40u
#define GFP_BIT_FS             0x80u
#define GFP_BIT_ZERO           0x100u
#define GFP_BIT_ATOMIC         0x200u
#define GFP_BIT_DIRECT_RECLAIM 0x400u
#define GFP_BIT_KSWAPD_RECLAIM 0x800u
#define GFP_BIT_WRITE          0x1000u
#define GFP_BIT_NOWARN         0x2000u
#define GFP_BIT_RETRY_MAYFAIL  0x4000u
#define GFP_BIT_NOFAIL         0x8000u
#define GFP_BIT_NORETRY        0x10000u
#define GFP_BIT_MEMALLOC       0x20000u
#define GFP_BIT_COMP           0x40000u
#define GFP_BIT_NOMEMALLOC     0x80000u
#define GFP_BIT_HARDWALL       0x100000u
#define GFP_BIT_THISNODE       0x200000u
#define GFP_BIT_ACCOUNT        0x400000u

#define GFP_NOIO             (GFP_BIT_DIRECT_RECLAIM | GFP_BIT_KSWAPD_RECLAIM)
#define GFP_NOFS             (GFP_NOIO | GFP_BIT_IO)
#define GFP_KERNEL           (GFP_NOFS | GFP_BIT_FS)
#define GFP_ATOMIC           (GFP_BIT_HIGH | GFP_BIT_ATOMIC | GFP_BIT_KSWAPD_RECLAIM)
#define GFP_NOWAIT           GFP_BIT_KSWAPD_RECLAIM
#define GFP_USER             (GFP_KERNEL | GFP_BIT_HARDWALL)
#define GFP_DMA              GFP_BIT_DMA
#define GFP_HIGHUSER         (GFP_USER | GFP_BIT_HIGHMEM)
#define GFP_HIGHUSER_MOVABLE (GFP_HIGHUSER | GFP_BIT_MOVABLE)
#define GFP_TRANSHUGE_LIGHT                                          \
	((GFP_HIGHUSER_MOVABLE | GFP_BIT_COMP | GFP_BIT_NOMEMALLOC | \
	  GFP_BIT_NOWARN) &                                          \
	 ~GFP_NOIO)
#define GFP_TRANSHUGE (GFP_TRANSHUGE_LIGHT | GFP_BIT_DIRECT_RECLAIM)

enum migratetype {
	MT_UNMOVABLE,
	MT_MOVABLE,
	MT_RECLAIMABLE,
	MT_PCPTYPES, /* types below own per-CPU lists and are mergeable */
	MT_HIGHATOMIC = MT_PCPTYPES,
	MT_CMA,
	MT_ISOLATE,
	NR_MIGRATETYPES
};

/*
 * One numbering for both layouts, ascending by address restriction. x86-64
 * has no HIGHMEM and i386 no DMA32: those indexes stay empty there and are
 * left out of everything that is printed (machine->zone_present).
 */
enum zone_index {
	ZONE_DMA,
	ZONE_DMA32,
	ZONE_NORMAL,
	ZONE_HIGHMEM,
	ZONE_MOVABLE,
	ZONE_DEVICE,
	MAX_NR_ZONES
};

ALWAYS_INLINE enum migratetype gfp_migratetype(gfp_t gfp)
{
	return (enum migratetype)((gfp >> 3) & 3);
}

/* Names as /proc/pagetypeinfo prints them; letters as in kernel logs (UMRHCI).
 */
const char *migratetype_name(enum migratetype mt);
char migratetype_letter(enum migratetype mt);

/* "GFP_KERNEL|__GFP_COMP" as the kernel's tracepoints print a mask; returns
 * buf. len bytes at most are written, always terminated. */
const char *gfp_format(gfp_t gfp, char *buf, size_t len);

/* Parses names joined with '|' (GFP_KERNEL, __GFP_COMP, ...; case ignored).
 * 0, or -EINVAL with *bad pointing at the unknown name or at the mask when
 * its combination of zone or mobility bits is illegal. */
int gfp_parse(const char *text, gfp_t *out, const char **bad) MUST_CHECK;

#endif
