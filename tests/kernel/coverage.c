/*
 * coverage.c: gcc's counters, from a machine without files (coverage.h).
 *
 * gcc leaves a pointer to each object file's record in the section .gcov_info
 * (-fprofile-info-section); libgcov's __gcov_info_to_gcda turns one into the
 * bytes of a .gcda file (GCC manual, "Profiling and Test Coverage in
 * Freestanding Environments").  This file itself is not instrumented: only the
 * libraries are.
 */
#include "coverage.h"
#include "kernel.h"

#ifndef LP_COVERAGE

void coverage_end(void)
{
}

#else

#include <gcov.h>

extern const struct gcov_info *const __gcov_info_start[];
extern const struct gcov_info *const __gcov_info_end[];

/* --- what libgcov asks for but does not need here --- */

_Noreturn void abort(void);
void *mmap(void *va, size_t len, int prot, int flags, int fd, long offset);
void __gcov_merge_add(void *counters, unsigned n);

void abort(void)
{
    panic("libgcov: abort");
}

/* Memory for histograms of values, which --coverage does not ask for. */
void *mmap(void *va, size_t len, int prot, int flags, int fd, long offset)
{
    (void)va;
    (void)len;
    (void)prot;
    (void)flags;
    (void)fd;
    (void)offset;
    return (void *)-1;
}

/* Only its address is looked at: counters are added up on the host. */
void __gcov_merge_add(void *counters, unsigned n)
{
    (void)counters;
    (void)n;
}

static void *allocate(unsigned len, void *ctx)
{
    (void)len;
    (void)ctx;
    return NULL;
}

/* --- the records --- */

static void name_file(const char *path, void *ctx)
{
    (void)ctx;
    console_write('c', "gcda ", 5);
    console_write('c', path, strlen(path));
    console_write('c', "\n", 1);
}

static void put_bytes(const void *data, unsigned len, void *ctx)
{
    const unsigned char *bytes = data;
    char text[65];
    unsigned i, n = 0;

    (void)ctx;
    for (i = 0; i < len; i++) {
        text[n++] = "0123456789abcdef"[bytes[i] >> 4];
        text[n++] = "0123456789abcdef"[bytes[i] & 15];
        if (n == sizeof(text) - 1 || i + 1 == len) {
            text[n++] = '\n';
            console_write('c', text, n);
            n = 0;
        }
    }
}

void coverage_end(void)
{
    const struct gcov_info *const *info;

    for (info = __gcov_info_start; info != __gcov_info_end; info++)
        __gcov_info_to_gcda(*info, name_file, put_bytes, allocate, NULL);
}

#endif
