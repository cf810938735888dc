/*
 * Files of the host as objects: what can be opened, what is read and written,
 * and what becomes of a file that somebody else cuts short.
 */
#include "core_kit.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lazypager/object.h>

enum { PAGES = 2 };

/* A file that is gone by name when the test ends, and an object of it. */
struct world {
    struct ck *ck;
    char path[64];
    int fd;
};

static struct world begin(void)
{
    struct world w = { .ck = ck_create("x86-64"),
                       .path = "/tmp/lazypager-file-XXXXXX" };
    char bytes[LP_PAGE_SIZE + 100];

    memset(bytes, 'f', sizeof bytes);
    w.fd = mkstemp(w.path);
    assert_true(w.fd >= 0);
    assert_int_equal(write(w.fd, bytes, sizeof bytes), sizeof bytes);
    return w;
}

static void end(struct world *w)
{
    assert_int_equal(close(w->fd), 0);
    assert_int_equal(unlink(w->path), 0);
    ck_destroy(w->ck);
}

static int open_it(const struct world *w, const char *path,
                   enum lp_host_file_mode mode, struct lp_object **out)
{
    return lp_host_file_open(w->ck->m, w->ck->pager, path, mode, out);
}

/* What is no file that can be mapped: the host's own error, and nothing left? */
static void test_host_file_open_refused__says_why(void **state)
{
    struct world w = begin();
    struct lp_object *object = NULL;

    (void)state;
    assert_int_equal(open_it(&w, "/nowhere/at all", LP_HOST_FILE_READ, &object),
                     -ENOENT);
    assert_int_equal(open_it(&w, "/", LP_HOST_FILE_READ, &object), -EISDIR);
    assert_int_equal(open_it(&w, "/dev/null", LP_HOST_FILE_READ, &object),
                     -ENODEV);
    lp_host_fail_from(w.ck->m, 1);
    assert_int_equal(open_it(&w, w.path, LP_HOST_FILE_READ, &object),
                     -LP_ENOMEM);
    lp_host_fail_from(w.ck->m, 0);
    assert_null(object);
    end(&w);
}

static struct lp_space *map_it(const struct world *w, unsigned access,
                               struct lp_object *object)
{
    struct lp_space *space = ck_space(w->ck);

    assert_int_equal(lp_mmap(space, w->ck->base, PAGES * LP_PAGE_SIZE, access,
                             LP_MAP_SHARED | LP_MAP_FIXED, object, 0),
                     w->ck->base);
    ck_run(w->ck, 0, space);
    return space;
}

/* Stores reach the file, up to its end and not beyond. */
static void test_host_file_written__as_long_as_it_was(void **state)
{
    struct world w = begin();
    struct lp_object *object;
    struct lp_space *space;
    struct stat status;
    char bytes[2];

    (void)state;
    assert_int_equal(open_it(&w, w.path, LP_HOST_FILE_WRITE, &object), 0);
    assert_int_equal(lp_object_size(object), LP_PAGE_SIZE + 100);
    space = map_it(&w, CK_RW, object);
    ck_write(w.ck, w.ck->base + LP_PAGE_SIZE + 99, 'x');
    ck_write(w.ck, w.ck->base + LP_PAGE_SIZE + 100, 'y');
    assert_int_equal(
        lp_msync(space, w.ck->base, PAGES * LP_PAGE_SIZE, LP_MS_SYNC), 0);
    assert_int_equal(fstat(w.fd, &status), 0);
    assert_int_equal(status.st_size, LP_PAGE_SIZE + 100);
    assert_int_equal(pread(w.fd, bytes, 2, LP_PAGE_SIZE + 98), 2);
    assert_memory_equal(bytes, "fx", 2);
    ck_end(w.ck, space);
    lp_object_put(object);
    end(&w);
}

/* Opened for reading it cannot be mapped for writing. */
static void test_host_file_read_only__no_writable_mapping(void **state)
{
    struct world w = begin();
    struct lp_object *object;
    struct lp_space *space;

    (void)state;
    assert_int_equal(open_it(&w, w.path, LP_HOST_FILE_READ, &object), 0);
    space = map_it(&w, LP_READ, object);
    assert_int_equal(ck_read(w.ck, w.ck->base), 'f');
    assert_int_equal(lp_mprotect(space, w.ck->base, LP_PAGE_SIZE, CK_RW),
                     -LP_EACCES);
    ck_end(w.ck, space);
    lp_object_put(object);
    end(&w);
}

/* Somebody cuts the file: what is missing reads as zeroes. */
static void test_host_file_cut_short__missing_is_zero(void **state)
{
    struct world w = begin();
    struct lp_object *object;
    struct lp_space *space;

    (void)state;
    assert_int_equal(open_it(&w, w.path, LP_HOST_FILE_READ, &object), 0);
    assert_int_equal(ftruncate(w.fd, 10), 0);
    space = map_it(&w, LP_READ, object);
    assert_int_equal(ck_read(w.ck, w.ck->base + 9), 'f');
    assert_int_equal(ck_read(w.ck, w.ck->base + 10), 0);
    assert_int_equal(ck_read(w.ck, w.ck->base + LP_PAGE_SIZE), 0);
    ck_end(w.ck, space);
    lp_object_put(object);
    end(&w);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_file_open_refused__says_why),
        cmocka_unit_test(test_host_file_written__as_long_as_it_was),
        cmocka_unit_test(test_host_file_read_only__no_writable_mapping),
        cmocka_unit_test(test_host_file_cut_short__missing_is_zero),
    };

    return lp_test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
