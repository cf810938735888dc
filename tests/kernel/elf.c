/*
 * elf.c: from an ELF file to areas of a space.
 *
 * Nothing of the file is read but its headers: segments are private mappings of
 * the file's object, so pages come when they are touched and the page cache
 * shares them among all processes.
 *
 * The file is not trusted: every sum is checked before it is made, and whatever
 * is not a plain program is refused.
 *
 * System V ABI, gABI 4.1, chapters 4 and 5.
 */
#include "elf.h"

#include "arch.h"

enum {
    TYPE_EXEC = 2,
    TYPE_DYN = 3,
    SEGMENT_LOAD = 1,
    SEGMENT_INTERPRETER = 3,
    SEGMENT_HEADERS = 6,
    FLAG_EXEC = 1,
    FLAG_WRITE = 2,
    FLAG_READ = 4,
};
#define SEGMENT_STACK 0x6474e551u

/* Nothing is mapped below: a null pointer with an offset must fault. */
#define LOWEST ((lp_va)0x10000)
/* Most headers that are looked at: those of a page. */
#define SEGMENTS_MAX (PAGE_SIZE / sizeof(struct segment))

struct header {
    unsigned char ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct segment {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

_Static_assert(sizeof(struct header) == ELF_HEADER_LEN &&
                   sizeof(struct segment) == ELF_SEGMENT_LEN,
               "the file's layout");

/* A program being loaded. */
struct load {
    struct lp_object *object;
    struct lp_space *space;
    struct header header;
    struct segment *segment; /* header.phnum of them */
    lp_va bias;              /* what is added to the file's addresses */
    lp_va limit;
};

/* --- reading --- */

static int read_exactly(struct lp_object *object, uint64_t offset, void *to,
                        size_t len)
{
    int64_t n = lp_object_read(object, offset, to, len);

    if (n < 0)
        return (int)n;
    return (size_t)n == len ? 0 : -ENOEXEC;
}

static int check_header(const struct header *h)
{
    static const unsigned char ident[] = {
        0x7f, 'E', 'L', 'F', 2 /* 64 bits */, 1 /* little-endian */, 1
    };

    if (memcmp(h->ident, ident, sizeof(ident)) != 0 ||
        (h->type != TYPE_EXEC && h->type != TYPE_DYN) ||
        h->machine != ARCH_ELF_MACHINE ||
        h->phentsize != sizeof(struct segment) || h->phnum == 0 ||
        h->phnum > SEGMENTS_MAX)
        return -ENOEXEC;
    return 0;
}

static int read_headers(struct load *load)
{
    struct header *h = &load->header;
    int error = read_exactly(load->object, 0, h, sizeof(*h));

    if (!error)
        error = check_header(h);
    if (error)
        return error;
    load->segment = kmalloc(h->phnum * sizeof(struct segment));
    if (!load->segment)
        return -ENOMEM;
    return read_exactly(load->object, h->phoff, load->segment,
                        h->phnum * sizeof(struct segment));
}

/* --- judging --- */

static bool power_of_two(uint64_t x)
{
    return (x & (x - 1)) == 0;
}

/* Of one segment by itself; `last` is where the one before it ended. */
static bool segment_fine(const struct segment *s, uint64_t size, uint64_t last)
{
    if (s->filesz > s->memsz || s->vaddr < last ||
        s->memsz > UINT64_MAX - s->vaddr || !power_of_two(s->align))
        return false;
    return s->filesz == 0 ||
           (s->filesz <= size && s->offset <= size - s->filesz &&
            ((s->offset ^ s->vaddr) & LP_PAGE_MASK) == 0);
}

/*
 * Loadable segments are in ascending order (gABI 5) and do not overlap; then
 * [*first, *end) holds them all and *align is the largest alignment.
 */
static int judge(const struct load *load, lp_va *first, lp_va *end,
                 uint64_t *align)
{
    uint64_t size = lp_object_size(load->object);
    const struct segment *s;

    *first = UINT64_MAX;
    *end = 0;
    *align = PAGE_SIZE;
    for (s = load->segment; s < load->segment + load->header.phnum; s++) {
        if (s->type == SEGMENT_INTERPRETER)
            return -ENOEXEC;
        if (s->type != SEGMENT_LOAD || (s->memsz == 0 && s->filesz == 0))
            continue;
        if (!segment_fine(s, size, *end))
            return -ENOEXEC;
        if (*first == UINT64_MAX)
            *first = s->vaddr;
        *end = s->vaddr + s->memsz;
        if (s->align > *align)
            *align = s->align;
    }
    return *end ? 0 : -ENOEXEC;
}

static int choose_bias(struct load *load)
{
    lp_va first, end, start;
    uint64_t align;
    int error = judge(load, &first, &end, &align);

    if (error)
        return error;
    if (load->header.type == TYPE_EXEC)
        return first >= LOWEST && end <= load->limit ? 0 : -ENOEXEC;
    first = round_down(first, align);
    start = round_down(load->limit / 3 * 2, align);
    if (start < LOWEST || end - first > load->limit - start)
        return -ENOEXEC;
    load->bias = start - first;
    return 0;
}

/* --- mapping --- */

static unsigned access_of(const struct segment *s)
{
    return (s->flags & FLAG_READ ? LP_READ : 0u) |
           (s->flags & FLAG_WRITE ? LP_WRITE : 0u) |
           (s->flags & FLAG_EXEC ? LP_EXEC : 0u);
}

static int map(const struct load *load, lp_va start, lp_va end, unsigned access,
               struct lp_object *object, uint64_t offset)
{
    unsigned flags = LP_MAP_PRIVATE | LP_MAP_FIXED;
    int64_t result;

    if (start >= end)
        return 0;
    if (!object)
        flags |= LP_MAP_ANONYMOUS;
    result =
        lp_mmap(load->space, start, end - start, access, flags, object, offset);
    return result < 0 ? (int)result : 0;
}

/*
 * A segment: pages of the file, then pages of zeroes.
 *
 *     |......####|##########|####0000|00000000|000.....|
 *      page  start           file_end                end
 *                                    edge
 *
 * The rest of the page that holds the file's last byte is zeroed by hand.  A
 * segment with nothing from the file may begin in a page of the segment before
 * it (`mapped` is where that one's pages end): the page stays.
 */
static int map_segment(const struct load *load, const struct segment *s,
                       lp_va *mapped)
{
    lp_va start = s->vaddr + load->bias, page = round_down(start, PAGE_SIZE);
    lp_va file_end = start + s->filesz, end = start + s->memsz;
    lp_va edge = s->filesz ? round_up(file_end, PAGE_SIZE) : page;
    int error = 0;

    if (s->filesz)
        error = map(load, page, edge, access_of(s), load->object,
                    round_down(s->offset, PAGE_SIZE));
    else if (*mapped > edge)
        edge = *mapped;
    if (!error && file_end < end && file_end < edge) {
        lp_va zero_end = end < edge ? end : edge;

        (void)lp_zero_user(load->space, file_end, zero_end - file_end, &error);
        if (error == -LP_EFAULT)
            error = -ENOEXEC; /* zeroes in a segment that is not writable */
    }
    if (!error)
        error =
            map(load, edge, round_up(end, PAGE_SIZE), access_of(s), NULL, 0);
    *mapped = round_up(end, PAGE_SIZE);
    return error;
}

static int map_segments(const struct load *load)
{
    const struct segment *s;
    lp_va mapped = 0;
    int error = 0;

    for (s = load->segment; s < load->segment + load->header.phnum; s++) {
        if (s->type != SEGMENT_LOAD || s->memsz == 0)
            continue;
        error = map_segment(load, s, &mapped);
        if (error)
            break;
    }
    return error;
}

/* --- telling --- */

/* Are the program headers in this segment's part of the file? */
static bool holds_headers(const struct segment *s, const struct header *h)
{
    uint64_t len = h->phnum * sizeof(struct segment);

    return s->type == SEGMENT_LOAD && h->phoff >= s->offset &&
           s->filesz >= len && h->phoff - s->offset <= s->filesz - len;
}

static int describe(const struct load *load, struct elf_program *program)
{
    const struct header *h = &load->header;
    const struct segment *s;

    memset(program, 0, sizeof(*program));
    program->entry = h->entry + load->bias;
    program->nheaders = h->phnum;
    for (s = load->segment; s < load->segment + h->phnum; s++) {
        if (s->type == SEGMENT_STACK)
            program->executable_stack = s->flags & FLAG_EXEC;
        if (s->type == SEGMENT_LOAD && s->memsz)
            program->end = s->vaddr + s->memsz + load->bias;
        if (holds_headers(s, h))
            program->headers = s->vaddr + (h->phoff - s->offset) + load->bias;
    }
    /* What is not an address at all must not reach the CPU's registers. */
    return program->entry < load->limit ? 0 : -ENOEXEC;
}

int elf_load(struct lp_object *object, struct lp_space *space, lp_va limit,
             struct elf_program *program)
{
    struct load load = { .object = object, .space = space, .limit = limit };
    int error = read_headers(&load);

    if (!error)
        error = choose_bias(&load);
    if (!error)
        error = map_segments(&load);
    if (!error)
        error = describe(&load, program);
    kfree(load.segment);
    return error;
}
