/*
 * Names of cache flags, as jobs and `zonebench show cache` take them:
 * lower-case, without the SLAB_ in front, joined by '|' or ','.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "alloc/slab/slab.h"

static const struct {
	const char *name;
	uint32_t flag;
} names[] = {
	{ "hwcache_align", SLAB_HWCACHE_ALIGN },
	{ "typesafe_by_rcu", SLAB_TYPESAFE_BY_RCU },
	{ "destroy_by_rcu", SLAB_TYPESAFE_BY_RCU }, /* its name in sysfs */
	{ "reclaim_account", SLAB_RECLAIM_ACCOUNT },
	{ "red_zone", SLAB_RED_ZONE },
	{ "poison", SLAB_POISON },
	{ "store_user", SLAB_STORE_USER },
	{ "consistency_checks", SLAB_CONSISTENCY_CHECKS },
	{ "sanity_checks", SLAB_CONSISTENCY_CHECKS }, /* its name in sysfs */
	{ "trace", SLAB_TRACE },
	{ "cache_dma", SLAB_CACHE_DMA },
	{ "cache_dma32", SLAB_CACHE_DMA32 },
	{ "account", SLAB_ACCOUNT },
	{ "no_merge", SLAB_NO_MERGE },
	{ "noleaktrace", SLAB_NOLEAKTRACE },
	{ "kmalloc", SLAB_KMALLOC },
};

static int flag_of(const char *text, size_t len, uint32_t *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i].name) == len &&
		    !memcmp(names[i].name, text, len)) {
			*out |= names[i].flag;
			return 0;
		}
	return -EINVAL;
}

int slab_flags_parse(const char *text, uint32_t *out)
{
	uint32_t flags = 0;

	if (!strcmp(text, "none") || !strcmp(text, "0")) {
		*out = 0;
		return 0;
	}
	for (;;) {
		const size_t len = strcspn(text, "|,");

		if (flag_of(text, len, &flags))
			return -EINVAL;
		if (!text[len])
			break;
		text += len + 1;
	}
	*out = flags;
	return 0;
}

const char *slab_flags_format(uint32_t flags, char *buf, size_t len)
{
	size_t used = 0;

	snprintf(buf, len, "none");
	for (size_t i = 0; i < ARRAY_SIZE(names) && used < len; i++) {
		if (!(flags & names[i].flag))
			continue;
		flags &= ~names[i].flag;
		used += (size_t)snprintf(buf + used, len - used, "%s%s",
					 used ? "|" : "", names[i].name);
	}
	return buf;
}
