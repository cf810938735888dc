/*
 * base.h: the floor that every file of the core stands on: atomics, bit scans,
 * assertions, and small helpers for addresses.
 *
 * Only 32- and 64-bit atomics are used, and no builtin that a compiler might
 * turn into a call: the core needs nothing but memcpy, memmove, memset, memcmp.
 */
#ifndef LP_CORE_BASE_H
#define LP_CORE_BASE_H

#include <lazypager/lazypager.h>

#include <stdatomic.h>

void *memcpy(void *restrict to, const void *restrict from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);

/*
 * A call of its own.  Inlined into its caller, a function's locals stay on the
 * stack through everything else that the caller calls: kernel stacks are small.
 */
#define LP_APART __attribute__((noinline))

/*
 * The parts of one long path, each called from one or two places.  They are one
 * function where time counts: calls would cost more than the parts do.  Where
 * size counts they are apart: together they would need more registers than
 * there are.  (Builds that count branches set it otherwise: code in one place
 * has one count.)
 */
#if defined(LP_INLINE)
#elif defined(__OPTIMIZE_SIZE__)
#define LP_INLINE LP_APART static
#else
#define LP_INLINE static inline __attribute__((always_inline))
#endif

#define lp_likely(x) __builtin_expect(!!(x), 1)
#define lp_unlikely(x) __builtin_expect(!!(x), 0)

/*
 * lp_assert_failed: report a broken promise and stop.  kernel may be NULL.
 */

_Noreturn void lp_assert_failed(const struct lp_kernel *kernel,
                                const char *what, const char *file, int line,
                                uint64_t a, uint64_t b);

/*
 * lp_assert: one of the library's own promises.  The two numbers are what a
 * person who reads the message wants to know.  Never for a program's input.
 */
#if LP_ASSERT
#define lp_assert2(kernel, condition, a, b)                          \
    do {                                                             \
        if (lp_unlikely(!(condition)))                               \
            lp_assert_failed(kernel, #condition, __FILE__, __LINE__, \
                             (uint64_t)(a), (uint64_t)(b));          \
    } while (0)
#else
#define lp_assert2(kernel, condition, a, b) ((void)sizeof((condition) ? 1 : 0))
#endif
#define lp_assert(condition) lp_assert2(NULL, condition, 0, 0)

/* The same where every instruction counts. */
#if LP_ASSERT > 1
#define lp_assert_hot(kernel, condition, a, b) \
    lp_assert2(kernel, condition, a, b)
#else
#define lp_assert_hot(kernel, condition, a, b) \
    ((void)sizeof((condition) ? 1 : 0))
#endif

/* Clang's thread-safety analysis; nothing elsewhere. */
#if defined(__clang__)
#define LP_TSA(x) __attribute__((x))
#else
#define LP_TSA(x)
#endif
/* A function whose locks the analysis cannot follow. */
#define LP_NO_TSA LP_TSA(no_thread_safety_analysis)

static inline bool lp_page_aligned(uint64_t x)
{
    return (x & LP_PAGE_MASK) == 0;
}

static inline uint64_t lp_round_down(uint64_t x)
{
    return x & ~LP_PAGE_MASK;
}

/* Round up to a page; the caller has ruled out overflow. */
static inline uint64_t lp_round_up(uint64_t x)
{
    return (x + LP_PAGE_MASK) & ~LP_PAGE_MASK;
}

static inline uint64_t lp_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t lp_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/*
 * lp_lowest_bit: index of the lowest bit that is set; x is not 0.  A binary
 * search: RISC-V without Zbb has no instruction for it and gcc would call
 * libgcc.
 */
static inline unsigned lp_lowest_bit(uint64_t x)
{
    unsigned n = 0;

    if ((x & 0xffffffff) == 0) {
        n += 32;
        x >>= 32;
    }
    if ((x & 0xffff) == 0) {
        n += 16;
        x >>= 16;
    }
    if ((x & 0xff) == 0) {
        n += 8;
        x >>= 8;
    }
    if ((x & 0xf) == 0) {
        n += 4;
        x >>= 4;
    }
    if ((x & 3) == 0) {
        n += 2;
        x >>= 2;
    }
    return n + ((x & 1) == 0);
}

#endif
