/* The cold half of hist.h: memory, merging, and reading a histogram. */
#include "workloads/lib/hist.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>

int hist_config_init(struct hist_config *cfg, uint64_t highest)
{
	if (highest <= HIST_SUB_MASK || highest > 1ULL << 62)
		return -EINVAL;
	cfg->highest = highest;
	cfg->nr_counts = hist_index(highest) + 1;
	cfg->bytes = sizeof(struct hist) + cfg->nr_counts * sizeof(uint64_t);
	return 0;
}

void hist_reset(struct hist *h)
{
	h->above = 0;
	h->min = UINT64_MAX;
	h->max = 0;
	memset(h->count, 0, h->nr_counts * sizeof(h->count[0]));
}

struct hist *hist_create(const struct hist_config *cfg)
{
	/* pages of their own: the first touch decides the node */
	struct hist *h = mmap(NULL, cfg->bytes, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (h == MAP_FAILED)
		return NULL;
	h->highest = cfg->highest;
	h->nr_counts = cfg->nr_counts;
	h->bytes = cfg->bytes;
	hist_reset(h);
	return h;
}

void hist_destroy(struct hist *h)
{
	if (h)
		munmap(h, h->bytes);
}

int hist_add(struct hist *dst, const struct hist *src)
{
	if (dst->highest < src->highest)
		return -ERANGE;
	for (uint32_t i = 0; i < src->nr_counts; i++)
		dst->count[i] += src->count[i];
	dst->above += src->above;
	if (src->max > dst->max)
		dst->max = src->max;
	if (src->min < dst->min)
		dst->min = src->min;
	return 0;
}

uint64_t hist_count(const struct hist *h)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < h->nr_counts; i++)
		sum += h->count[i];
	return sum;
}

uint64_t hist_lowest_of(uint32_t i)
{
	uint32_t b = i >> HIST_HALF_BITS;

	/* the first two halves have counters of width 1 */
	if (b <= 1)
		return i;
	b--;
	return (uint64_t)(i - (b << HIST_HALF_BITS)) << b;
}

uint64_t hist_highest_of(uint32_t i)
{
	uint32_t b = i >> HIST_HALF_BITS;

	return hist_lowest_of(i) + (b <= 1 ? 0 : (1ULL << (b - 1)) - 1);
}

double hist_mean(const struct hist *h)
{
	double sum = 0;
	uint64_t n = 0;

	for (uint32_t i = 0; i < h->nr_counts; i++) {
		uint64_t low = hist_lowest_of(i), high = hist_highest_of(i);

		if (!h->count[i])
			continue;
		sum += (double)h->count[i] *
		       (double)(low + (high - low + 1) / 2);
		n += h->count[i];
	}
	return n ? sum / (double)n : 0;
}

uint64_t hist_percentile(const struct hist *h, double percent)
{
	uint64_t total = hist_count(h), seen = 0, rank;

	if (!total)
		return 0;
	percent = fmin(fmax(nextafter(percent, -INFINITY), 0), 100);
	rank = (uint64_t)ceil(percent * (double)total / 100);
	if (rank < 1)
		rank = 1;
	for (uint32_t i = 0; i < h->nr_counts; i++) {
		seen += h->count[i];
		if (seen >= rank)
			return hist_highest_of(i);
	}
	return h->max;
}
