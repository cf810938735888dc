/*
 * anonymous.c: mmap, munmap, mprotect, madvise, brk and what a touch brings:
 * anonymous memory. Mapped files are in mapped.c.
 */
#include "kit.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

enum { RW = PROT_READ | PROT_WRITE, RX = PROT_READ | PROT_EXEC };

static bool all(const unsigned char *p, size_t len, unsigned char byte)
{
    size_t i;

    for (i = 0; i < len; i++)
        if (p[i] != byte)
            return false;
    return true;
}

static void zero_pages(void)
{
    unsigned char *p = pages(64, MAP_PRIVATE);
    size_t i;

    for (i = 0; i < 64; i += 2)
        p[i * PAGE + i] = (unsigned char)(i + 1);
    for (i = 0; i < 64; i++) {
        if (i % 2 == 0) {
            EQUAL(p[i * PAGE + i], i + 1);
            p[i * PAGE + i] = 0;
        }
        CHECK(all(p + i * PAGE, PAGE, 0));
    }
}

static void read_then_write(void)
{
    unsigned char *p = pages(16, MAP_PRIVATE);
    size_t i;

    CHECK(all(p, 16 * PAGE, 0));
    for (i = 0; i < 16 * PAGE; i++)
        p[i] = pattern(i);
    for (i = 0; i < 16 * PAGE; i++)
        CHECK(p[i] == pattern(i));
    p = pages(16, MAP_PRIVATE);
    CHECK(all(p, 16 * PAGE, 0));
}

/* The page that reads of untouched memory find is nobody's to write. */
static void zero_page_stays_zero(void)
{
    unsigned char *p = pages(2, MAP_PRIVATE);

    EQUAL(p[0], 0);
    EQUAL(p[PAGE], 0);
    memset(p, 0xff, PAGE);
    CHECK(all(p + PAGE, PAGE, 0));
}

static void eight_mebibytes(void)
{
    enum { LEN = 8 << 20 };
    unsigned char *p = pages(LEN / PAGE, MAP_PRIVATE);
    size_t i;

    for (i = 0; i < LEN; i += 509)
        p[i] = pattern(i);
    for (i = 0; i < LEN; i += 509)
        CHECK(p[i] == pattern(i));
    CHECK(munmap(p, LEN) == 0);
}

static void sparse(void)
{
    const size_t len = (size_t)32 << 30, step = len / 64;
    unsigned char *p =
        mmap(NULL, len, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    size_t i;

    CHECK(p != MAP_FAILED);
    for (i = 0; i < 64; i++)
        p[i * step + i * PAGE] = (unsigned char)(i + 1);
    for (i = 0; i < 64; i++)
        EQUAL(p[i * step + i * PAGE], i + 1);
    CHECK(munmap(p, len) == 0);
    FAULTS(fault_read(p + step), SIGSEGV, SEGV_MAPERR, p + step);
}

static void shared_with_child(void)
{
    unsigned char *p = pages(4, MAP_SHARED);
    pid_t child;

    p[0] = 1;
    child = start();
    if (child == 0) {
        EQUAL(p[0], 1);
        p[PAGE] = 2;
        p[3 * PAGE] = 3;
        _exit(0);
    }
    EQUAL(finish(child), 0);
    EQUAL(p[PAGE], 2);
    EQUAL(p[2 * PAGE], 0);
    EQUAL(p[3 * PAGE], 3);
}

static void protect_ladder(void)
{
    unsigned char *p = pages(1, MAP_PRIVATE);

    p[7] = 77;
    CHECK(mprotect(p, PAGE, PROT_READ) == 0);
    EQUAL(p[7], 77);
    FAULTS(fault_write(p), SIGSEGV, SEGV_ACCERR, p);
    CHECK(mprotect(p, PAGE, PROT_NONE) == 0);
    FAULTS(fault_read(p + 7), SIGSEGV, SEGV_ACCERR, p + 7);
    FAULTS(fault_write(p + 8), SIGSEGV, SEGV_ACCERR, p + 8);
    CHECK(mprotect(p, PAGE, PROT_READ) == 0);
    EQUAL(p[7], 77);
    FAULTS(fault_write(p + 9), SIGSEGV, SEGV_ACCERR, p + 9);
    CHECK(mprotect(p, PAGE, RW) == 0);
    WORKS(fault_write(p + 9));
    EQUAL(p[7], 77);
}

/* Never touched while it could be. */
static void protect_untouched(void)
{
    unsigned char *p =
        mmap(NULL, 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(p != MAP_FAILED);
    FAULTS(fault_read(p), SIGSEGV, SEGV_ACCERR, p);
    FAULTS(fault_write(p), SIGSEGV, SEGV_ACCERR, p);
    FAULTS(fault_jump(p), SIGSEGV, SEGV_ACCERR, p);
    CHECK(mprotect(p, PAGE, RW) == 0);
    WORKS(fault_write(p));
    FAULTS(fault_write(p + PAGE), SIGSEGV, SEGV_ACCERR, p + PAGE);
}

static void protect_middle(void)
{
    unsigned char *p = pages(5, MAP_PRIVATE);

    memset(p, 0x33, 5 * PAGE);
    CHECK(mprotect(p + 2 * PAGE, PAGE, PROT_READ) == 0);
    WORKS(fault_write(p + 2 * PAGE - 1));
    FAULTS(fault_write(p + 2 * PAGE), SIGSEGV, SEGV_ACCERR, p + 2 * PAGE);
    FAULTS(fault_write(p + 3 * PAGE - 1), SIGSEGV, SEGV_ACCERR,
           p + 3 * PAGE - 1);
    WORKS(fault_write(p + 3 * PAGE));
    CHECK(mprotect(p, 5 * PAGE, RW) == 0);
    WORKS(fault_write(p + 2 * PAGE));
    EQUAL(p[2 * PAGE + 1], 0x33);
}

static void protect_errors(void)
{
    unsigned char *p = pages(3, MAP_PRIVATE);

    FAILS(syscall(SYS_mprotect, p + 1, PAGE, PROT_READ), EINVAL);
    CHECK(mprotect(p, 0, PROT_READ) == 0);
    WORKS(fault_write(p));
    CHECK(munmap(p + PAGE, PAGE) == 0);
    FAILS(mprotect(p, 3 * PAGE, PROT_READ), ENOMEM);
    FAULTS(fault_write(p), SIGSEGV, SEGV_ACCERR, p);
    WORKS(fault_write(p + 2 * PAGE));
    FAILS(mprotect(p + PAGE, PAGE, PROT_READ), ENOMEM);
    FAILS(mprotect(KERNEL_HALF, PAGE, PROT_READ), ENOMEM);
}

static void unmap_hole(void)
{
    unsigned char *p = pages(5, MAP_PRIVATE);

    memset(p, 0x44, 5 * PAGE);
    CHECK(munmap(p + PAGE, 2 * PAGE) == 0);
    EQUAL(p[PAGE - 1], 0x44);
    EQUAL(p[3 * PAGE], 0x44);
    FAULTS(fault_read(p + PAGE), SIGSEGV, SEGV_MAPERR, p + PAGE);
    FAULTS(fault_write(p + 3 * PAGE - 1), SIGSEGV, SEGV_MAPERR,
           p + 3 * PAGE - 1);
    CHECK(munmap(p, 5 * PAGE) == 0);
    FAULTS(fault_read(p), SIGSEGV, SEGV_MAPERR, p);
    CHECK(munmap(p, 5 * PAGE) == 0);
}

static void unmap_errors(void)
{
    unsigned char *p = pages(2, MAP_PRIVATE);

    FAILS(munmap(p, 0), EINVAL);
    FAILS(munmap(p + 1, PAGE), EINVAL);
    FAILS(munmap(KERNEL_HALF, PAGE), EINVAL);
    FAILS(munmap(NON_CANONICAL, PAGE), EINVAL);
    FAILS(munmap(p, SIZE_MAX - PAGE), EINVAL);
    WORKS(fault_write(p));
    CHECK(munmap(p, 1) == 0);
    FAULTS(fault_read(p), SIGSEGV, SEGV_MAPERR, p);
    WORKS(fault_write(p + PAGE));
}

static void fixed_over(void)
{
    unsigned char *p = pages(4, MAP_PRIVATE), *q;

    memset(p, 0x55, 4 * PAGE);
    q = mmap(p + PAGE, 2 * PAGE, PROT_READ,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    EQUAL(q, p + PAGE);
    CHECK(all(q, 2 * PAGE, 0));
    FAULTS(fault_write(q), SIGSEGV, SEGV_ACCERR, q);
    EQUAL(p[PAGE - 1], 0x55);
    EQUAL(p[3 * PAGE], 0x55);
}

static void fixed_noreplace(void)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    unsigned char *p = pages(4, MAP_PRIVATE);

    p[PAGE] = 1;
    FAILS((intptr_t)mmap(p + PAGE, PAGE, RW, flags, -1, 0), EEXIST);
    FAILS((intptr_t)mmap(p, 4 * PAGE, RW, flags, -1, 0), EEXIST);
    EQUAL(p[PAGE], 1);
    CHECK(munmap(p + 2 * PAGE, PAGE) == 0);
    FAILS((intptr_t)mmap(p + PAGE, 2 * PAGE, RW, flags, -1, 0), EEXIST);
    EQUAL(mmap(p + 2 * PAGE, PAGE, RW, flags, -1, 0), p + 2 * PAGE);
    EQUAL(p[2 * PAGE], 0);
}

static void hint_is_honoured(void)
{
    unsigned char *p = pages(8, MAP_PRIVATE), *q;

    CHECK(munmap(p + 2 * PAGE, 4 * PAGE) == 0);
    q = mmap(p + 3 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EQUAL(q, p + 3 * PAGE);
    q = mmap(p, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(q != MAP_FAILED && q != p);
}

static void map_errors(void)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    unsigned char *p = pages(1, MAP_PRIVATE);

    FAILS((intptr_t)mmap(NULL, 0, RW, flags, -1, 0), EINVAL);
    FAILS((intptr_t)mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0), EINVAL);
    FAILS((intptr_t)mmap(p + 1, PAGE, RW, flags | MAP_FIXED, -1, 0), EINVAL);
    FAILS((intptr_t)mmap(NULL, SIZE_MAX, RW, flags, -1, 0), ENOMEM);
    FAILS((intptr_t)mmap(NULL, (size_t)1 << 62, RW, flags, -1, 0), ENOMEM);
    FAILS((intptr_t)mmap(KERNEL_HALF, PAGE, RW, flags | MAP_FIXED, -1, 0),
          ENOMEM);
    FAILS((intptr_t)mmap(NULL, PAGE, RW, MAP_PRIVATE, 99, 0), EBADF);
    FAILS((intptr_t)mmap(NULL, PAGE, RW, MAP_PRIVATE, -1, 0), EBADF);
    WORKS(fault_write(p));
}

static void dontneed_private(void)
{
    unsigned char *p = pages(4, MAP_PRIVATE);

    memset(p, 0x66, 4 * PAGE);
    CHECK(madvise(p + PAGE, 2 * PAGE, MADV_DONTNEED) == 0);
    EQUAL(p[PAGE - 1], 0x66);
    CHECK(all(p + PAGE, 2 * PAGE, 0));
    EQUAL(p[3 * PAGE], 0x66);
    p[PAGE] = 1;
    EQUAL(p[PAGE], 1);
}

static void dontneed_shared(void)
{
    unsigned char *p = pages(2, MAP_SHARED);

    memset(p, 0x67, 2 * PAGE);
    CHECK(madvise(p, 2 * PAGE, MADV_DONTNEED) == 0);
    CHECK(all(p, 2 * PAGE, 0x67));
}

static void advice_errors(void)
{
    unsigned char *p = pages(3, MAP_PRIVATE);

    memset(p, 0x68, 3 * PAGE);
    FAILS(madvise(p + 1, PAGE, MADV_DONTNEED), EINVAL);
    FAILS(madvise(p, PAGE, 12345), EINVAL);
    CHECK(madvise(p, 0, MADV_DONTNEED) == 0);
    CHECK(munmap(p + PAGE, PAGE) == 0);
    FAILS(madvise(p, 3 * PAGE, MADV_DONTNEED), ENOMEM);
    EQUAL(p[0], 0);
    EQUAL(p[2 * PAGE], 0);
    FAILS(madvise(p, SIZE_MAX - PAGE, MADV_DONTNEED), EINVAL);
}

static unsigned char *set_brk(unsigned char *to)
{
    return (unsigned char *)syscall(SYS_brk, to);
}

static void brk_up_and_down(void)
{
    unsigned char *old = set_brk(NULL), *p;

    p = (unsigned char *)(((uintptr_t)old + 2 * PAGE) / PAGE * PAGE);
    EQUAL(set_brk(p + 8 * PAGE), p + 8 * PAGE);
    CHECK(all(p, 8 * PAGE, 0));
    memset(p, 0x77, 8 * PAGE);
    EQUAL(set_brk(p + 4 * PAGE), p + 4 * PAGE);
    FAULTS(fault_read(p + 4 * PAGE), SIGSEGV, SEGV_MAPERR, p + 4 * PAGE);
    EQUAL(p[4 * PAGE - 1], 0x77);
    EQUAL(set_brk(p + 8 * PAGE), p + 8 * PAGE);
    CHECK(all(p + 4 * PAGE, 4 * PAGE, 0));
    EQUAL(set_brk(p + 5 * PAGE + 1), p + 5 * PAGE + 1);
    WORKS(fault_write(p + 6 * PAGE - 1));
    FAULTS(fault_write(p + 6 * PAGE), SIGSEGV, SEGV_MAPERR, p + 6 * PAGE);
    EQUAL(set_brk(KERNEL_HALF), p + 5 * PAGE + 1);
    EQUAL(set_brk((unsigned char *)1), p + 5 * PAGE + 1);
}

static void brk_meets_mapping(void)
{
    unsigned char *old = set_brk(NULL), *p;

    p = (unsigned char *)(((uintptr_t)old + 64 * PAGE) / PAGE * PAGE);
    EQUAL(mmap(p, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), p);
    EQUAL(set_brk(p + 16 * PAGE), old);
    EQUAL(set_brk(old + PAGE), old + PAGE);
}

static void null_pointer(void)
{
    volatile uintptr_t nothing = 0;

    FAULTS(fault_read((void *)nothing), SIGSEGV, SEGV_MAPERR, 0);
    FAULTS(fault_write((void *)(nothing + 8)), SIGSEGV, SEGV_MAPERR, 8);
    FAULTS(fault_jump((void *)nothing), SIGSEGV, SEGV_MAPERR, 0);
}

static void jump_not_executable(void)
{
    unsigned char *p = pages(2, MAP_PRIVATE);

    put_code(p + 16);
    FAULTS(fault_jump(p + 16), SIGSEGV, SEGV_ACCERR, p + 16);
    FAULTS(fault_jump(p + PAGE), SIGSEGV, SEGV_ACCERR, p + PAGE);
    CHECK(mprotect(p, PAGE, RX) == 0);
    WORKS(fault_jump(p + 16));
    CHECK(mprotect(p, PAGE, PROT_READ) == 0);
    FAULTS(fault_jump(p + 16), SIGSEGV, SEGV_ACCERR, p + 16);
    CHECK(munmap(p, PAGE) == 0);
    FAULTS(fault_jump(p + 16), SIGSEGV, SEGV_MAPERR, p + 16);
}

static void write_to_code(void)
{
    unsigned char *code = (unsigned char *)(uintptr_t)write_to_code;
    unsigned char byte = *code;

    FAULTS(fault_write(code), SIGSEGV, SEGV_ACCERR, code);
    EQUAL(*code, byte);
}

static void kernel_half(void)
{
    static const uintptr_t offsets[] = { 0, 0x1000, 0x100000, 0x7ffff000 };
    size_t i;

    for (i = 0; i < 4; i++) {
        unsigned char *p = KERNEL_HALF + offsets[i];

        FAULTS(fault_read(p), SIGSEGV, SEGV_MAPERR, p);
        FAULTS(fault_write(p), SIGSEGV, SEGV_MAPERR, p);
    }
    FAULTS(fault_jump(KERNEL_HALF), SIGSEGV, SEGV_MAPERR, KERNEL_HALF);
}

/* x86-64 does not tell the address: a general-protection exception. */
static void non_canonical(void)
{
#if defined(__x86_64__)
    FAULTS(fault_read(NON_CANONICAL), SIGSEGV, SI_KERNEL, 0);
    FAULTS(fault_write(NON_CANONICAL), SIGSEGV, SI_KERNEL, 0);
    FAULTS(fault_jump(NON_CANONICAL), SIGSEGV, SI_KERNEL, 0);
#else
    FAULTS(fault_read(NON_CANONICAL), SIGSEGV, SEGV_MAPERR, NON_CANONICAL);
    FAULTS(fault_write(NON_CANONICAL), SIGSEGV, SEGV_MAPERR, NON_CANONICAL);
#endif
}

static void straddle(void)
{
    unsigned char *p = pages(3, MAP_PRIVATE), *edge = p + PAGE;

    WORKS(fault_write8(edge - 3));
    EQUAL(edge[-3], 0x5a);
    EQUAL(edge[4], 0x5a);
    EQUAL(edge[5], 0);
    CHECK(mprotect(edge, PAGE, PROT_READ) == 0);
    WORKS(fault_read8(edge - 3));
    FAULTS(fault_write8(edge - 3), SIGSEGV, SEGV_ACCERR, edge);
    CHECK(munmap(edge, PAGE) == 0);
    FAULTS(fault_read8(edge - 3), SIGSEGV, SEGV_MAPERR, edge);
    FAULTS(fault_write8(edge + PAGE - 3), SIGSEGV, SEGV_MAPERR,
           edge + PAGE - 3);
}

static void many_mappings(void)
{
    enum { N = 200 };
    unsigned char *p =
        mmap(NULL, 2 * N * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t i;

    CHECK(p != MAP_FAILED);
    for (i = 0; i < N; i++)
        CHECK(mprotect(p + 2 * i * PAGE, PAGE, RW) == 0);
    for (i = 0; i < N; i++)
        p[2 * i * PAGE] = (unsigned char)i;
    for (i = 0; i < N; i++)
        EQUAL(p[2 * i * PAGE], i);
    FAULTS(fault_read(p + PAGE), SIGSEGV, SEGV_ACCERR, p + PAGE);
    CHECK(mprotect(p, 2 * N * PAGE, RW) == 0);
    for (i = 0; i < N; i++)
        EQUAL(p[2 * i * PAGE] + p[(2 * i + 1) * PAGE], i);
}

static const struct kit_case cases[] = {
    CASE(zero_pages),
    CASE(read_then_write),
    CASE(zero_page_stays_zero),
    CASE(eight_mebibytes),
    CASE(sparse),
    CASE(shared_with_child),
    CASE(protect_ladder),
    CASE(protect_untouched),
    CASE(protect_middle),
    CASE(protect_errors),
    CASE(unmap_hole),
    CASE(unmap_errors),
    CASE(fixed_over),
    CASE(fixed_noreplace),
    CASE(hint_is_honoured),
    CASE(map_errors),
    CASE(dontneed_private),
    CASE(dontneed_shared),
    CASE(advice_errors),
    CASE(brk_up_and_down),
    CASE(brk_meets_mapping),
    CASE(null_pointer),
    CASE(jump_not_executable),
    CASE(write_to_code),
    CASE(kernel_half),
    CASE(non_canonical),
    CASE(straddle),
    CASE(many_mappings),
};
KIT_MAIN(cases)
