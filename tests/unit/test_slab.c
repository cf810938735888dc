/*
 * Nodes from frames.
 */
#include "core_kit.h"

#include "slab.h"

enum { NODES = 600 };

static const uint32_t sizes[] = { 16, 24, 40, 64, 200, 512, 1000, 2032 };

#define EACH_SIZE(size)                                                 \
    for (const uint32_t *s_ = sizes,                                    \
                        *end_ = sizes + sizeof sizes / sizeof sizes[0]; \
         s_ < end_; s_++)                                               \
        for (uint32_t size = *s_, once_ = 1; once_; once_ = 0)

static void fill(struct lp_slab *slab, void **node, unsigned n, uint32_t size)
{
    unsigned i;

    for (i = 0; i < n; i++) {
        node[i] = lp_slab_alloc(slab);
        assert_non_null(node[i]);
        memset(node[i], (int)(i % 251), size);
    }
}

static bool intact(const unsigned char *node, unsigned i, uint32_t size)
{
    uint32_t k;

    for (k = 0; k < size; k++)
        if (node[k] != i % 251)
            return false;
    return true;
}

/* Are nodes aligned, whole, and apart from each other, in any size? */
static void test_slab_nodes__are_aligned_and_disjoint(void **state)
{
    struct ck *ck = ck_create("x86-64");
    static void *node[NODES];
    struct lp_slab slab;
    unsigned i;

    (void)state;
    EACH_SIZE(size)
    {
        lp_slab_init(&slab, ck->pager, size);
        fill(&slab, node, NODES, size);
        for (i = 0; i < NODES; i++) {
            assert_int_equal((uintptr_t)node[i] % 16, 0);
            assert_int_equal((uintptr_t)node[i] / LP_PAGE_SIZE,
                             ((uintptr_t)node[i] + size - 1) / LP_PAGE_SIZE);
            assert_true(intact(node[i], i, size));
        }
        assert_int_equal(slab.nodes, NODES);
        for (i = 0; i < NODES; i++)
            lp_slab_free(&slab, node[i]);
        assert_int_equal(slab.nodes, 0);
        assert_int_equal(lp_host_frames_used(ck->m), ck->frames);
    }
    ck_destroy(ck);
}

/* Does each frame go back when its last node does, in whatever order? */
static void test_slab_emptied_in_any_order__frames_go_back(void **state)
{
    struct ck *ck = ck_create("x86-64");
    static void *node[NODES];
    struct lp_slab slab;
    static const unsigned steps[] = { 1, 203, 599 }; /* coprime to NODES */
    unsigned i, k;

    (void)state;
    for (k = 0; k < 3; k++) {
        lp_slab_init(&slab, ck->pager, 200);
        fill(&slab, node, NODES, 200);
        for (i = 0; i < NODES; i++)
            lp_slab_free(&slab, node[i * steps[k] % NODES]);
        assert_int_equal(slab.frames, 0);
        assert_null(slab.partial);
        assert_int_equal(lp_host_frames_used(ck->m), ck->frames);
    }
    ck_destroy(ck);
}

/* Does a node that was given back serve again, without a new frame? */
static void test_slab_free_then_alloc__reuses_the_node(void **state)
{
    struct ck *ck = ck_create("x86-64");
    void *node[8], *again;
    struct lp_slab slab;
    uint64_t frames;
    unsigned i;

    (void)state;
    lp_slab_init(&slab, ck->pager, 1000); /* four to a frame */
    assert_int_equal(slab.per_frame, 4);
    fill(&slab, node, 8, 1000);
    frames = lp_host_frames_used(ck->m);
    assert_int_equal(slab.frames, 2);
    for (i = 0; i < 8; i++) {
        lp_slab_free(&slab, node[i]);
        again = lp_slab_alloc(&slab);
        assert_ptr_equal(again, node[i]);
        memset(again, (int)i, 1000);
    }
    for (i = 0; i < 8; i++)
        assert_true(intact(node[i], i, 1000));
    assert_int_equal(lp_host_frames_used(ck->m), frames);
    for (i = 0; i < 8; i++)
        lp_slab_free(&slab, node[i]);
    ck_destroy(ck);
}

/* The n-th frame is not to be had: are all nodes before it still good? */
static void test_slab_out_of_frames__null_and_nothing_lost(void **state)
{
    struct ck *ck = ck_create("x86-64");
    struct lp_slab slab;
    void *node[16];
    unsigned n, i;

    (void)state;
    for (n = 1; n <= 3; n++) {
        lp_slab_init(&slab, ck->pager, 1000);
        lp_host_fail_once(ck->m, n);
        fill(&slab, node, 4 * (n - 1), 1000);
        assert_null(lp_slab_alloc(&slab));
        assert_int_equal(slab.nodes, 4 * (n - 1));
        assert_int_equal(lp_host_frames_used(ck->m), ck->frames + n - 1);
        for (i = 0; i < 4 * (n - 1); i++)
            assert_true(intact(node[i], i, 1000));
        node[i] = lp_slab_alloc(&slab);
        assert_non_null(node[i]);
        for (i = 0; i <= 4 * (n - 1); i++)
            lp_slab_free(&slab, node[i]);
        assert_int_equal(lp_host_frames_used(ck->m), ck->frames);
    }
    ck_destroy(ck);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slab_nodes__are_aligned_and_disjoint),
        cmocka_unit_test(test_slab_emptied_in_any_order__frames_go_back),
        cmocka_unit_test(test_slab_free_then_alloc__reuses_the_node),
        cmocka_unit_test(test_slab_out_of_frames__null_and_nothing_lost),
    };

    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
