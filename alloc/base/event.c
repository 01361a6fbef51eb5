#include "alloc/base/event.h"

static const char *const names[EV_NR] = {
	[EV_WMARK_LOW] = "wmark_low",
	[EV_WMARK_MIN] = "wmark_min",
	[EV_ALLOC_FAIL] = "alloc_fail",
	[EV_STEAL] = "steal",
	[EV_FALLBACK] = "fallback",
	[EV_BOOST] = "boost",
	[EV_HIGHATOMIC] = "highatomic",
	[EV_REFILL] = "refill",
	[EV_DRAIN] = "drain",
	[EV_KSWAPD_WAKE] = "kswapd_wake",
	[EV_GRACE_PERIOD] = "grace_period",
};

const char *event_name(enum event_kind kind)
{
	return names[kind];
}
