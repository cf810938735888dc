/*
 * hostile.c: programs whose headers lie. execve must refuse them, or the
 * process must die; the kernel and its other processes must live.
 *
 * What becomes of each is not printed: the kernel is free to be stricter or
 * less strict than Linux. A seed makes the mutants repeatable.
 */
#include "kit.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { MUTANTS = 400 };

static uint64_t state = 0x9e3779b97f4a7c15;

static uint64_t random_number(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* A small valid program: one segment, whose code ends it with status 7. */
struct image {
    Elf64_Ehdr header;
    Elf64_Phdr segment[3];
    unsigned char code[64];
};

static const unsigned char code[] = {
#if defined(__x86_64__)
    0xb8, 60,   0,    0,    0, /* mov $60, %eax: exit */
    0xbf, 7,    0,    0,    0, /* mov $7, %edi */
    0x0f, 0x05, 0x0f, 0x0b,
#else
    0x93, 0x08, 0xd0, 0x05, /* li a7, 93: exit */
    0x13, 0x05, 0x70, 0x00, /* li a0, 7 */
    0x73, 0x00, 0x00, 0x00, /* ecall */
    0x00, 0x00, 0x00, 0x00,
#endif
};

static struct image valid(void)
{
    enum { BASE = 0x400000 };
    struct image image = { 0 };

    memcpy(image.header.e_ident, ELFMAG, SELFMAG);
    image.header.e_ident[EI_CLASS] = ELFCLASS64;
    image.header.e_ident[EI_DATA] = ELFDATA2LSB;
    image.header.e_ident[EI_VERSION] = EV_CURRENT;
    image.header.e_type = ET_EXEC;
#if defined(__x86_64__)
    image.header.e_machine = EM_X86_64;
#else
    image.header.e_machine = EM_RISCV;
    image.header.e_flags = 5; /* compressed code, double floats */
#endif
    image.header.e_version = EV_CURRENT;
    image.header.e_entry = BASE + offsetof(struct image, code);
    image.header.e_phoff = offsetof(struct image, segment);
    image.header.e_ehsize = sizeof(Elf64_Ehdr);
    image.header.e_phentsize = sizeof(Elf64_Phdr);
    image.header.e_phnum = 1;
    image.segment[0] = (Elf64_Phdr){
        .p_type = PT_LOAD,
        .p_flags = PF_R | PF_X,
        .p_vaddr = BASE,
        .p_paddr = BASE,
        .p_filesz = sizeof(image),
        .p_memsz = sizeof(image),
        .p_align = PAGE,
    };
    memcpy(image.code, code, sizeof(code));
    return image;
}

/* Write it, run it; the wait status, or -errno of execve. */
static int run(const void *image, size_t len)
{
    _Atomic int *error = (_Atomic int *)(void *)pages(1, MAP_SHARED);
    char *argv[] = { (char *)(uintptr_t) "mutant", NULL }, *envp[] = { NULL };
    int status, result;
    pid_t child;

    unlink("mutant");
    CHECK(close(make_file("mutant", image, len)) == 0);
    CHECK(chmod("mutant", 0755) == 0);
    child = start();
    if (child == 0) {
        struct rlimit limit = { 2, 2 };

        setrlimit(RLIMIT_CPU, &limit);
        execve("mutant", argv, envp);
        *error = errno;
        _exit(99);
    }
    status = finish(child);
    result = *error ? -*error : status;
    CHECK(munmap((void *)(uintptr_t)error, PAGE) == 0);
    return result;
}

static void unchanged(void)
{
    struct image image = valid();

    fresh_directory();
    EQUAL(run(&image, sizeof(image)), 7 << 8);
}

/* Wrong in one way, with Linux's answer. */
static void wrong(size_t offset, size_t len, uint64_t value, int want)
{
    struct image image = valid();

    memcpy((char *)&image + offset, &value, len);
    EQUAL(run(&image, sizeof(image)), want);
}
#define WRONG(member, value, want)        \
    wrong(offsetof(struct image, member), \
          sizeof(((struct image *)NULL)->member), value, want)

static void header_fields(void)
{
    fresh_directory();
    WRONG(header.e_ident[0], 'x', -ENOEXEC);
    WRONG(header.e_type, ET_REL, -ENOEXEC);
    WRONG(header.e_type, ET_CORE, -ENOEXEC);
    WRONG(header.e_machine, EM_AARCH64, -ENOEXEC);
    WRONG(header.e_phentsize, 32, -ENOEXEC);
    WRONG(header.e_phnum, 0, -ENOEXEC);
    WRONG(header.e_phoff, 0x7fffffffffffff00, -ENOEXEC);
}

/* Segments where none may be: refused or killed, never run. */
static void segment_fields(void)
{
    static const struct {
        size_t offset;
        uint64_t value;
    } lies[] = {
        { offsetof(struct image, header.e_entry), 0 },
        { offsetof(struct image, header.e_entry), (uint64_t)-PAGE },
        { offsetof(struct image, header.e_entry), 1ull << 62 },
        { offsetof(struct image, segment[0].p_vaddr), (uint64_t)-PAGE },
        { offsetof(struct image, segment[0].p_vaddr), 1ull << 62 },
        { offsetof(struct image, segment[0].p_vaddr), 0x7ffffffff000 },
        { offsetof(struct image, segment[0].p_memsz), (uint64_t)-1 },
        { offsetof(struct image, segment[0].p_memsz), 1ull << 60 },
        { offsetof(struct image, segment[0].p_filesz), (uint64_t)-1 },
        { offsetof(struct image, segment[0].p_offset), (uint64_t)-1 },
        { offsetof(struct image, segment[0].p_offset), (uint64_t)-PAGE },
        { offsetof(struct image, segment[0].p_vaddr), 0x400010 },
    };
    size_t i;

    fresh_directory();
    for (i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
        struct image image = valid();

        memcpy((char *)&image + lies[i].offset, &lies[i].value, 8);
        CHECK(run(&image, sizeof(image)) != 7 << 8);
    }
}

static void cut_short(void)
{
    struct image image = valid();
    size_t len;

    fresh_directory();
    for (len = 0; len < offsetof(struct image, segment[1]); len += 7)
        CHECK(run(&image, len) != 7 << 8);
}

/* A file that ends before the page that its segment promises: refused, or a
 * bus error where that page is reached. */
static void promised_page(void)
{
    struct image image = valid();
    int result;

    fresh_directory();
    image.segment[0].p_filesz = image.segment[0].p_memsz = 3 * PAGE;
    image.header.e_entry = 0x400000 + 2 * PAGE;
    result = run(&image, sizeof(image));
    CHECK(result == -ENOEXEC || (result & 0x7f) == SIGBUS);
}

/* Overlapping segments, the second of them on top of the code. */
static void overlapping(void)
{
    struct image image = valid();

    fresh_directory();
    image.header.e_phnum = 2;
    image.segment[1] = image.segment[0];
    image.segment[1].p_flags = PF_R | PF_W;
    image.segment[1].p_filesz = 0;
    CHECK(run(&image, sizeof(image)) != 7 << 8);
}

/* Fields overwritten at random with numbers that hurt. */
static void mutants(void)
{
    static const uint64_t evil[] = {
        0,
        1,
        7,
        63,
        64,
        4095,
        4096,
        0xffff,
        0x10000,
        0x7fffffff,
        0x80000000,
        0xffffffff,
        0x3fffffffff,
        0x7ffffffff000,
        0x800000000000,
        1ull << 62,
        1ull << 63,
        ~0ull - 4095,
        ~0ull,
    };
    size_t n = sizeof(evil) / sizeof(*evil), i, j;

    fresh_directory();
    for (i = 0; i < MUTANTS; i++) {
        struct image image = valid();
        size_t changes = 1 + random_number() % 3;

        image.header.e_phnum = (uint16_t)(1 + random_number() % 3);
        image.segment[1] = image.segment[2] = image.segment[0];
        image.segment[1].p_vaddr += 0x10000;
        image.segment[2].p_vaddr += 0x20000;
        image.segment[2].p_type = (Elf64_Word)(random_number() % 8);
        for (j = 0; j < changes; j++) {
            size_t offset =
                16 + random_number() % (offsetof(struct image, code) - 24);
            uint64_t value = evil[random_number() % n];

            memcpy((char *)&image + offset / 8 * 8, &value,
                   random_number() % 2 ? 8 : 4);
        }
        run(&image, sizeof(image));
    }
    unchanged();
}

static const struct kit_case cases[] = {
    CASE(unchanged), CASE(header_fields), CASE(segment_fields),
    CASE(cut_short), CASE(promised_page), CASE(overlapping),
    CASE(mutants),
};
KIT_MAIN(cases)
