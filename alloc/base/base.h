/*
 * Leaf definitions that every layer shares: page frame numbers, units,
 * compiler attributes and the small integer helpers in which the page
 * allocator's formulas are written.
 *
 * Units: a "page" is PAGE_SIZE bytes, an "order" o stands for 2^o pages.
 */
#ifndef ALLOC_BASE_BASE_H
#define ALLOC_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* OUT_OF_LINE: for builds in which the loops' speed is not what is tested. */
#ifdef OUT_OF_LINE
#define ALWAYS_INLINE static inline
#else
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#endif
#define NOINLINE              __attribute__((noinline))
#define COLD                  __attribute__((cold, noinline))
#define MUST_CHECK            __attribute__((warn_unused_result))
#define CACHELINE_SIZE        64
#define CACHELINE             __attribute__((aligned(CACHELINE_SIZE)))
#define PRINTF_LIKE(fmt, arg) __attribute__((format(printf, fmt, arg)))
#define likely(x)             __builtin_expect(!!(x), 1)
#define unlikely(x)           __builtin_expect(!!(x), 0)
#define ARRAY_SIZE(a)         (sizeof(a) / sizeof((a)[0]))

#define PAGE_SHIFT     12
#define PAGE_SIZE      (1UL << PAGE_SHIFT)
#define MAX_PAGE_ORDER 10 /* largest block: 4 MiB */
#define NR_PAGE_ORDERS 11
#define MAX_NODES      64
#define MAX_CPUS       1024

/*
 * Page frame number: physical address / PAGE_SIZE. A type of its own so that
 * it never mixes with an order, a CPU or a node. 32 bits reach 16 TiB.
 */
typedef struct pfn {
	uint32_t v;
} pfn_t;

#define PFN_NONE ((pfn_t){ UINT32_MAX })

ALWAYS_INLINE bool pfn_valid(pfn_t pfn)
{
	return pfn.v != UINT32_MAX;
}

/*
 * The compiler may delete free(malloc()). Every loop passes what it was given
 * through opaque(): the value is used and memory is written, as far as the
 * compiler can tell.
 */
ALWAYS_INLINE pfn_t opaque(pfn_t pfn)
{
	__asm__ volatile("" : "+r"(pfn.v) : : "memory");
	return pfn;
}

ALWAYS_INLINE void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#else
	__asm__ volatile("" ::: "memory");
#endif
}

/* Position of the highest set bit, 1-based; fls_long(0) == 0. */
ALWAYS_INLINE int fls_long(unsigned long x)
{
	return x ? (int)(8 * sizeof(x)) - __builtin_clzl(x) : 0;
}

/* floor(x * n / d) without overflow; exact. d > 0. */
ALWAYS_INLINE uint64_t mult_frac(uint64_t x, uint64_t n, uint64_t d)
{
	return (uint64_t)((unsigned __int128)x * n / d);
}

/* Largest r with r * r <= x. */
ALWAYS_INLINE uint64_t isqrt(uint64_t x)
{
	uint64_t r = 0;

	for (uint64_t bit = 1ULL << 62; bit; bit >>= 2) {
		if (x >= r + bit) {
			x -= r + bit;
			r = (r >> 1) + bit;
		} else {
			r >>= 1;
		}
	}
	return r;
}

ALWAYS_INLINE long min_long(long a, long b)
{
	return a < b ? a : b;
}

ALWAYS_INLINE long max_long(long a, long b)
{
	return a > b ? a : b;
}

/* As the kernel's clamp(): where lo > hi, hi wins. */
ALWAYS_INLINE long clamp_long(long v, long lo, long hi)
{
	return min_long(max_long(v, lo), hi);
}

/* Largest power of two <= x; x > 0. */
ALWAYS_INLINE unsigned long rounddown_pow_of_two(unsigned long x)
{
	return 1UL << (fls_long(x) - 1);
}

/* n must be a power of two. */
ALWAYS_INLINE uint64_t round_up_pow2(uint64_t x, uint64_t n)
{
	return (x + n - 1) & ~(n - 1);
}

/* Smallest order whose block holds `bytes`; bytes > 0. */
ALWAYS_INLINE unsigned order_of_bytes(uint64_t bytes)
{
	uint64_t pages = (bytes + PAGE_SIZE - 1) >> PAGE_SHIFT;

	return (unsigned)fls_long((unsigned long)(pages - 1));
}

#endif
