/*
 * Objects: their functions may sleep, so they are never called with a lock of
 * the library held, whoever it is that needs them.
 */
#include "core_kit.h"

#include "machine.h"
#include "object.h"
#include "unmap.h"

enum { PAGES = 3 };

/* A file, and everybody who could hold a lock when it is called. */
struct file {
    struct ck *ck;
    struct lp_space *space;
    struct lp_object *object;
    unsigned fills, writes, releases;
};

static void expect_no_lock(const struct file *file)
{
    const struct lp_pager *pager = file->ck->pager;

    assert_int_equal(lp_host_this_cpu(file->ck->m)->preempt, 0);
    if (file->space)
        assert_false(lp_locked(&file->space->lock));
    assert_int_equal(atomic_load(&file->object->lock.next),
                     atomic_load(&file->object->lock.serving));
    assert_int_equal(atomic_load(&pager->list_lock.next),
                     atomic_load(&pager->list_lock.serving));
}

static int fill(void *ctx, uint64_t offset, void *page, size_t len)
{
    struct file *file = ctx;

    expect_no_lock(file);
    memset(page, 'a' + (int)(offset / LP_PAGE_SIZE), len);
    file->fills++;
    return 0;
}

static int write(void *ctx, uint64_t offset, const void *page, size_t len)
{
    struct file *file = ctx;

    (void)offset;
    (void)len;
    lp_host_wrote_back(file->ck->m, page);
    expect_no_lock(file);
    file->writes++;
    return 0;
}

static void release(void *ctx)
{
    struct file *file = ctx;

    expect_no_lock(file);
    file->releases++;
}

static const struct lp_object_ops ops = { fill, write, release };

static void create(struct file *file, const char *format)
{
    *file = (struct file){ .ck = ck_create(format) };
    file->space = ck_space(file->ck);
    assert_int_equal(
        lp_object_create(file->ck->pager, &ops, file, PAGES * LP_PAGE_SIZE,
                         LP_OBJECT_READ | LP_OBJECT_WRITE, &file->object),
        0);
    assert_int_equal(lp_mmap(file->space, file->ck->base, PAGES * LP_PAGE_SIZE,
                             CK_RW, LP_MAP_SHARED | LP_MAP_FIXED, file->object,
                             0),
                     file->ck->base);
    ck_run(file->ck, 0, file->space);
}

static void destroy(struct file *file)
{
    struct lp_space *space = file->space;

    file->space = NULL;
    ck_end(file->ck, space);
    assert_int_equal(file->releases, 1);
    ck_destroy(file->ck);
}

/* A fault, read, write, msync, fsync, truncate, and the end of it all. */
static void test_object_functions__called_without_locks(void **state)
{
    unsigned char byte;
    struct file file;
    lp_va va;

    (void)state;
    CK_EACH(format)
    {
        create(&file, format);
        va = file.ck->base;
        assert_int_equal(ck_read(file.ck, va), 'a');
        ck_write(file.ck, va + LP_PAGE_SIZE, 1);
        assert_int_equal(
            lp_msync(file.space, va, PAGES * LP_PAGE_SIZE, LP_MS_SYNC), 0);
        assert_int_equal(file.writes, 1);
        assert_int_equal(
            lp_object_read(file.object, 2 * LP_PAGE_SIZE, &byte, 1), 1);
        assert_int_equal(byte, 'c');
        assert_int_equal(lp_object_write(file.object, 0, &byte, 1), 1);
        assert_int_equal(lp_object_sync(file.object, 0, UINT64_MAX), 0);
        assert_int_equal(file.writes, 2);
        assert_int_equal(lp_object_resize(file.object, 100), 0);
        ck_write(file.ck, va, 2);
        ck_check(file.ck);
        lp_object_put(file.object);
        assert_int_equal(file.releases, 0); /* the area has a reference */
        destroy(&file);
        assert_int_equal(file.fills, PAGES);
        assert_int_equal(file.writes, 3);
    }
}

/* Beyond the user range nothing is mapped: a hole, as any other? */
static void test_object_msync_past_user_range__rest_is_written(void **state)
{
    struct file file;
    lp_va va;

    (void)state;
    CK_EACH(format)
    {
        create(&file, format);
        va = file.ck->base;
        ck_write(file.ck, va + LP_PAGE_SIZE, 1);
        assert_int_equal(lp_msync(file.space, va,
                                  file.ck->f->user_end - va + LP_PAGE_SIZE,
                                  LP_MS_SYNC),
                         -LP_ENOMEM);
        assert_int_equal(file.writes, 1);
        /* What wraps around is not a range. */
        ck_write(file.ck, va + LP_PAGE_SIZE, 2);
        assert_int_equal(lp_msync(file.space, va, UINT64_MAX, LP_MS_SYNC),
                         -LP_ENOMEM);
        assert_int_equal(lp_msync(file.space, va, UINT64_MAX - va, LP_MS_SYNC),
                         -LP_ENOMEM);
        assert_int_equal(file.writes, 1);
        lp_object_put(file.object);
        destroy(&file);
    }
}

/* A disk that refuses what is written to it for a while. */
struct disk {
    struct ck *ck;
    bool broken;
};

static int write_disk(void *ctx, uint64_t offset, const void *page, size_t len)
{
    const struct disk *disk = ctx;

    (void)offset;
    (void)len;
    if (disk->broken)
        return -LP_EIO;
    lp_host_wrote_back(disk->ck->m, page);
    return 0;
}

/* A page of a broken disk, and behind it one of a file: is that written? */
static void test_object_msync_write_refused__others_are_written(void **state)
{
    static const struct lp_object_ops disk_ops = { .write = write_disk };

    (void)state;
    CK_EACH(format)
    {
        struct lp_object *object;
        struct file file;
        struct disk disk;
        lp_va va;

        create(&file, format);
        disk = (struct disk){ file.ck, true };
        va = file.ck->base + PAGES * LP_PAGE_SIZE;
        assert_int_equal(
            lp_object_create(file.ck->pager, &disk_ops, &disk, LP_PAGE_SIZE,
                             LP_OBJECT_READ | LP_OBJECT_WRITE, &object),
            0);
        assert_int_equal(lp_mmap(file.space, va, LP_PAGE_SIZE, CK_RW,
                                 LP_MAP_SHARED | LP_MAP_FIXED, object, 0),
                         va);
        assert_int_equal(lp_mmap(file.space, va + LP_PAGE_SIZE, LP_PAGE_SIZE,
                                 CK_RW, LP_MAP_SHARED | LP_MAP_FIXED,
                                 file.object, 0),
                         va + LP_PAGE_SIZE);
        ck_write(file.ck, va, 1);
        ck_write(file.ck, va + LP_PAGE_SIZE, 2);
        assert_int_equal(lp_msync(file.space, va, 2 * LP_PAGE_SIZE, LP_MS_SYNC),
                         -LP_EIO);
        assert_int_equal(file.writes, 1);
        disk.broken = false;
        lp_object_put(object);
        lp_object_put(file.object);
        destroy(&file);
    }
}

/* munmap gives the last reference back: written and released, unlocked? */
static void test_object_last_reference_by_munmap__written_unlocked(void **state)
{
    struct file file;

    (void)state;
    CK_EACH(format)
    {
        create(&file, format);
        lp_object_put(file.object);
        ck_write(file.ck, file.ck->base, 1);
        assert_int_equal(
            lp_munmap(file.space, file.ck->base, PAGES * LP_PAGE_SIZE), 0);
        assert_int_equal(file.writes, 1);
        assert_int_equal(file.releases, 1);
        destroy(&file);
    }
}

/*
 * Somebody else gives the last reference back between munmap's unlock and its
 * drop of the pages: is all that was stored written by then?
 */
LP_NO_TSA static void test_object_last_reference_during_munmap__dirt_is_known(
    void **state)
{
    struct lp_gather gather;
    struct file file;
    lp_va va, end;

    (void)state;
    CK_EACH(format)
    {
        create(&file, format);
        va = file.ck->base;
        end = va + PAGES * LP_PAGE_SIZE;
        ck_write(file.ck, va, 1);
        lp_gather_init(&gather, file.space);
        lp_space_write_lock(file.space);
        assert_int_equal(lp_unmap_prepare(file.space, va, end, &gather), 0);
        lp_unmap_commit(file.space, va, end, &gather);
        lp_vma_settle(&file.space->vmas);
        lp_gather_flush(&gather);
        lp_space_write_unlock(file.space);
        lp_object_put(file.object);
        assert_int_equal(file.writes, 1);
        assert_int_equal(file.releases, 1);
        lp_gather_free(&gather);
        destroy(&file);
    }
}

/*
 * A parent stores, forks, and drops the tables that it shares now; its page
 * comes back clean, D is in the child's tables: found there, and written once,
 * also when the child has gone?
 */
static void test_object_dirty_in_tables_of_child__not_lost(void **state)
{
    struct lp_space *child;
    struct file file;
    lp_va va, span;
    unsigned gone;

    (void)state;
    CK_EACH(format)
    {
        for (gone = 0; gone < 2; gone++) {
            create(&file, format);
            span = file.ck->span;
            va = file.ck->base + 2 * span;
            assert_int_equal(lp_object_resize(file.object, span), 0);
            assert_int_equal(lp_mmap(file.space, va, span, CK_RW,
                                     LP_MAP_SHARED | LP_MAP_FIXED, file.object,
                                     0),
                             va);
            ck_write(file.ck, va, 1);
            child = ck_fork(file.space);
            assert_int_equal(lp_madvise(file.space, va, span, LP_MADV_DONTNEED),
                             0);
            assert_int_equal(ck_read(file.ck, va), 1);
            ck_check(file.ck);
            if (gone)
                ck_end(file.ck, child);
            assert_int_equal(lp_object_sync(file.object, 0, UINT64_MAX), 0);
            assert_int_equal(file.writes, 1);
            ck_check(file.ck);
            if (!gone)
                ck_end(file.ck, child);
            lp_object_put(file.object);
            destroy(&file);
            assert_int_equal(file.writes, 1);
        }
    }
}

/* The file is cut and grows again while its page is read. */
static int fill_overtaken(void *ctx, uint64_t offset, void *page, size_t len)
{
    struct file *file = ctx;

    memset(page, file->fills++ ? 'n' : 'o', len);
    if (file->fills == 1) {
        assert_int_equal(lp_object_resize(file->object, offset), 0);
        assert_int_equal(lp_object_resize(file->object, PAGES * LP_PAGE_SIZE),
                         0);
    }
    return 0;
}

/* Is what was read before a truncation thrown away, though the size is right? */
static void test_object_truncated_during_fill__is_read_again(void **state)
{
    static const struct lp_object_ops overtaken = { fill_overtaken, write,
                                                    release };
    struct file file;

    (void)state;
    CK_EACH(format)
    {
        create(&file, format);
        file.object->ops = &overtaken;
        assert_int_equal(ck_read(file.ck, file.ck->base + LP_PAGE_SIZE), 'n');
        assert_int_equal(file.fills, 2);
        lp_object_put(file.object);
        destroy(&file);
    }
}

static uint64_t cache_bits(const struct lp_pte_format *f)
{
    uint64_t bits = 0;
    unsigned mode;

    for (mode = 0; mode < LP_CACHE_MODES; mode++)
        bits |= f->cache[mode];
    return bits;
}

/* A device, one mode: at the first touch, and when it was kept meanwhile. */
static void device_mode(struct ck *ck, enum lp_cache_mode mode)
{
    struct lp_space *space = ck_space(ck);
    lp_pa device = lp_host_device(ck->m);
    const struct lp_pte_format *f = ck->f;
    struct lp_object *object;
    unsigned i;

    assert_int_equal(
        lp_object_create_device(ck->pager, device, PAGES * LP_PAGE_SIZE, mode,
                                LP_OBJECT_READ | LP_OBJECT_WRITE, &object),
        0);
    assert_int_equal(lp_mmap(space, ck->base, PAGES * LP_PAGE_SIZE, CK_RW,
                             LP_MAP_SHARED | LP_MAP_FIXED, object, 0),
                     ck->base);
    ck_run(ck, 0, space);
    for (i = 0; i < 2; i++) {
        ck_fault(space, ck->base, LP_READ);
        ck_fault(space, ck->base, LP_WRITE);
        assert_int_equal(ck_walk(space, ck->base).pte.bits & cache_bits(f),
                         f->cache[mode]);
        assert_int_equal(lp_mprotect(space, ck->base, LP_PAGE_SIZE, 0), 0);
        assert_int_equal(lp_mprotect(space, ck->base, LP_PAGE_SIZE, CK_RW), 0);
    }
    lp_object_put(object);
    ck_end(ck, space);
}

/* Do a device's registers stay out of the cache, as its object says? */
static void test_object_device__mapped_with_its_cache_mode(void **state)
{
    struct lp_host_config config = { .ndevice = PAGES };
    struct ck *ck;
    unsigned mode;

    (void)state;
    CK_EACH(format)
    {
        ck = ck_create_with(format, config, NULL);
        for (mode = 0; mode < LP_CACHE_MODES; mode++)
            device_mode(ck, (enum lp_cache_mode)mode);
        ck_destroy(ck);
    }
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_object_functions__called_without_locks),
        cmocka_unit_test(test_object_msync_past_user_range__rest_is_written),
        cmocka_unit_test(test_object_msync_write_refused__others_are_written),
        cmocka_unit_test(
            test_object_last_reference_by_munmap__written_unlocked),
        cmocka_unit_test(
            test_object_last_reference_during_munmap__dirt_is_known),
        cmocka_unit_test(test_object_dirty_in_tables_of_child__not_lost),
        cmocka_unit_test(test_object_truncated_during_fill__is_read_again),
        cmocka_unit_test(test_object_device__mapped_with_its_cache_mode),
    };

    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
