#include "alloc/page/tests/mapped_machine.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc/base/check.h"
#include "alloc/page/kmap.h"
#include "alloc/page/layout.h"
#include "alloc/page/vmalloc.h"

#define LOWMEM_BYTES (896ULL << 20)
#define BYTES        (64ULL << 20)

static struct mapped *mapped_of(struct frame_mapper *fm)
{
	return (struct mapped *)((char *)fm - offsetof(struct mapped, mapper));
}

static int test_reserve(struct frame_mapper *fm, size_t bytes, char **out)
{
	struct frame_mapper *real = &mapped_of(fm)->arena.mapper;

	return real->reserve(real, bytes, out);
}

static void test_release(struct frame_mapper *fm, char *at, size_t bytes)
{
	struct frame_mapper *real = &mapped_of(fm)->arena.mapper;

	real->release(real, at, bytes);
}

static int test_map(struct frame_mapper *fm, char *at, pfn_t pfn, uint64_t nr)
{
	struct mapped *b = mapped_of(fm);
	struct frame_mapper *real = &b->arena.mapper;

	/* relaxed, all: counts; tests that set fail_after have one thread */
	long left = atomic_load_explicit(&b->fail_after, memory_order_relaxed);

	if (!left)
		return -ENOMEM;
	if (left > 0)
		atomic_store_explicit(&b->fail_after, left - 1,
				      memory_order_relaxed);
	atomic_fetch_add_explicit(&b->nr_maps, 1, memory_order_relaxed);
	return real->map(real, at, pfn, nr);
}

static void test_unmap(struct frame_mapper *fm, char *at, size_t bytes)
{
	struct mapped *b = mapped_of(fm);
	struct frame_mapper *real = &b->arena.mapper;

	/* relaxed: a count */
	atomic_fetch_add_explicit(&b->nr_unmaps, 1, memory_order_relaxed);
	real->unmap(real, at, bytes);
}

static int test_place(struct frame_mapper *fm, void *at, size_t bytes,
		      unsigned nid)
{
	struct frame_mapper *real = &mapped_of(fm)->arena.mapper;

	return real->place(real, at, bytes, nid);
}

static void describe(struct machine_desc *d, const struct mapped_spec *spec)
{
	char err[256];

	layout_defaults(d);
	layout_set(d, spec->highmem ? LAYOUT_I386 : LAYOUT_X86_64, spec->pae);
	layout_topo(&d->topo, 4, spec->nr_nodes ? spec->nr_nodes : 1);
	d->thp_enabled = false;
	/* nobody runs kswapd, which would take a boost back */
	d->watermark_boost_factor = 0;
	d->vmalloc_bytes = spec->vmalloc_bytes;
	check(!layout_zones(d, spec->highmem ? LOWMEM_BYTES + BYTES : BYTES,
			    err, sizeof(err)),
	      "%s", err);
}

struct mapped *mapped_make(struct mapped_spec spec)
{
	const struct page_binding *zonelock = page_binding_find("zonelock");
	struct machine_desc *d = malloc(sizeof(*d));
	struct machine_memory memory;
	struct mapped *b;
	char err[256];

	b = aligned_alloc(CACHELINE_SIZE,
			  round_up_pow2(sizeof(*b), CACHELINE_SIZE));
	check(b && d, "not enough memory");
	memset(b, 0, sizeof(*b));
	mapped_fail_after(b, -1);
	b->mapper = (struct frame_mapper){ test_reserve, test_release, test_map,
					   test_unmap, test_place };
	describe(d, &spec);
	check(!arena_map(&b->arena, d, err, sizeof(err)), "%s", err);
	memory = b->arena.memory;
	memory.mapper = &b->mapper;
	check(!machine_create(&b->m, d, &memory, err, sizeof(err)), "%s", err);
	machine_boot(b->m);
	b->boot = free_blocks_take(b->m);
	b->ops = spec.ops ? spec.ops : zonelock->ops;
	check(!b->ops->create(&b->e, b->m), "create failed");
	b->e->ops = b->ops;
	check(!page_ctx_enter(&b->ctx, b->e, 0, b->counters, NULL),
	      "thread_enter failed");
	if (spec.vmalloc)
		check(!vmalloc_init(b->m, err, sizeof(err)), "%s", err);
	free(d);
	return b;
}

void mapped_fail_after(struct mapped *b, long calls)
{
	/* relaxed: one thread */
	atomic_store_explicit(&b->fail_after, calls, memory_order_relaxed);
}

uint64_t mapped_nr_maps(const struct mapped *b)
{
	/* relaxed: one thread */
	return atomic_load_explicit(&b->nr_maps, memory_order_relaxed);
}

uint64_t mapped_nr_unmaps(const struct mapped *b)
{
	/* relaxed: one thread */
	return atomic_load_explicit(&b->nr_unmaps, memory_order_relaxed);
}

const char *mapped_end(struct mapped *b)
{
	struct free_block_list now;
	const char *wrong;

	b->ops->drain(b->e, &b->ctx);
	wrong = b->ops->verify(b->e);
	if (!wrong)
		wrong = vmalloc_verify(b->m);
	if (!wrong)
		wrong = kmap_verify(b->m);
	now = free_blocks_take(b->m);
	if (!wrong)
		wrong = free_blocks_compare(&b->boot, &now, false);
	free_blocks_drop(&now);
	page_ctx_exit(&b->ctx);
	b->ops->destroy(b->e);
	machine_destroy(b->m);
	arena_unmap(&b->arena);
	free_blocks_drop(&b->boot);
	free(b);
	return wrong;
}

static sigjmp_buf fault_jump;

static void on_fault(int sig)
{
	siglongjmp(fault_jump, sig);
}

bool address_faults(const volatile char *at)
{
	const struct sigaction action = { .sa_handler = on_fault };
	struct sigaction old[2];
	volatile bool faulted = true;

	sigaction(SIGSEGV, &action, &old[0]);
	sigaction(SIGBUS, &action, &old[1]);
	if (!sigsetjmp(fault_jump, 1)) {
		(void)*at;
		faulted = false;
	}
	sigaction(SIGSEGV, &old[0], NULL);
	sigaction(SIGBUS, &old[1], NULL);
	return faulted;
}

unsigned count_mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned nr = 0;
	int c;

	check(f, "no /proc/self/maps");
	while ((c = getc(f)) != EOF)
		nr += c == '\n';
	fclose(f);
	return nr;
}

const char *abort_message(void (*call)(void *), void *arg)
{
	static char text[512];
	size_t len = 0;
	ssize_t n;
	int fd[2], status;
	pid_t pid;

	check(!pipe(fd), "pipe failed");
	pid = fork();
	check(pid >= 0, "fork failed");
	if (!pid) {
		const struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL);
		dup2(fd[1], STDERR_FILENO);
		call(arg);
		_exit(0);
	}
	close(fd[1]);
	while (len + 1 < sizeof(text) &&
	       (n = read(fd[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = 0;
	close(fd[0]);
	check(waitpid(pid, &status, 0) == pid, "waitpid failed");
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
		return "no abort";
	return text;
}
