/*
 * The swap device: see swap.h. Models mm/swapfile.c as far as one device needs
 * it: a map of slots, and clusters of neighbouring slots so that one write
 * takes up to 32 pages.
 *
 * Lock order: lock (RANK_LEAF) guards the bitmap and the hint; nothing is taken
 * under it and no system call made. Transfers hold no lock: a slot belongs to
 * one owner slot, and who has that one MOVING reads or writes it.
 *
 * The file system's promise is asked for at open (posix_fallocate), so that a
 * full disk is found out then and not in the middle of a write; where it cannot
 * promise (or breaks the promise) a write ends with SWAP_ENOSPC.
 */
#include "alloc/page/swap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "alloc/base/lock.h"

#define MILLION 1000000u

struct swap {
	int fd;
	bool direct;
	uint64_t slots;
	uint64_t *map; /* lock; bit set: in use */
	uint64_t map_words;
	uint64_t next; /* lock; word of the map to look at first */
	uint64_t *sum; /* [slots], mapped; who writes the slot */
	struct spinlock lock;
	_Atomic uint64_t used; /* lock to write */
	struct swap_faults faults;
	_Atomic uint64_t rng;
	_Atomic uint64_t written, read, writes, reads;
	_Atomic uint64_t failed[NR_SWAP_STATUS];
};

static void count(_Atomic uint64_t *counter, uint64_t n)
{
	/* relaxed: a statistic */
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static uint64_t value(const _Atomic uint64_t *counter)
{
	/* relaxed: a statistic, or a hint */
	return atomic_load_explicit(counter, memory_order_relaxed);
}

const char *swap_status_name(enum swap_status status)
{
	static const char *const names[NR_SWAP_STATUS] = {
		[SWAP_OK] = "ok",
		[SWAP_FULL] = "full",
		[SWAP_ENOSPC] = "no space on the device",
		[SWAP_EIO] = "I/O error",
		[SWAP_CORRUPT] = "read back wrong",
	};

	return names[status];
}

/* --- deliberate faults ---------------------------------------------------- */

static bool fault(struct swap *s, uint32_t of_million)
{
	uint64_t x;

	if (likely(!of_million))
		return false;
	/* relaxed: any number will do */
	x = atomic_fetch_add_explicit(&s->rng, 0x9e3779b97f4a7c15ULL,
				      memory_order_relaxed);
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return (x ^ x >> 31) % MILLION < of_million;
}

/* --- the file --------------------------------------------------------------
 */

static int open_file(const struct swap_config *cfg, int flags)
{
	char name[4096];
	int fd;

	if (cfg->path)
		return open(cfg->path, O_RDWR | O_CREAT | O_CLOEXEC | flags,
			    0600);
	fd = open(cfg->dir, O_TMPFILE | O_RDWR | O_CLOEXEC | flags, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	/* a file system without nameless files */
	if (snprintf(name, sizeof(name), "%s/swap-XXXXXX", cfg->dir) >=
	    (int)sizeof(name)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(name, O_CLOEXEC | flags);
	if (fd >= 0)
		unlink(name);
	return fd;
}

/* Some file systems refuse O_DIRECT at open, some at the first transfer. */
static bool direct_works(int fd)
{
	void *page = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
	bool works = page && pread(fd, page, PAGE_SIZE, 0) == PAGE_SIZE;

	free(page);
	return works;
}

static int size_file(int fd, uint64_t bytes)
{
	struct stat st;
	int r;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (ftruncate(fd, (off_t)bytes))
		return -errno;
	r = posix_fallocate(fd, 0, (off_t)bytes);
	return r == EOPNOTSUPP || r == EINVAL ? 0 : -r;
}

static int prepare_file(struct swap *s, const struct swap_config *cfg)
{
	int r;

	s->direct = true;
	s->fd = open_file(cfg, O_DIRECT);
	if (s->fd < 0 && errno == EINVAL) {
		s->direct = false;
		s->fd = open_file(cfg, 0);
	}
	if (s->fd < 0)
		return -errno;
	r = size_file(s->fd, cfg->bytes);
	if (!r && s->direct && !direct_works(s->fd)) {
		s->direct = false;
		if (fcntl(s->fd, F_SETFL, 0))
			r = -errno;
	}
	return r;
}

static int prepare_tables(struct swap *s)
{
	s->map_words = (s->slots + 63) / 64;
	s->map = calloc(s->map_words, sizeof(*s->map));
	s->sum = mmap(NULL, s->slots * sizeof(*s->sum), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (s->sum == MAP_FAILED)
		s->sum = NULL;
	if (!s->map || !s->sum)
		return -ENOMEM;
	/* slots beyond the end are never free */
	if (s->slots % 64)
		s->map[s->map_words - 1] = ~0ULL << s->slots % 64;
	return 0;
}

int swap_open(struct swap **out, const struct swap_config *cfg, char *err,
	      size_t err_len)
{
	const uint64_t slots = cfg->bytes >> PAGE_SHIFT;
	struct swap *s = calloc(1, sizeof(*s));
	int r;

	if (!s) {
		snprintf(err, err_len, "swap: out of memory");
		return -ENOMEM;
	}
	s->fd = -1;
	spin_lock_init(&s->lock, RANK_LEAF);
	s->slots = slots;
	s->faults = cfg->faults;
	/* relaxed: nobody else sees it yet */
	atomic_store_explicit(&s->rng, cfg->faults.seed, memory_order_relaxed);
	r = slots && slots < UINT32_MAX && !(cfg->bytes & (PAGE_SIZE - 1))
		    ? 0
		    : -EINVAL;
	if (!r)
		r = prepare_file(s, cfg);
	if (!r)
		r = prepare_tables(s);
	if (!r) {
		*out = s;
		return 0;
	}
	snprintf(err, err_len, "swap file %s of %llu MiB: %s",
		 cfg->path ? cfg->path : cfg->dir,
		 (unsigned long long)(cfg->bytes >> 20), strerror(-r));
	swap_close(s);
	return r;
}

void swap_close(struct swap *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	if (s->sum)
		munmap(s->sum, s->slots * sizeof(*s->sum));
	free(s->map);
	free(s);
}

/* --- slots ------------------------------------------------------------------
 */

uint64_t swap_nr_free(const struct swap *s)
{
	return s->slots - value(&s->used);
}

bool swap_half_full(const struct swap *s)
{
	return value(&s->used) * 2 > s->slots;
}

/* Longest run of zero bits of a word, at most n; *at is where it begins. */
static unsigned free_run(uint64_t word, unsigned n, unsigned *at)
{
	unsigned best = 0;

	for (unsigned i = 0; i < 64 && best < n;) {
		uint64_t rest = word >> i;
		unsigned run;

		if (rest & 1) {
			i += ~rest ? (unsigned)__builtin_ctzll(~rest) : 64;
			continue;
		}
		run = rest ? (unsigned)__builtin_ctzll(rest) : 64 - i;
		if (run > best) {
			best = run;
			*at = i;
		}
		i += run;
	}
	return best < n ? best : n;
}

unsigned swap_alloc(struct swap *s, unsigned n, uint32_t *first)
{
	unsigned got = 0;

	spin_lock(&s->lock);
	for (uint64_t i = 0; i < s->map_words && !got; i++) {
		const uint64_t w = (s->next + i) % s->map_words;
		unsigned at = 0;

		if (!~s->map[w])
			continue;
		got = free_run(s->map[w], n, &at);
		s->map[w] |= (got == 64 ? ~0ULL : (1ULL << got) - 1) << at;
		*first = (uint32_t)(w * 64 + at);
		s->next = w;
	}
	/* relaxed: the lock orders the writers */
	atomic_store_explicit(&s->used, value(&s->used) + got,
			      memory_order_relaxed);
	spin_unlock(&s->lock);
	if (!got)
		count(&s->failed[SWAP_FULL], 1);
	return got;
}

void swap_free(struct swap *s, uint32_t slot)
{
	const uint64_t bit = 1ULL << slot % 64;

	spin_lock(&s->lock);
	check_at(1, slot < s->slots && (s->map[slot / 64] & bit),
		 "swap slot %u is freed twice", slot);
	s->map[slot / 64] &= ~bit;
	/* relaxed: the lock orders the writers */
	atomic_store_explicit(&s->used, value(&s->used) - 1,
			      memory_order_relaxed);
	spin_unlock(&s->lock);
}

/* --- transfers
 * ---------------------------------------------------------------- */

/* Four lanes, so that the multiplications overlap. */
static uint64_t page_sum(const void *page)
{
	const uint64_t *word = page;
	uint64_t lane[4] = { 1, 2, 3, 4 }, sum = 0;

	for (unsigned i = 0; i < PAGE_SIZE / sizeof(*word); i += 4)
		for (unsigned l = 0; l < 4; l++)
			lane[l] =
				(lane[l] ^ word[i + l]) * 0x9e3779b97f4a7c15ULL;
	for (unsigned l = 0; l < 4; l++)
		sum = (sum ^ lane[l] ^ lane[l] >> 29) * 0xbf58476d1ce4e5b9ULL;
	return sum ^ sum >> 32;
}

static enum swap_status status_of(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG
		       ? SWAP_ENOSPC
		       : SWAP_EIO;
}

static enum swap_status fail(struct swap *s, enum swap_status status)
{
	count(&s->failed[status], 1);
	return status;
}

/* What a deliberate fault makes of a write of `bytes`: bytes to write, or
 * -errno. */
static ssize_t faulty_write(struct swap *s, size_t bytes)
{
	if (fault(s, s->faults.write_eio))
		return -EIO;
	if (fault(s, s->faults.write_enospc))
		return -ENOSPC;
	if (bytes > PAGE_SIZE && fault(s, s->faults.write_short))
		return PAGE_SIZE;
	return (ssize_t)bytes;
}

/* One system call; bytes written, or -errno. */
static ssize_t write_some(struct swap *s, struct iovec *iov, unsigned n,
			  off_t at)
{
	ssize_t bytes = faulty_write(s, n * PAGE_SIZE);

	if (bytes < 0)
		return bytes;
	count(&s->writes, 1);
	bytes = pwritev(s->fd, iov, (int)((size_t)bytes >> PAGE_SHIFT), at);
	return bytes < 0 ? -errno : bytes;
}

enum swap_status swap_write(struct swap *s, uint32_t first, unsigned n,
			    void *const *page)
{
	struct iovec iov[SWAP_CLUSTER_MAX];
	unsigned done = 0;

	for (unsigned i = 0; i < n; i++) {
		s->sum[first + i] = page_sum(page[i]);
		iov[i] = (struct iovec){ page[i], PAGE_SIZE };
	}
	while (done < n) {
		ssize_t bytes = write_some(s, iov + done, n - done,
					   (off_t)(first + done) << PAGE_SHIFT);

		if (bytes == -EINTR)
			continue;
		/* what is not a whole page is written again */
		if (bytes < (ssize_t)PAGE_SIZE)
			return fail(s, bytes < 0 ? status_of((int)-bytes)
						 : SWAP_ENOSPC);
		done += (unsigned)(bytes >> PAGE_SHIFT);
	}
	count(&s->written, n);
	return SWAP_OK;
}

static bool read_once(struct swap *s, uint32_t slot, void *page)
{
	ssize_t bytes;

	if (fault(s, s->faults.read_eio))
		return false;
	do {
		count(&s->reads, 1);
		bytes = pread(s->fd, page, PAGE_SIZE,
			      (off_t)slot << PAGE_SHIFT);
	} while (bytes < 0 && errno == EINTR);
	if (fault(s, s->faults.read_corrupt))
		((char *)page)[slot % PAGE_SIZE] ^= 1;
	return bytes == PAGE_SIZE;
}

enum swap_status swap_read(struct swap *s, uint32_t slot, void *page)
{
	bool whole = false;

	for (unsigned attempt = 0; attempt < 2; attempt++) {
		whole = read_once(s, slot, page);
		if (whole && page_sum(page) == s->sum[slot]) {
			count(&s->read, 1);
			return SWAP_OK;
		}
	}
	return fail(s, whole ? SWAP_CORRUPT : SWAP_EIO);
}

void swap_stats(const struct swap *s, struct swap_stats *out)
{
	*out = (struct swap_stats){
		.slots = s->slots,
		.used = value(&s->used),
		.written = value(&s->written),
		.read = value(&s->read),
		.writes = value(&s->writes),
		.reads = value(&s->reads),
		.direct = s->direct,
	};
	for (unsigned i = 0; i < NR_SWAP_STATUS; i++)
		out->failed[i] = value(&s->failed[i]);
}
