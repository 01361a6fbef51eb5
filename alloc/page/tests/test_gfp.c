/* gfp masks: names, text, zones. */
#include <criterion/criterion.h>
#include <string.h>

#include "alloc/page/gfp.h"

TestSuite(gfp, .timeout = 10);

static void check_text(gfp_t gfp, const char *text)
{
	char buf[256];
	const char *bad;
	gfp_t back = 0;

	cr_assert_str_eq(gfp_format(gfp, buf, sizeof(buf)), text);
	cr_assert_eq(gfp_parse(text, &back, &bad), 0, "%s", text);
	cr_assert_eq(back, gfp, "%s", text);
}

Test(gfp, text_is_the_tracepoints)
{
	check_text(0, "none");
	check_text(GFP_KERNEL, "GFP_KERNEL");
	check_text(GFP_ATOMIC, "GFP_ATOMIC");
	check_text(GFP_KERNEL | GFP_BIT_ACCOUNT, "GFP_KERNEL_ACCOUNT");
	check_text(GFP_HIGHUSER_MOVABLE | GFP_BIT_ZERO,
		   "GFP_HIGHUSER_MOVABLE|__GFP_ZERO");
	check_text(GFP_TRANSHUGE, "GFP_TRANSHUGE");
	check_text(GFP_TRANSHUGE_LIGHT, "GFP_TRANSHUGE_LIGHT");
	check_text(GFP_NOFS | GFP_BIT_NORETRY, "GFP_NOFS|__GFP_NORETRY");
	check_text(GFP_BIT_DMA, "GFP_DMA");
	check_text(GFP_BIT_DIRECT_RECLAIM, "__GFP_DIRECT_RECLAIM");
}

Test(gfp, buffer_may_be_short)
{
	char buf[8];

	memset(buf, 'x', sizeof(buf));
	gfp_format(GFP_HIGHUSER_MOVABLE | GFP_BIT_ZERO, buf, sizeof(buf));
	cr_assert_str_eq(buf, "GFP_HIG");
}

Test(gfp, refuses_unknown_and_illegal)
{
	gfp_t gfp = 77;
	const char *bad;
	const char *text = "GFP_KERNEL|GFP_KERNLE";

	cr_assert(gfp_parse(text, &gfp, &bad));
	cr_assert_eq(bad, text + 11);
	cr_assert(gfp_parse("", &gfp, &bad));
	cr_assert(gfp_parse("GFP_KERNEL|", &gfp, &bad));
	cr_assert(gfp_parse("__GFP_DMA|__GFP_DMA32", &gfp, &bad));
	cr_assert(gfp_parse("__GFP_MOVABLE|__GFP_RECLAIMABLE", &gfp, &bad));
	cr_assert_eq(gfp, 77);
	cr_assert(!gfp_parse("gfp_kernel", &gfp, &bad));
	cr_assert_eq(gfp, GFP_KERNEL);
}

Test(gfp, migratetypes)
{
	cr_assert_eq(gfp_migratetype(GFP_KERNEL), MT_UNMOVABLE);
	cr_assert_eq(gfp_migratetype(GFP_HIGHUSER_MOVABLE), MT_MOVABLE);
	cr_assert_eq(gfp_migratetype(GFP_BIT_RECLAIMABLE), MT_RECLAIMABLE);
	cr_assert_str_eq(migratetype_name(MT_HIGHATOMIC), "HighAtomic");
	cr_assert_eq(migratetype_letter(MT_ISOLATE), 'I');
}
