/* gfp masks as text, and the names of migratetypes. */
#include "alloc/page/gfp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct gfp_name {
	gfp_t mask;
	const char *name;
};

/* Compounds first, largest first: formatting takes the first that fits. */
static const struct gfp_name names[] = {
	{ GFP_TRANSHUGE, "GFP_TRANSHUGE" },
	{ GFP_TRANSHUGE_LIGHT, "GFP_TRANSHUGE_LIGHT" },
	{ GFP_HIGHUSER_MOVABLE, "GFP_HIGHUSER_MOVABLE" },
	{ GFP_HIGHUSER, "GFP_HIGHUSER" },
	{ GFP_USER, "GFP_USER" },
	{ GFP_KERNEL | GFP_BIT_ACCOUNT, "GFP_KERNEL_ACCOUNT" },
	{ GFP_KERNEL, "GFP_KERNEL" },
	{ GFP_NOFS, "GFP_NOFS" },
	{ GFP_ATOMIC, "GFP_ATOMIC" },
	{ GFP_NOIO, "GFP_NOIO" },
	{ GFP_NOWAIT, "GFP_NOWAIT" },
	{ GFP_DMA, "GFP_DMA" },
	{ GFP_BIT_HIGHMEM, "__GFP_HIGHMEM" },
	{ GFP_BIT_DMA32, "GFP_DMA32" },
	{ GFP_BIT_HIGH, "__GFP_HIGH" },
	{ GFP_BIT_ATOMIC, "__GFP_ATOMIC" },
	{ GFP_BIT_IO, "__GFP_IO" },
	{ GFP_BIT_FS, "__GFP_FS" },
	{ GFP_BIT_NOWARN, "__GFP_NOWARN" },
	{ GFP_BIT_RETRY_MAYFAIL, "__GFP_RETRY_MAYFAIL" },
	{ GFP_BIT_NOFAIL, "__GFP_NOFAIL" },
	{ GFP_BIT_NORETRY, "__GFP_NORETRY" },
	{ GFP_BIT_COMP, "__GFP_COMP" },
	{ GFP_BIT_ZERO, "__GFP_ZERO" },
	{ GFP_BIT_NOMEMALLOC, "__GFP_NOMEMALLOC" },
	{ GFP_BIT_MEMALLOC, "__GFP_MEMALLOC" },
	{ GFP_BIT_HARDWALL, "__GFP_HARDWALL" },
	{ GFP_BIT_THISNODE, "__GFP_THISNODE" },
	{ GFP_BIT_RECLAIMABLE, "__GFP_RECLAIMABLE" },
	{ GFP_BIT_MOVABLE, "__GFP_MOVABLE" },
	{ GFP_BIT_ACCOUNT, "__GFP_ACCOUNT" },
	{ GFP_BIT_WRITE, "__GFP_WRITE" },
	{ GFP_NOIO, "__GFP_RECLAIM" },
	{ GFP_BIT_DIRECT_RECLAIM, "__GFP_DIRECT_RECLAIM" },
	{ GFP_BIT_KSWAPD_RECLAIM, "__GFP_KSWAPD_RECLAIM" },
};

/* Accepted by gfp_parse() besides the names above. */
static const struct gfp_name aliases[] = {
	{ 0, "none" },
	{ GFP_BIT_DMA, "__GFP_DMA" },
	{ GFP_BIT_DMA32, "__GFP_DMA32" },
};

static const char *const migratetype_names[NR_MIGRATETYPES] = {
	[MT_UNMOVABLE] = "Unmovable",
	[MT_MOVABLE] = "Movable",
	[MT_RECLAIMABLE] = "Reclaimable",
	[MT_HIGHATOMIC] = "HighAtomic",
	[MT_CMA] = "CMA",
	[MT_ISOLATE] = "Isolate",
};

const char *migratetype_name(enum migratetype mt)
{
	return migratetype_names[mt];
}

char migratetype_letter(enum migratetype mt)
{
	return "UMRHCI"[mt];
}

static size_t append(char *buf, size_t len, size_t used, const char *text)
{
	int n;

	if (used >= len)
		return used;
	n = snprintf(buf + used, len - used, "%s%s", used ? "|" : "", text);
	return n < 0 ? used : used + (size_t)n;
}

const char *gfp_format(gfp_t gfp, char *buf, size_t len)
{
	size_t used = 0;

	if (!len)
		return buf;
	buf[0] = '\0';
	if (!gfp)
		append(buf, len, 0, "none");
	for (unsigned i = 0; i < ARRAY_SIZE(names) && gfp; i++) {
		if ((gfp & names[i].mask) != names[i].mask)
			continue;
		used = append(buf, len, used, names[i].name);
		gfp &= ~names[i].mask;
	}
	if (gfp) {
		char rest[16];

		snprintf(rest, sizeof(rest), "0x%x", gfp);
		append(buf, len, used, rest);
	}
	return buf;
}

static bool lookup(const struct gfp_name *table, size_t nr, const char *text,
		   size_t len, gfp_t *out)
{
	for (size_t i = 0; i < nr; i++) {
		if (strlen(table[i].name) == len &&
		    !strncasecmp(table[i].name, text, len)) {
			*out |= table[i].mask;
			return true;
		}
	}
	return false;
}

/* At most one zone may be asked for; MOVABLE goes with HIGHMEM or alone or
 * with DMA or DMA32, and not with RECLAIMABLE. */
static bool legal(gfp_t gfp)
{
	gfp_t zones = gfp & (GFP_BIT_DMA | GFP_BIT_HIGHMEM | GFP_BIT_DMA32);
	gfp_t mobility = GFP_BIT_MOVABLE | GFP_BIT_RECLAIMABLE;

	return (zones & (zones - 1)) == 0 && (gfp & mobility) != mobility;
}

int gfp_parse(const char *text, gfp_t *out, const char **bad)
{
	gfp_t gfp = 0;

	for (const char *p = text;;) {
		size_t len = strcspn(p, "|");

		*bad = p;
		if (!lookup(names, ARRAY_SIZE(names), p, len, &gfp) &&
		    !lookup(aliases, ARRAY_SIZE(aliases), p, len, &gfp))
			return -EINVAL;
		if (!p[len])
			break;
		p += len + 1;
	}
	*bad = text;
	if (!legal(gfp))
		return -EINVAL;
	*out = gfp;
	return 0;
}
