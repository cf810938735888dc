/*
 * machine.c: making a machine, and how its oracles speak.
 */
#include "machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Above 4 GiB, and no pointer of the host: a truncated address shows. */
#define DEFAULT_PA_BASE UINT64_C(0x280000000)

const char *const lp_host_formats[] = {
    "x86-64", "x86-64-la57", "sv39",   "sv39-svade", "sv48",      "sv48-svade",
    "sv57",   "sv57-svade",  "free-w", "free-v",     "free-v-ad", NULL,
};

static const struct lp_host_walker *const families[] = {
    lp_host_walkers_x86_64,
    lp_host_walkers_riscv64,
    lp_host_walkers_free,
};

static const struct lp_host_walker *find_walker(const char *name)
{
    const struct lp_host_walker *w;
    size_t i;

    for (i = 0; i < sizeof families / sizeof families[0]; i++)
        for (w = families[i]; w->name; w++)
            if (strcmp(w->name, name) == 0)
                return w;
    return NULL;
}

/*
 * Sebastiano Vigna's splitmix64: any state will do, also 0.
 */
uint64_t lp_host_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t lp_host_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Fill in the defaults; false: the config makes no sense. */
static bool settle(struct lp_host *m)
{
    struct lp_host_config *c = &m->config;
    const struct lp_host_walker *w;

    w = m->walker = find_walker(c->format ? c->format : "x86-64");
    if (!w)
        return false;
    c->format = w->name;
    c->ncpus = c->ncpus ? c->ncpus : 1;
    c->nframes = c->nframes ? c->nframes : 4096;
    c->pa_base = c->pa_base ? c->pa_base : DEFAULT_PA_BASE;
    c->maxphyaddr = c->maxphyaddr ? c->maxphyaddr : 46;
    c->deadlock_seconds = c->deadlock_seconds ? c->deadlock_seconds : 20;
    if (c->asid_bits == 0)
        c->asid_bits = (int)w->asid_bits;
    m->threads = c->flags & LP_HOST_THREADS;
    m->negative = w->caches_invalid && !(c->flags & LP_HOST_NO_NEGATIVE);
    return true;
}

static bool sensible(const struct lp_host *m)
{
    const struct lp_host_config *c = &m->config;
    uint64_t limit = (uint64_t)1 << m->walker->pa_bits;
    uint64_t pages = c->nframes + c->ndevice;

    if (m->walker->canonical == LP_HOST_SIGN_GP)
        limit = (uint64_t)1 << c->maxphyaddr;
    return c->ncpus <= LP_HOST_CPUS_MAX && c->ncpus <= LP_CPUS_MAX &&
           c->asid_bits >= LP_HOST_NO_ASIDS && c->asid_bits <= 16 &&
           c->maxphyaddr >= 36 && c->maxphyaddr <= 52 &&
           (c->pa_base & LP_PAGE_MASK) == 0 && pages < UINT32_MAX &&
           c->pa_base < limit &&
           pages + 1 <= (limit - c->pa_base) / LP_PAGE_SIZE &&
           !(m->threads && c->flags & LP_HOST_CHECK_ALWAYS);
}

struct lp_host *lp_host_create(const struct lp_host_config *config)
{
    struct lp_host *m = calloc(1, sizeof *m);

    if (!m)
        return NULL;
    if (config)
        m->config = *config;
    if (!settle(m) || !sensible(m)) {
        free(m);
        return NULL;
    }
    m->random = m->config.seed;
    pthread_mutex_init(&m->report, NULL);
    pthread_mutex_init(&m->free_lock, NULL);
    if (!lp_host_frames_create(m) || !lp_host_cpus_create(m)) {
        lp_host_destroy(m);
        return NULL;
    }
    lp_host_arch_init(m);
    lp_host_kernel_init(m);
    return m;
}

void lp_host_destroy(struct lp_host *m)
{
    if (!m)
        return;
    lp_host_cpus_destroy(m);
    lp_host_frames_destroy(m);
    pthread_mutex_destroy(&m->free_lock);
    pthread_mutex_destroy(&m->report);
    free(m);
}

const struct lp_arch *lp_host_arch(struct lp_host *m)
{
    return &m->arch;
}

const struct lp_kernel *lp_host_kernel(struct lp_host *m)
{
    return &m->kernel;
}

static _Noreturn void complain(const char *message)
{
    fprintf(stderr, "%s\n", message);
    abort();
}

void lp_host_fail(struct lp_host *m, const char *format, ...)
{
    char text[400];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);

    if (m->threads)
        pthread_mutex_lock(&m->report);
    snprintf(m->message, sizeof m->message, "host machine (%s, seed %llu): %s",
             m->config.format, (unsigned long long)m->config.seed, text);
    atomic_fetch_add(&m->failures, 1);
    if (!m->config.failed)
        complain(m->message);
    m->config.failed(m->config.ctx, m->message);
    if (m->threads)
        pthread_mutex_unlock(&m->report);
}

uint64_t lp_host_failures(struct lp_host *m)
{
    return atomic_load(&m->failures);
}

const char *lp_host_failure(struct lp_host *m)
{
    return m->message;
}

void lp_host_read_stats(struct lp_host *m, struct lp_host_stats *out)
{
    uint64_t *sum = (uint64_t *)out;
    const uint64_t *part;
    unsigned cpu, i;

    memset(out, 0, sizeof *out);
    for (cpu = 0; cpu < m->config.ncpus; cpu++) {
        part = (const uint64_t *)&m->cpus[cpu].stats;
        for (i = 0; i < sizeof *out / sizeof *sum; i++)
            sum[i] += part[i];
    }
    pthread_mutex_lock(&m->free_lock);
    out->allocations = m->allocations;
    out->frees = m->frees;
    pthread_mutex_unlock(&m->free_lock);
}
