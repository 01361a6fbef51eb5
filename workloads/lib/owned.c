/* Content of owned pages and their life outside the loops. */
#include "workloads/lib/owned.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "alloc/base/check.h"

#define WORDS (PAGE_SIZE / sizeof(uint64_t))

uint64_t owned_share(const struct worker *w, unsigned percent)
{
	const uint64_t nr = mult_frac(w->team->machine->managed, percent, 100) /
			    w->team->nr;

	return nr ? nr : 1;
}

int owned_create(struct worker *w, uint64_t nr)
{
	const size_t bytes =
		sizeof(struct owned) + nr * sizeof(struct owned_page);
	struct owned *o;

	if (!w->ctx->machine->reclaim)
		return -EOPNOTSUPP;
	if (!w->ctx->machine->memory.base)
		return -ENODATA;
	o = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (o == MAP_FAILED)
		return -ENOMEM;
	o->nr = nr;
	o->bytes = bytes;
	o->worker = w->index;
	w->priv = o;
	return 0;
}

void owned_teardown(struct worker *w)
{
	struct owned *o = w->priv;

	for (uint64_t i = 0; o && i < o->nr; i++)
		lru_delete(w->ctx, &o->page[i].slot);
}

void owned_cleanup(struct team *team)
{
	for (unsigned i = 0; i < team->nr; i++) {
		struct owned *o = team->worker[i].priv;

		if (!o)
			continue;
		free(o->more);
		munmap(o, o->bytes);
		team->worker[i].priv = NULL;
	}
}

static uint64_t *map_frame(struct page_ctx *ctx, pfn_t pfn)
{
	uint64_t *word = kmap_local(ctx, pfn);

	check(word, "no window for pfn %u", pfn.v);
	return word;
}

static void write_words(uint64_t *word, uint64_t key)
{
	for (unsigned i = 0; i < WORDS; i++)
		word[i] = owned_word(key, i);
}

void owned_fill(struct page_ctx *ctx, struct owned *o, uint64_t i, pfn_t pfn)
{
	uint64_t *word = map_frame(ctx, pfn);

	write_words(word, owned_key(o, i));
	kunmap_local(ctx, word);
}

/* A difference somewhere: which, if it is the first. */
static NOINLINE void note_wrong(struct owned *o, uint64_t i, pfn_t pfn,
				const uint64_t *word)
{
	const uint64_t key = owned_key(o, i);
	unsigned at = 0;

	if (o->tally.wrong++)
		return;
	while (at + 1 < WORDS && word[at] == owned_word(key, at))
		at++;
	o->tally.wrong_page = i;
	o->tally.wrong_pfn = pfn.v;
	o->tally.wrong_generation = o->page[i].generation;
	o->tally.wrong_word = at;
	o->tally.wrong_is = word[at];
	o->tally.wrong_was = owned_word(key, at);
}

void owned_look(struct page_ctx *ctx, struct owned *o, uint64_t i, pfn_t pfn,
		const struct owned_use *use)
{
	uint64_t *word = map_frame(ctx, pfn);
	const uint64_t key = owned_key(o, i);
	uint64_t differ = 0;

	for (unsigned k = 0; k < WORDS; k++)
		differ |= word[k] ^ owned_word(key, k);
	if (unlikely(differ))
		note_wrong(o, i, pfn, word);
	if (use->write) {
		o->page[i].generation++;
		write_words(word, owned_key(o, i));
	}
	for (uint32_t round = 0; round < use->work; round++) {
		uint64_t sum = 0;

		for (unsigned k = 0; k < WORDS; k++)
			sum += word[k];
		__asm__ volatile("" : : "r"(sum) : "memory");
	}
	kunmap_local(ctx, word);
}

void owned_sum(const struct team *team, struct owned_tally *out)
{
	*out = (struct owned_tally){ 0 };
	for (unsigned i = 0; i < team->nr; i++) {
		const struct owned *o = team->worker[i].priv;

		if (!o)
			continue;
		out->uses += o->tally.uses;
		out->made += o->tally.made;
		out->read_back += o->tally.read_back;
		out->no_frame += o->tally.no_frame;
		out->io_errors += o->tally.io_errors;
		out->wrong += o->tally.wrong;
	}
}

const char *owned_verify(const struct team *team)
{
	static char text[200];

	for (unsigned i = 0; i < team->nr; i++) {
		const struct owned *o = team->worker[i].priv;
		const struct owned_tally *t;

		if (!o || !o->tally.wrong)
			continue;
		t = &o->tally;
		snprintf(text, sizeof(text),
			 "%" PRIu64 " pages not as they were left; the first: "
			 "page %" PRIu64 " of worker %u, generation %" PRIu64
			 ", pfn %u, word %" PRIu64 ": %016" PRIx64
			 " instead of %016" PRIx64,
			 t->wrong, t->wrong_page, i, t->wrong_generation,
			 t->wrong_pfn, t->wrong_word, t->wrong_is,
			 t->wrong_was);
		return text;
	}
	return NULL;
}

unsigned owned_report(const struct team *team, struct workload_metric *out)
{
	struct owned_tally sum;

	owned_sum(team, &sum);
	out[0] = (struct workload_metric){ .name = "pages_made",
					   .unit = "pages",
					   .better = "none",
					   .value = (double)sum.made };
	out[1] = (struct workload_metric){ .name = "pages_read_back",
					   .unit = "pages",
					   .better = "none",
					   .value = (double)sum.read_back };
	out[2] = (struct workload_metric){ .name = "read_errors",
					   .unit = "uses",
					   .better = "none",
					   .value = (double)sum.io_errors };
	out[3] = (struct workload_metric){ .name = "pages_wrong",
					   .unit = "pages",
					   .better = "lower",
					   .value = (double)sum.wrong };
	return 4;
}
