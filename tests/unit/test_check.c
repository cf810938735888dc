/*
 * Does lp_check see each invariant that is broken?  One number of a good pager
 * is made wrong, the sentence compared, the number put back.
 */
#include "core_kit.h"

#include "ktable.h"
#include "object.h"
#include "vma_node.h"

/* What was found last: a sentence with two numbers. */
static struct lp_check_report seen;

/* The pager as it is now breaks exactly this promise. */
static void expect(struct ck *ck, const char *what)
{
    struct lp_check_report report = { 0 };

    if (lp_check(ck->pager, ck->scratch, &report) != -LP_EIO ||
        strcmp(report.what, what) != 0)
        fail_msg("%s: \"%s\", wanted \"%s\"", ck->format,
                 report.what ? report.what : "nothing", what);
    assert_int_equal(lp_check(ck->pager, ck->scratch, NULL), -LP_EIO);
    seen = report;
}

/* ... while this word (of memory that the check reads) is so. */
#define EXPECT(ck, word, value, what)              \
    do {                                           \
        uint64_t before_ = (uint64_t)(word);       \
                                                   \
        (word) = (__typeof__((word) + 0u))(value); \
        expect(ck, what);                          \
        (word) = (__typeof__((word) + 0u))before_; \
        ck_check(ck);                              \
    } while (0)

/* --- a space ------------------------------------------------------------- */

/*
 * A space with private pages at base (two, and a hole, and one), a page of zeroes
 * that was only read, and shared pages; two of three of the object's are mapped.
 */
struct scene {
    struct ck *ck;
    struct lp_space *space;
    struct lp_object *object, *device;
    struct lp_walk page, shared, register_;
    struct lp_vma_area *area; /* private, shared, device */
};

static lp_va place(const struct ck *ck, unsigned npages)
{
    return ck->base + npages * LP_PAGE_SIZE;
}

static void map_object(struct scene *s, unsigned where, unsigned npages,
                       struct lp_object *object)
{
    lp_va va = place(s->ck, where);

    assert_int_equal(lp_mmap(s->space, va, npages * LP_PAGE_SIZE, CK_RW,
                             LP_MAP_SHARED | LP_MAP_FIXED, object, 0),
                     va);
}

static void get_page(struct scene *s, uint64_t index)
{
    assert_int_equal(lp_object_write(s->object, index << LP_PAGE_SHIFT, "", 1),
                     1);
}

static struct scene create(const char *format)
{
    struct scene s = { .ck = ck_create_with(
                           format, (struct lp_host_config){ .ndevice = 2 },
                           NULL) };
    unsigned i;

    s.space = ck_space(s.ck);
    assert_int_equal(
        lp_object_create_memory(s.ck->pager, 3 * LP_PAGE_SIZE, &s.object), 0);
    assert_int_equal(
        lp_object_create_device(s.ck->pager, lp_host_device(s.ck->m),
                                2 * LP_PAGE_SIZE, LP_CACHE_WRITEBACK,
                                LP_OBJECT_READ | LP_OBJECT_WRITE, &s.device),
        0);
    get_page(&s, 2);
    ck_map(s.space, place(s.ck, 1), 3, CK_RW, CK_ANON);
    map_object(&s, 6, 2, s.object);
    map_object(&s, 10, 1, s.device);
    ck_run(s.ck, 0, s.space);
    for (i = 1; i < 3; i++)
        ck_write(s.ck, place(s.ck, i), 1);
    ck_read(s.ck, place(s.ck, 3));
    ck_write(s.ck, place(s.ck, 6), 1);
    ck_write(s.ck, place(s.ck, 10), 1);
    s.page = ck_walk(s.space, place(s.ck, 1));
    s.shared = ck_walk(s.space, place(s.ck, 6));
    s.register_ = ck_walk(s.space, place(s.ck, 10));
    s.area = s.space->vmas.root->area;
    ck_check(s.ck);
    return s;
}

static void destroy(struct scene *s)
{
    ck_check(s->ck);
    ck_end(s->ck, s->space);
    lp_object_put(s->object);
    lp_object_put(s->device);
    ck_destroy(s->ck);
}

#define EACH_SCENE(s)                                         \
    CK_EACH(format)                                           \
    for (struct scene s = create(format), *left_ = &s; left_; \
         destroy(&s), left_ = NULL)

static uint64_t with_pa(const struct ck *ck, uint64_t bits, lp_pa pa)
{
    return (bits & ~lp_pte_pa_mask(ck->f)) | lp_pte_encode_pa(ck->f, pa);
}

/* What an entry may point at. */
static void test_check_child__bites(void **state)
{
    (void)state;
    EACH_SCENE(s)
    {
        const struct lp_frames *frames = &s.ck->pager->frames;
        struct lp_frame *data = ck_frame(s.ck, lp_pte_pa(s.ck->f, s.page.pte));
        lp_slot *slot = s.page.slot;

        EXPECT(s.ck, *slot, with_pa(s.ck, *slot, frames->end),
               "an entry points outside the frames");
        if (frames->start)
            EXPECT(s.ck, *slot,
                   with_pa(s.ck, *slot, frames->start - LP_PAGE_SIZE),
                   "an entry points outside the frames");
        EXPECT(s.ck, *slot, with_pa(s.ck, *slot, s.space->root),
               "an entry points at the wrong kind of frame");
        EXPECT(s.ck, data->refs, data->refs + 1,
               "an owned entry's child is shared or stale");
        EXPECT(s.ck, s.page.frame->state, s.page.frame->state | LP_FRAME_STALE,
               "an owned entry's child is shared or stale");
    }
}

/* What a page must have above it: an area that allows it, of its kind. */
static void test_check_page__bites(void **state)
{
    (void)state;
    EACH_SCENE(s)
    {
        const struct lp_pte_format *f = s.ck->f;
        lp_pa zero = s.ck->pager->zero_page;
        lp_slot *slot = s.page.slot;

        EXPECT(s.ck, s.area[0].flags, s.area[0].flags ^ LP_VMA_WRITE,
               "an entry grants more than its area");
        EXPECT(s.ck, *slot,
               lp_pte_make_leaf(f, zero, CK_RW, f->soft_shared).bits,
               "the zero page is writable");
        EXPECT(s.ck, *slot, *slot | f->soft_shared,
               "a shared page in a private area");
        assert_int_equal(seen.a, s.page.va);
        assert_int_not_equal(seen.b, s.page.va);
        s.area[0].flags |= LP_VMA_SHARED;
        EXPECT(s.ck, *slot, *slot | f->soft_shared,
               "a shared page in a private area");
        s.area[0].flags &= ~(uint32_t)LP_VMA_SHARED;
        EXPECT(s.ck, s.area[1].offset, LP_PAGE_SIZE,
               "a shared page is not the object's");
        EXPECT(s.ck, s.device->device, s.device->device + LP_PAGE_SIZE,
               "a shared page is not the object's");
        assert_int_equal(seen.a, s.register_.va);
        assert_int_equal(seen.b, lp_host_device(s.ck->m));
    }
}

/* A page where there is no area: below one, and above all. */
static void test_check_page_without_area__bites(void **state)
{
    static const unsigned where[] = { 0, 12 };
    unsigned i;

    (void)state;
    EACH_SCENE(s)
    for (i = 0; i < 2; i++) {
        struct lp_walk walk = ck_walk(s.space, place(s.ck, where[i]));
        uint32_t use = walk.frame->use;

        lp_use_add(walk.frame, lp_index(s.ck->f, walk.va, 0));
        *walk.slot = *s.page.slot;
        expect(s.ck, "a page without an area");
        *walk.slot = 0;
        walk.frame->use = use;
    }
}

/* What a table's record says of it. */
static void test_check_table__bites(void **state)
{
    (void)state;
    EACH_SCENE(s)
    {
        struct lp_frame *table = s.page.frame;
        struct lp_frame *root = ck_frame(s.ck, s.space->root);
        struct lp_use use = lp_use_of(table);
        const char *span = "an entry in use outside the table's span";

        lp_use_set(table, (struct lp_use){ 0, use.low, use.high });
        expect(s.ck, span);
        lp_use_set(table, (struct lp_use){ use.used, use.low + 2, use.high });
        expect(s.ck, span);
        lp_use_set(table, (struct lp_use){ use.used, use.low, use.high - 1 });
        expect(s.ck, span);
        lp_use_set(table, (struct lp_use){ use.used + 1, use.low, use.high });
        expect(s.ck, "a table's number of entries in use is wrong");
        assert_int_equal(seen.a, s.page.table);
        assert_int_equal(seen.b, use.used);
        lp_use_set(table, use);
        EXPECT(s.ck, table->state, table->state | LP_FRAME_LOCK,
               "a table is still locked");
        EXPECT(s.ck, root->refs, 2, "a root is shared or stale");
        EXPECT(s.ck, root->state, root->state | LP_FRAME_STALE,
               "a root is shared or stale");
    }
}

/* The space itself, its areas, and the objects that these hold. */
static void test_check_space__bites(void **state)
{
    static struct lp_vma_node spare;

    (void)state;
    EACH_SCENE(s)
    {
        struct lp_vma_tree *vmas = &s.space->vmas;

        EXPECT(s.ck, s.space->lock.rin, s.space->lock.rin + LP_RW_READER,
               "a space is still locked");
        EXPECT(s.ck, s.space->lock.win, s.space->lock.win + 1,
               "a space is still locked");
        EXPECT(s.ck, vmas->count, vmas->count + 1,
               "the number of areas is wrong");
        vmas->nspare = 1;
        vmas->spare = &spare;
        expect(s.ck, "spare nodes were not given back");
        vmas->nspare = 0;
        vmas->spare = NULL;
        EXPECT(s.ck, vmas->root->refs, 2,
               "a node's count is not the number of pointers to it");
        EXPECT(s.ck, s.object->refs, 0,
               "an object has fewer references than areas");
        s.ck->pager->check_round = UINT32_MAX; /* the next is not 0 */
        ck_check(s.ck);
        assert_int_equal(s.ck->pager->check_round, 1);
    }
}

/* --- frames -------------------------------------------------------------- */

static uint32_t of_kind(uint32_t state, enum lp_frame_kind kind)
{
    return (state & ~(uint32_t)LP_FRAME_KIND_MASK) | (uint32_t)kind
                                                         << LP_FRAME_KIND_SHIFT;
}

/* Counts of data pages, of the cache's pages, and of frames not in use. */
static void test_check_frame__bites(void **state)
{
    (void)state;
    EACH_SCENE(s)
    {
        struct lp_frame *data =
            ck_frame(s.ck, lp_pte_pa(s.ck->f, s.shared.pte));
        struct lp_frame *cached =
            ck_frame(s.ck, lp_cache_find(&s.object->cache, 2));
        lp_pa pa = ck_alloc(s.ck, LP_KIND_DATA, 0);
        struct lp_frame *lost = ck_frame(s.ck, pa);
        const char *free = "a free frame is referenced";

        lp_frame_drop(lost);
        expect(s.ck, "a frame without references is not free");
        lp_frame_free(&s.ck->pager->frames, pa);
        EXPECT(s.ck, lost->refs, 1, free);
        EXPECT(s.ck, lost->refs, (uint64_t)1 << 32, free);
        EXPECT(s.ck, data->refs, data->refs + 1,
               "a frame's count is not the number of entries");
        EXPECT(s.ck, s.object->size, LP_PAGE_SIZE,
               "a cached page past the object's end");
        cached->refs = 0;
        cached->state = of_kind(cached->state, LP_KIND_FREE);
        expect(s.ck, free);
        cached->state = of_kind(cached->state, LP_KIND_DATA);
        cached->refs = 1;
    }
}

/* Frames of the library's own: counted once, and nothing points at them. */
static void test_check_own_frame__bites(void **state)
{
    const char *mapped = "a frame of the library's own is mapped";

    (void)state;
    EACH_SCENE(s)
    {
        struct lp_frame *self = ck_frame(s.ck, s.ck->pager->self);
        struct lp_frame *cached =
            ck_frame(s.ck, lp_cache_find(&s.object->cache, 2));

        EXPECT(s.ck, self->refs, 2, mapped);
        EXPECT(s.ck, cached->state, of_kind(cached->state, LP_KIND_META),
               mapped);
    }
}

/* --- the kernel's half ---------------------------------------------------- */

/* One page and, apart from it, another, below one root entry. */
struct half {
    struct ck *ck;
    struct lp_range range;
    lp_slot *root;           /* the pager's entry */
    lp_slot *above, *leaf;   /* the entries on levels 1 and 0 */
    struct lp_frame *bottom; /* the table that holds the leaf */
};

static struct lp_range one_root(const char *format)
{
    struct lp_host_config config = { .format = format };
    struct lp_host *m = lp_host_create(&config);
    const struct lp_pte_format *f = &lp_host_arch(m)->format;
    unsigned shift = 12 + (f->levels - 1) * f->index_bits;
    unsigned index = f->user_root_entries;
    lp_va va = (lp_va)index << shift;
    struct lp_range range;

    if (f->sign_extended && index >> (f->index_bits - 1))
        va |= ~(lp_va)0 << (shift + f->index_bits);
    range = (struct lp_range){ va, va + ((lp_va)1 << shift) };
    lp_host_destroy(m);
    return range;
}

static lp_slot *entry_of(struct ck *ck, lp_pa table, lp_va va, unsigned level)
{
    return lp_slot_at(ck->pager, table, lp_index(ck->f, va, level));
}

static struct half create_half(const char *format)
{
    struct half h = { .range = one_root(format) };
    struct lp_options options = { .kernel_ranges = &h.range,
                                  .nkernel_ranges = 1 };
    unsigned level;
    lp_slot *slot;
    lp_pa table;

    h.ck = ck_create_with(format, (struct lp_host_config){ .ndevice = 1 },
                          &options);
    assert_int_equal(lp_kernel_map(h.ck->pager, h.range.start,
                                   lp_host_device(h.ck->m), LP_PAGE_SIZE, CK_RW,
                                   0, LP_CACHE_WRITEBACK),
                     0);
    level = h.ck->f->levels - 1;
    table = h.ck->pager->root;
    h.root = slot = entry_of(h.ck, table, h.range.start, level);
    while (level > 0) {
        h.above = slot;
        table = lp_pte_pa(h.ck->f, lp_pte_load(slot));
        slot = entry_of(h.ck, table, h.range.start, --level);
    }
    h.leaf = slot;
    h.bottom = ck_frame(h.ck, table);
    ck_check(h.ck);
    return h;
}

/* The kernel's tables: their kind, their leaves, and none that is empty. */
static void test_check_kernel_half__bites(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct half h = create_half(format);
        struct ck *ck = h.ck;
        const struct lp_pte_format *f = ck->f;
        const char *kind = "a kernel table is the wrong kind of frame";
        const char *none = "a managed root entry has no table";
        uint32_t use = h.bottom->use;
        uint64_t leaf;
        lp_pa pa;

        EXPECT(ck, *h.leaf, *h.leaf & ~f->soft_uncounted,
               "a counted page in the kernel's half");
        assert_int_equal(seen.a, lp_host_device(ck->m));
        assert_int_equal(seen.b, 0); /* its index */
        EXPECT(ck, *h.root, 0, none);
        assert_int_equal(seen.a, lp_index(f, h.range.start, f->levels - 1));
        EXPECT(ck, *h.root, with_pa(ck, *h.root, ck->pager->frames.end), none);
        if (h.above != h.root) {
            EXPECT(ck, *h.above, with_pa(ck, *h.above, ck->pager->zero_page),
                   kind);
            assert_int_equal(seen.a, ck->pager->zero_page);
            assert_int_equal(seen.b, 0); /* its index */
            EXPECT(ck, *h.above, with_pa(ck, *h.above, ck->pager->frames.end),
                   kind);
            leaf = *h.leaf;
            *h.leaf = 0;
            h.bottom->use = 0;
            expect(ck, "an empty table in the kernel's half");
            assert_int_equal(seen.a, lp_pte_pa(f, (struct lp_pte){ *h.above }));
            assert_int_equal(seen.b, 0); /* its level */
            *h.leaf = leaf;
            h.bottom->use = use;
        }
        EXPECT(ck, h.bottom->use, use + 1,
               "a table's number of entries in use is wrong");
        EXPECT(ck, h.bottom->refs, 2,
               "a kernel table is not mapped exactly once");
        pa = ck_alloc(ck, LP_KIND_KERNEL, 0);
        expect(ck, "a kernel table is not mapped exactly once");
        lp_frame_drop(ck_frame(ck, pa));
        lp_frame_free(&ck->pager->frames, pa);
        ck_check(ck);
        assert_int_equal(
            lp_kernel_unmap(ck->pager, h.range.start, LP_PAGE_SIZE), 0);
        ck_destroy(ck);
    }
}

/* Is a root noticed whose kernel half is not the pager's? */
static void test_check_root_of_another_half__bites(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct half h = create_half(format);
        struct lp_space *space = ck_space(h.ck);
        lp_slot *slot =
            entry_of(h.ck, space->root, h.range.start, h.ck->f->levels - 1);

        EXPECT(h.ck, *slot, 0, "a root's kernel half is not the pager's");
        ck_end(h.ck, space);
        assert_int_equal(
            lp_kernel_unmap(h.ck->pager, h.range.start, LP_PAGE_SIZE), 0);
        ck_destroy(h.ck);
    }
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_child__bites),
        cmocka_unit_test(test_check_page__bites),
        cmocka_unit_test(test_check_page_without_area__bites),
        cmocka_unit_test(test_check_table__bites),
        cmocka_unit_test(test_check_space__bites),
        cmocka_unit_test(test_check_frame__bites),
        cmocka_unit_test(test_check_own_frame__bites),
        cmocka_unit_test(test_check_kernel_half__bites),
        cmocka_unit_test(test_check_root_of_another_half__bites),
    };

    return lp_test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
