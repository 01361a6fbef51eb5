/* The scripts of plots/, in the binary, so that it draws where it stands. */
#include <string.h>

#include "harness/plot_chart.h"

#define TEMPLATE(name)                             \
	extern const char plot_##name##_begin[];   \
	extern const char plot_##name##_end[];     \
	__asm__(".pushsection .rodata\n"           \
		".global plot_" #name "_begin\n"   \
		".global plot_" #name "_end\n"     \
		"plot_" #name "_begin:\n"          \
		".incbin \"plots/" #name ".gp\"\n" \
		"plot_" #name "_end:\n"            \
		".byte 0\n"                        \
		".popsection\n")

TEMPLATE(style);
TEMPLATE(xy);
TEMPLATE(latency);
TEMPLATE(freeblocks);
TEMPLATE(matrix);
TEMPLATE(remote);
TEMPLATE(kswapd);
TEMPLATE(watermarks);
TEMPLATE(pareto);
TEMPLATE(paths);

const char *plot_template(const char *name, size_t *len)
{
	const struct {
		const char *name, *begin, *end;
	} all[] = {
		{ "style", plot_style_begin, plot_style_end },
		{ "xy", plot_xy_begin, plot_xy_end },
		{ "latency", plot_latency_begin, plot_latency_end },
		{ "freeblocks", plot_freeblocks_begin, plot_freeblocks_end },
		{ "matrix", plot_matrix_begin, plot_matrix_end },
		{ "remote", plot_remote_begin, plot_remote_end },
		{ "kswapd", plot_kswapd_begin, plot_kswapd_end },
		{ "watermarks", plot_watermarks_begin, plot_watermarks_end },
		{ "pareto", plot_pareto_begin, plot_pareto_end },
		{ "paths", plot_paths_begin, plot_paths_end },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (strcmp(all[i].name, name) != 0)
			continue;
		*len = (size_t)(all[i].end - all[i].begin);
		return all[i].begin;
	}
	return NULL;
}
