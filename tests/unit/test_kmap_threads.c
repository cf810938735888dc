/*
 * Many CPUs change the kernel's half at once, in the same tables, while programs
 * fault and unmap: with calls and with fences.
 */
#include "threads_kit.h"

enum { ROUNDS = 60, PAGES = 4, SLOTS = 8 };

static struct lp_range range_of(const struct lp_pte_format *f)
{
    unsigned bits = 12 + f->levels * f->index_bits;
    lp_va start = (lp_va)1 << (bits - 1);

    if (f->sign_extended)
        start |= ~(lp_va)0 << bits;
    return (struct lp_range){ start, start + CPUS * SLOTS * PAGE };
}

static struct world *begin(const char *format, unsigned flags)
{
    struct lp_host_config config = { .format = format };
    struct lp_host *m = lp_host_create(&config);
    struct lp_range range = range_of(&lp_host_arch(m)->format);
    struct lp_options options = { .kernel_ranges = &range,
                                  .nkernel_ranges = 1 };
    struct world *w = world_begin_with(format, flags, &options);

    lp_host_destroy(m);
    return w;
}

static enum lp_host_code supervisor(struct world *w, unsigned access, lp_va va,
                                    uint64_t *word)
{
    return lp_host_peek(w->m, LP_HOST_SUPERVISOR, access, va, word,
                        sizeof *word, NULL);
}

/*
 * Map a new frame somewhere in this CPU's part, use it, take its W, take it
 * away, give the frame back: whoever gets it next finds nobody in it.
 */
static void map_and_unmap(struct job *job)
{
    struct world *w = job->w;
    const struct lp_kernel *k = lp_host_kernel(w->m);
    lp_va part =
        range_of(&lp_host_arch(w->m)->format).start + job->cpu * SLOTS * PAGE;
    unsigned round;

    for (round = 0; round < ROUNDS; round++) {
        lp_va va = part + below(job, SLOTS) * PAGE;
        uint64_t mine = (uint64_t)job->cpu << 32 | round, word = mine;
        lp_pa frame;

        if (!expect(w, k->frame_alloc(k->ctx, LP_FRAME_ANY, &frame) == 0))
            return;
        expect(w, lp_kernel_map(w->pager, va, frame, PAGE, RW, 0,
                                LP_CACHE_WRITEBACK) == 0);
        expect(w, supervisor(w, LP_WRITE, va, &word) == LP_HOST_OK);
        expect(w, lp_kernel_protect(w->pager, va, PAGE, LP_READ) == 0);
        expect(w, supervisor(w, LP_WRITE, va, &word) == LP_HOST_FAULT);
        word = 0;
        expect(w, supervisor(w, LP_READ, va, &word) == LP_HOST_OK);
        expect(w, word == mine);
        expect(w, lp_kernel_unmap(w->pager, part, SLOTS * PAGE) == 0);
        expect(w, supervisor(w, LP_READ, va, &word) == LP_HOST_FAULT);
        k->frame_free(k->ctx, frame);
        /* And a program's page, whose frame may be the same. */
        put(w, w->base + (job->cpu * PAGES + round % PAGES) * PAGE, mine);
        expect(w, get(w, w->base + (job->cpu * PAGES + round % PAGES) * PAGE) ==
                      mine);
        if (round % PAGES == PAGES - 1) {
            expect(w, lp_munmap(w->space, w->base + job->cpu * PAGES * PAGE,
                                PAGES * PAGE) == 0);
            map(w, w->space, w->base + job->cpu * PAGES * PAGE, PAGES, RW, ANON,
                NULL);
        }
    }
}

/* Look at what the others map: a word of theirs, or nothing. */
static void look(struct job *job)
{
    struct world *w = job->w;
    lp_va start = range_of(&lp_host_arch(w->m)->format).start;
    unsigned round;

    for (round = 0; round < 20 * ROUNDS; round++) {
        unsigned slot = below(job, CPUS * SLOTS);
        uint64_t word;

        lp_host_cpu_idle(w->m);
        if (supervisor(w, LP_READ, start + slot * PAGE, &word) == LP_HOST_FAULT)
            continue;
        expect(w, slot / SLOTS != job->cpu);
    }
}

static void churn(unsigned flags)
{
    EACH_FORMAT(format)
    {
        struct world *w = begin(*format, flags);
        struct job jobs[CPUS] = {
            { .run = map_and_unmap },
            { .run = map_and_unmap },
            { .run = map_and_unmap },
            { .run = look },
        };

        map_first(w, w->base, CPUS * PAGES, RW, ANON, NULL);
        run_jobs(w, jobs);
        world_end(w);
    }
}

static void test_kmap_churn_with_calls__nobody_sees_stale(void **state)
{
    (void)state;
    churn(0);
}

static void test_kmap_churn_with_fences__nobody_sees_stale(void **state)
{
    (void)state;
    churn(LP_HOST_FENCES);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kmap_churn_with_calls__nobody_sees_stale),
        cmocka_unit_test(test_kmap_churn_with_fences__nobody_sees_stale),
    };

    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
