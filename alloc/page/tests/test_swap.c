/* The swap device: slots, transfers, and what becomes of faults. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "alloc/page/swap.h"

TestSuite(swap, .timeout = 20);

static const char *scratch(void)
{
	const char *dir = getenv("TMPDIR");

	return dir ? dir : "/tmp";
}

static struct swap *open_swap(uint64_t slots, struct swap_faults faults)
{
	const struct swap_config cfg = { .dir = scratch(),
					 .bytes = slots << PAGE_SHIFT,
					 .faults = faults };
	struct swap *s = NULL;
	char err[256] = "";

	cr_assert_eq(swap_open(&s, &cfg, err, sizeof(err)), 0, "%s", err);
	return s;
}

/* n pages, page i filled with i + seed. */
static char *pages_make(unsigned n, int seed)
{
	char *p = aligned_alloc(PAGE_SIZE, n * PAGE_SIZE);

	cr_assert(p);
	for (unsigned i = 0; i < n; i++)
		memset(p + i * PAGE_SIZE, (int)i + seed, PAGE_SIZE);
	return p;
}

Test(swap, slots_come_in_runs_and_each_once)
{
	struct swap *s = open_swap(100, (struct swap_faults){ 0 });
	bool taken[100] = { false };
	unsigned total = 0, n;
	uint32_t first;

	cr_assert_eq(swap_alloc(s, 32, &first), 32);
	cr_assert_eq(first, 0);
	for (unsigned i = 0; i < 32; i++)
		swap_free(s, i);
	while ((n = swap_alloc(s, 7, &first))) {
		for (unsigned i = 0; i < n; i++) {
			cr_assert_lt(first + i, 100);
			cr_assert_not(taken[first + i]);
			taken[first + i] = true;
		}
		total += n;
		cr_assert_eq(swap_half_full(s), total > 50);
	}
	cr_assert_eq(total, 100);
	cr_assert_eq(swap_nr_free(s), 0);
	swap_free(s, 63);
	swap_free(s, 64);
	cr_assert_eq(swap_alloc(s, 2, &first), 1); /* not across a word */
	swap_close(s);
}

Test(swap, pages_come_back)
{
	struct swap *s = open_swap(64, (struct swap_faults){ 0 });
	char *out = pages_make(32, 1), *in = pages_make(1, 0);
	void *page[32];
	uint32_t first;

	for (unsigned i = 0; i < 32; i++)
		page[i] = out + i * PAGE_SIZE;
	cr_assert_eq(swap_alloc(s, 32, &first), 32);
	cr_assert_eq(swap_write(s, first, 32, page), SWAP_OK);
	for (unsigned i = 32; i-- > 0;) {
		cr_assert_eq(swap_read(s, first + i, in), SWAP_OK);
		cr_assert_eq(memcmp(in, page[i], PAGE_SIZE), 0);
	}
	free(out);
	free(in);
	swap_close(s);
}

Test(swap, faults_have_a_status)
{
	const struct {
		struct swap_faults faults;
		enum swap_status write, read;
	} cases[] = {
		{ { .write_eio = 1000000 }, SWAP_EIO, SWAP_OK },
		{ { .write_enospc = 1000000 }, SWAP_ENOSPC, SWAP_OK },
		{ { .write_short = 1000000 }, SWAP_OK, SWAP_OK },
		{ { .read_eio = 1000000 }, SWAP_OK, SWAP_EIO },
		{ { .read_corrupt = 1000000 }, SWAP_OK, SWAP_CORRUPT },
	};

	for (unsigned c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		struct swap *s = open_swap(64, cases[c].faults);
		char *out = pages_make(8, 3), *in = pages_make(1, 0);
		struct swap_stats stats;
		void *page[8];
		uint32_t first;

		for (unsigned i = 0; i < 8; i++)
			page[i] = out + i * PAGE_SIZE;
		cr_assert_eq(swap_alloc(s, 8, &first), 8);
		cr_expect_eq(swap_write(s, first, 8, page), cases[c].write,
			     "case %u", c);
		if (cases[c].write == SWAP_OK)
			cr_expect_eq(swap_read(s, first + 5, in), cases[c].read,
				     "case %u", c);
		if (cases[c].write == SWAP_OK && cases[c].read == SWAP_OK)
			cr_expect_eq(memcmp(in, page[5], PAGE_SIZE), 0);
		swap_stats(s, &stats);
		cr_expect_eq(stats.failed[cases[c].write] +
				     stats.failed[cases[c].read],
			     cases[c].write != cases[c].read);
		free(out);
		free(in);
		swap_close(s);
	}
}

/* The kernel itself cuts a write short, then refuses the rest: a limit on the
 * size of files stands for a file system that is full. */
Test(swap, write_that_the_kernel_refuses_is_a_status)
{
	const struct rlimit limit = { 20 << PAGE_SHIFT, RLIM_INFINITY };
	struct swap *s = open_swap(64, (struct swap_faults){ 0 });
	char *out = pages_make(32, 1), *in = pages_make(1, 0);
	struct swap_stats stats;
	void *page[32];
	uint32_t first;

	for (unsigned i = 0; i < 32; i++)
		page[i] = out + i * PAGE_SIZE;
	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_eq(swap_alloc(s, 32, &first), 32);
	cr_expect_eq(swap_write(s, 0, 32, page), SWAP_ENOSPC);
	/* what fits is written all the same, next time */
	cr_expect_eq(swap_write(s, 0, 20, page), SWAP_OK);
	for (unsigned i = 0; i < 20; i++) {
		cr_expect_eq(swap_read(s, i, in), SWAP_OK);
		cr_expect_eq(memcmp(in, page[i], PAGE_SIZE), 0);
	}
	swap_stats(s, &stats);
	cr_expect_eq(stats.failed[SWAP_ENOSPC], 1);
	cr_expect_eq(stats.written, 20);
	free(out);
	free(in);
	swap_close(s);
}

/* Somebody else changes the file: the page is refused, not handed back. */
Test(swap, page_that_was_changed_is_noticed)
{
	char path[256], err[256] = "", *page = pages_make(1, 9);
	struct swap_config cfg = { .path = path, .bytes = 16 << PAGE_SHIFT };
	void *list[1] = { page };
	struct swap *s = NULL;
	uint32_t first;
	int fd;

	snprintf(path, sizeof(path), "%s/zonebench-swap-%d", scratch(),
		 (int)getpid());
	cr_assert_eq(swap_open(&s, &cfg, err, sizeof(err)), 0, "%s", err);
	cr_assert_eq(swap_alloc(s, 1, &first), 1);
	cr_assert_eq(swap_write(s, first, 1, list), SWAP_OK);
	fd = open(path, O_WRONLY);
	cr_assert_eq(pwrite(fd, "x", 1, (first << PAGE_SHIFT) + 100), 1);
	fsync(fd);
	close(fd);
	cr_assert_eq(swap_read(s, first, page), SWAP_CORRUPT);
	swap_close(s);
	unlink(path);
	free(page);
}

Test(swap, impossible_devices_are_refused)
{
	const struct swap_config bad[] = {
		{ .path = "/nonexistent/swap", .bytes = 1 << 20 },
		{ .path = "/dev/null", .bytes = 1 << 20 },
		{ .dir = scratch(), .bytes = 0 },
		{ .dir = scratch(), .bytes = 5000 },
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct swap *s = NULL;
		char err[256] = "";

		cr_expect_lt(swap_open(&s, &bad[i], err, sizeof(err)), 0,
			     "case %u", i);
		cr_expect(*err && !s, "case %u", i);
	}
}
