/* The part of dist.h that runs before a window. */
#include "workloads/lib/dist.h"

#include <math.h>
#include <stdlib.h>

void dist_permutation(uint64_t *rng, uint32_t *index, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t j = (uint32_t)rng_below(rng, (uint64_t)i + 1);

		index[i] = index[j];
		index[j] = i;
	}
}

/* Vose's construction: places with less than their share get an alias that has
 * more. weight[] is in places (mean 1) and used up; todo[] has room for n. */
static void alias_build(struct dist_alias *table, double *weight,
			uint32_t *todo)
{
	const uint32_t n = table->n;
	uint32_t small = 0, large = n;

	/* those below their share grow from the left, the others from the
	   right */
	for (uint32_t i = 0; i < n; i++) {
		table->place[i].keep = UINT32_MAX;
		table->place[i].alias = i;
		if (weight[i] < 1)
			todo[small++] = i;
		else
			todo[--large] = i;
	}
	while (small && large < n) {
		const uint32_t less = todo[--small], more = todo[large];

		table->place[less].keep = (uint32_t)(weight[less] * 0x1p32);
		table->place[less].alias = more;
		weight[more] -= 1 - weight[less];
		if (weight[more] >= 1)
			continue;
		large++;
		todo[small++] = more;
	}
	/* what is left over by rounding has its share */
}

struct dist_alias *dist_zipf(uint64_t *rng, uint32_t n, double theta)
{
	struct dist_alias *table =
		malloc(sizeof(*table) + n * sizeof(table->place[0]));
	double *weight = malloc(n * sizeof(*weight)), sum = 0;
	uint32_t *index = malloc(n * sizeof(*index));

	if (table && weight && index) {
		table->n = n;
		dist_permutation(rng, index, n);
		for (uint32_t k = n; k-- > 0;) {
			weight[index[k]] = pow(k + 1.0, -theta);
			sum += weight[index[k]];
		}
		for (uint32_t i = 0; i < n; i++)
			weight[i] *= n / sum;
		alias_build(table, weight, index);
	} else {
		free(table);
		table = NULL;
	}
	free(weight);
	free(index);
	return table;
}
