/*
 * demo_members.c: what the members of the family do, and what they should
 * find.
 */
#include "demo_family.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The heap's address; the pager chooses those of the files. */
#define HEAP_START ((lp_va)0x10000000)

enum { FRAMES = 4096 };

unsigned char *demo_expected(struct demo_family *f, enum demo_who who,
                             enum demo_where area, unsigned page)
{
    if (area == SHARED)
        return f->shared[page];
    return f->member[who].own[area == HEAP ? page : HEAP_PAGES + page];
}

size_t demo_page_bytes(const struct demo_family *f, enum demo_where area,
                       unsigned page)
{
    uint64_t left = f->file->size - (uint64_t)page * LP_PAGE_SIZE;

    return area == HEAP || left > LP_PAGE_SIZE ? LP_PAGE_SIZE : (size_t)left;
}

lp_va demo_page_va(const struct demo_family *f, enum demo_where area,
                   unsigned page)
{
    return f->start[area] + (lp_va)page * LP_PAGE_SIZE;
}

static void at_page(const struct demo_family *f, enum demo_who who,
                    enum demo_where area, unsigned page, char *text,
                    size_t room)
{
    static const char *const names[] = { "heap", "private", "shared" };

    snprintf(text, room, "%s, %s page %u", f->member[who].name, names[area],
             page);
}

void demo_member_write(struct demo_family *f, enum demo_who who,
                       enum demo_where area, unsigned page)
{
    size_t room = demo_page_bytes(f, area, page);
    char text[64], what[80];
    size_t len;

    snprintf(text, sizeof text, "%s in step %u", f->member[who].name, f->step);
    len = strlen(text) < room ? strlen(text) : room;
    at_page(f, who, area, page, what, sizeof what);
    demo_run(f->d, who, f->member[who].space);
    demo_equal(f->d,
               lp_host_store(f->d->m, demo_page_va(f, area, page), text, len),
               LP_HOST_OK, what);
    memcpy(demo_expected(f, who, area, page), text, len);
}

void demo_member_read(struct demo_family *f, enum demo_who who,
                      enum demo_where area, unsigned page)
{
    unsigned char got[LP_PAGE_SIZE];
    char what[80];

    at_page(f, who, area, page, what, sizeof what);
    demo_run(f->d, who, f->member[who].space);
    memset(got, 0xee, sizeof got);
    demo_equal(
        f->d,
        lp_host_load(f->d->m, demo_page_va(f, area, page), got, sizeof got),
        LP_HOST_OK, what);
    demo_bytes(f->d, got, demo_expected(f, who, area, page), sizeof got, what,
               0);
}

void demo_member_fork(struct demo_family *f, enum demo_who parent,
                      enum demo_who child)
{
    struct demo_member *from = &f->member[parent], *to = &f->member[child];

    demo_must(f->d, lp_fork(from->space, &to->space), "lp_fork");
    memcpy(to->own, from->own, sizeof to->own);
    memcpy(to->npages, from->npages, sizeof to->npages);
}

void demo_member_exit(struct demo_family *f, enum demo_who who)
{
    demo_exit(f->d, f->member[who].space);
    f->member[who].space = NULL;
}

lp_pa demo_page_frame(struct demo_family *f, enum demo_who who,
                      enum demo_where area, unsigned page)
{
    struct lp_page_info info;

    if (!f->member[who].space ||
        lp_query(f->member[who].space, demo_page_va(f, area, page), &info))
        return LP_PA_NONE;
    return info.frame;
}

/* One page of one member, looked at from outside. */
static void verify_page(struct demo_family *f, enum demo_who who,
                        enum demo_where area, unsigned page)
{
    lp_pa frame = demo_page_frame(f, who, area, page), other;
    enum demo_who w;
    char what[80];

    if (frame == LP_PA_NONE)
        return;
    at_page(f, who, area, page, what, sizeof what);
    demo_bytes(f->d, lp_host_memory(f->d->m, frame),
               demo_expected(f, who, area, page), LP_PAGE_SIZE, what, 0);
    if (area != SHARED)
        return;
    for (w = PARENT; w < who; w++) {
        other = demo_page_frame(f, w, area, page);
        if (other != LP_PA_NONE)
            demo_equal(f->d, frame, other, "frame of a shared page");
    }
}

void demo_family_verify(struct demo_family *f)
{
    enum demo_who who;
    enum demo_where area;
    unsigned page;

    for (who = PARENT; who < MEMBERS; who++)
        for (area = HEAP; area < AREAS && f->member[who].space; area++)
            for (page = 0; page < f->member[who].npages[area]; page++)
                verify_page(f, who, area, page);
    demo_sound(f->d);
}

int demo_temp(char *path, size_t room)
{
    const char *directory = getenv("TMPDIR");
    size_t n;

    if (!directory || !*directory)
        directory = "/tmp";
    n = (size_t)snprintf(path, room, "%s/lazypager-demo-XXXXXX", directory);
    if (n < room)
        return mkstemp(path);
    errno = ENAMETOOLONG;
    return -1;
}

/* A copy of the file's first pages, open as `temp`. */
static bool make_temp(struct demo_family *f, char *path, size_t room)
{
    unsigned page;
    size_t len;

    f->temp = demo_temp(path, room);
    if (f->temp < 0)
        return false;
    for (page = 0; page < f->member[PARENT].npages[SHARED]; page++) {
        len = demo_page_bytes(f, SHARED, page);
        if (pwrite(f->temp, f->shared[page], len,
                   (off_t)(page * LP_PAGE_SIZE)) != (ssize_t)len)
            return false;
    }
    return true;
}

/* Both objects; the temporary file loses its name as soon as it is open. */
static bool open_objects(struct demo_family *f)
{
    char path[4096] = "";
    int error;

    if (!make_temp(f, path, sizeof path)) {
        demo_check(f->d, false, "cannot write a temporary file %s: %s", path,
                   strerror(errno));
        if (f->temp >= 0) {
            unlink(path);
            close(f->temp);
        }
        return false;
    }
    error = lp_host_file_open(f->d->m, f->d->pager, path, LP_HOST_FILE_WRITE,
                              &f->temp_object);
    unlink(path);
    demo_must(f->d, error, "the temporary file");
    demo_must(f->d,
              lp_host_file_open(f->d->m, f->d->pager, f->file->path,
                                LP_HOST_FILE_READ, &f->file_object),
              f->file->path);
    return true;
}

void demo_family_map(struct demo_family *f)
{
    struct demo_member *parent = &f->member[PARENT];
    unsigned access = LP_READ | LP_WRITE;

    demo_must(f->d, lp_space_create(f->d->pager, &parent->space),
              "lp_space_create");
    f->start[HEAP] = (lp_va)demo_must(
        f->d,
        lp_mmap(parent->space, HEAP_START, HEAP_BEFORE * LP_PAGE_SIZE, access,
                LP_MAP_PRIVATE | LP_MAP_ANONYMOUS | LP_MAP_FIXED_NOREPLACE,
                NULL, 0),
        "the heap");
    f->start[PRIVATE] = (lp_va)demo_must(
        f->d,
        lp_mmap(parent->space, 0, parent->npages[PRIVATE] * LP_PAGE_SIZE,
                access, LP_MAP_PRIVATE, f->file_object, 0),
        "the private mapping");
    f->start[SHARED] = (lp_va)demo_must(
        f->d,
        lp_mmap(parent->space, 0, parent->npages[SHARED] * LP_PAGE_SIZE, access,
                LP_MAP_SHARED, f->temp_object, 0),
        "the shared mapping");
}

static unsigned at_most(uint64_t n, unsigned most)
{
    return n < most ? (unsigned)n : most;
}

bool demo_family_begin(struct demo_family *f)
{
    static const char *const names[] = { "parent", "child 1", "child 2",
                                         "grandchild" };
    struct demo_member *parent = &f->member[PARENT];
    uint64_t npages = demo_pages(f->file->size);
    enum demo_who who;

    for (who = PARENT; who < MEMBERS; who++) {
        f->member[who].name = names[who];
        f->member[who].letter = "P12G"[who];
    }
    parent->npages[HEAP] = HEAP_BEFORE;
    parent->npages[PRIVATE] = at_most(npages, PRIVATE_PAGES);
    parent->npages[SHARED] = at_most(npages, SHARED_PAGES);
    demo_pread(f->d, f->file->fd, 0, parent->own[HEAP_PAGES],
               parent->npages[PRIVATE] * LP_PAGE_SIZE);
    demo_pread(f->d, f->file->fd, 0, f->shared,
               parent->npages[SHARED] * LP_PAGE_SIZE);
    if (!demo_machine_open(f->d, FRAMES, LP_HOST_CHECK_ALWAYS))
        return false;
    if (!open_objects(f)) {
        demo_machine_close(f->d);
        return false;
    }
    return true;
}

void demo_family_end(struct demo_family *f)
{
    lp_object_put(f->file_object);
    lp_object_put(f->temp_object);
    close(f->temp);
    demo_machine_close(f->d);
}
