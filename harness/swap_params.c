#include "harness/swap_params.h"

#include <errno.h>
#include <string.h>

#include "harness/kv.h"

int swap_params_parse(const char *text, struct swap_params *out)
{
	const char *comma = strchr(text, ',');
	const size_t len = comma ? (size_t)(comma - text) : strlen(text);
	struct swap_params p = { .on = true };

	if (!len || len >= sizeof(p.path))
		return -EINVAL;
	memcpy(p.path, text, len);
	if (comma && (strncmp(comma, ",size=", 6) ||
		      scan_size(comma + 6, &p.bytes) || p.bytes < PAGE_SIZE ||
		      p.bytes & (PAGE_SIZE - 1) || p.bytes > 1ULL << 44))
		return -EINVAL;
	if (!strcmp(p.path, "none")) {
		if (comma)
			return -EINVAL;
		p.on = false;
	}
	if (!p.on || !strcmp(p.path, "auto"))
		p.path[0] = '\0';
	*out = p;
	return 0;
}
