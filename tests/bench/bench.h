/*
 * bench.h: what the benchmarks on the host machine share.
 *
 * A case is called NAME/FORMAT; what is measured is what happens inside the
 * function bench_NAME, which count finds by its name (see count).  Each file
 * lists its cases in a table and hands it to bench_main.
 */
#ifndef LP_BENCH_H
#define LP_BENCH_H

#include <lazypager/host.h>
#include <lazypager/lazypager.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/callgrind.h>

#define PAGE LP_PAGE_SIZE
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The machine, and the process under test, which runs on CPU 0. */
struct bench {
    const char *format;
    lp_va root_span; /* what one entry of the root maps */
    struct lp_host *m;
    struct lp_pager *pager;
    struct lp_space *space;
};

extern struct bench bench;

struct bench_case {
    const char *name;
    void (*build)(void); /* before, not measured */
    void (*run)(void);   /* bench_NAME */
    void (*tell)(void);  /* after: what else there is to say; or NULL */
};

/* A call that must succeed. */
static inline int64_t bench_ok(int64_t result)
{
    if (result < 0) {
        fprintf(stderr, "bench: a call failed: %d\n", (int)result);
        abort();
    }
    return result;
}

static inline void bench_require(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "bench: not as expected: %s\n", what);
        abort();
    }
}

/* A number beside the instructions; count compares it with the budget. */
static inline void bench_say(const char *what, uint64_t value)
{
    printf("%s %llu\n", what, (unsigned long long)value);
}

/* Map npages of zeroes at va. */
static inline void bench_map(lp_va va, uint64_t npages, unsigned access)
{
    bench_ok(lp_mmap(bench.space, va, npages * PAGE, access,
                     LP_MAP_PRIVATE | LP_MAP_ANONYMOUS | LP_MAP_FIXED, NULL,
                     0));
}

/* A fault of a program, by hand: nothing but the library runs. */
static inline enum lp_decision bench_fault(struct lp_space *space, lp_va va,
                                           unsigned access)
{
    struct lp_fault fault = { va, access, LP_FAULT_USER };
    struct lp_fault_result result;

    bench_ok(lp_handle_fault(space, &fault, &result));
    return result.decision;
}

/* A program writes one byte: through the TLB, with the faults it takes. */
static inline void bench_store(lp_va va)
{
    unsigned char byte = 1;

    bench_require(lp_host_store(bench.m, va, &byte, 1) == LP_HOST_OK, "store");
}

/* The rest of a run of the case, after the machine is there. */
int bench_main(int argc, char **argv, const struct bench_case *cases, size_t n);

#endif
