/*
 * operations.c: the table of operations, and the choice of one.
 */
#include "operations.h"

#include "tally.h"

/*
 * Not here, and why: lp_pager_create's refusals, and a kernel half that another
 * pager has made, since a run has one pager, made once (tests/unit has both);
 * lp_arch_check, lp_frame_records_size and the names of errors, decisions and
 * codes, which have no state; lp_check, which is one of the oracles; calls at
 * the same time (tests/interleave).
 *
 * over_flush: as measured by `model --mode tlb --seconds 240 --ops 400
 * --check-every 0`, which prints them, and a little more.  What is high is so
 * by design:
 *
 *     activate       a CPU that comes back to a space that was flushed without
 *                    it drops all that it has of it
 *     object-resize  where spaces share a table, a page that goes makes all CPUs
 *                    forget all of them
 *     fault          a fault that no CPU has met is spurious, and flushes an
 *                    entry that was right
 *     store .. jit   a page or a table is copied: what leads there goes with
 *                    it, and where the hardware has no smaller flush of upper
 *                    levels, all of the space
 *     fork           where unowned tables can be read, what is read only stays
 *                    true
 *
 * Machines with fences are not counted: a fence drops a range under every ASID,
 * whose it is or not.
 */
const struct operation operations[] = {
    { "store", op_store, 26, 20, 40 },
    { "load", op_load, 18, 10, 35 },
    { "fetch", op_fetch, 5, 5, 45 },
    { "burst", op_burst, 1, 100, 44 },
    { "touch-all", op_touch_all, 3, 3, 50 },
    { "mmap", op_mmap, 13, 13, 1 },
    { "munmap", op_munmap, 8, 8, 1 },
    { "munmap-area", op_munmap_area, 1, 1, 1 },
    { "mprotect", op_mprotect, 10, 10, 19 },
    { "madvise", op_madvise, 6, 6, 28 },
    { "comb", op_comb, 2, 1, 3 },
    { "set-base", op_set_base, 1, 0, 0 },
    { "fork", op_fork, 5, 5, 14 },
    { "destroy", op_destroy, 3, 3, 1 },
    { "activate", op_activate, 5, 5, 87 },
    { "copy-in", op_copy_in, 4, 1, 60 },
    { "copy-out", op_copy_out, 5, 2, 45 },
    { "zero", op_zero, 2, 1, 40 },
    { "string", op_string, 3, 1, 40 },
    { "access-ok", op_access_ok, 2, 0, 0 },
    { "pin", op_pin, 4, 2, 45 },
    { "pin-write", op_pin_write, 4, 1, 1 },
    { "unpin", op_unpin, 3, 2, 1 },
    { "msync", op_msync, 3, 2, 13 },
    { "dirty-all", op_dirty_all, 6, 1, 11 },
    { "object-read", op_object_read, 2, 1, 1 },
    { "object-write", op_object_write, 3, 2, 1 },
    { "object-resize", op_object_resize, 2, 1, 75 },
    { "object-sync", op_object_sync, 2, 2, 11 },
    { "object-open", op_object_open, 1, 1, 1 },
    { "object-close", op_object_close, 1, 1, 1 },
    { "object-trouble", op_object_trouble, 2, 0, 0 },
    { "object-get", op_object_get, 1, 1, 1 },
    { "object-refuse", op_object_refuse, 1, 0, 0 },
    { "sync-code", op_sync_code, 1, 1, 60 },
    { "jit", op_jit, 1, 1, 47 },
    { "kernel-map", op_kernel_map, 4, 4, 0 },
    { "kernel-unmap", op_kernel_unmap, 1, 1, 0 },
    { "kernel-protect", op_kernel_protect, 2, 2, 0 },
    { "kernel-patch", op_kernel_patch, 1, 1, 0 },
    { "kernel-touch", op_kernel_touch, 2, 4, 0 },
    { "resident", op_resident, 1, 0, 0 },
    { "fault", op_fault, 5, 5, 93 },
    { "next-area", op_next_area, 1, 0, 0 },
    { "next-table", op_next_table, 1, 0, 0 },
    { "print-map", op_print_map, 1, 0, 0 },
    { "stats", op_stats, 1, 0, 0 },
};

const unsigned noperations = sizeof operations / sizeof operations[0];
_Static_assert(sizeof operations / sizeof operations[0] <= TALLY_ROWS,
               "a tally has a line for each operation");

static unsigned weight_of(const struct world *w, const struct operation *o)
{
    return w->settings->mode == MODE_TLB ? o->tlb_weight : o->weight;
}

static unsigned pick_operation(struct world *w)
{
    unsigned i, total = 0;
    uint64_t n;

    for (i = 0; i < noperations; i++)
        total += weight_of(w, &operations[i]);
    n = pick(w, total);
    for (i = 0; n >= weight_of(w, &operations[i]); i++)
        n -= weight_of(w, &operations[i]);
    return i;
}

void charge_flushes(struct world *w, void (*run)(struct world *w))
{
    struct tally_row *row = w->settings->tally->row;
    struct lp_host_stats now;
    unsigned i;

    if (w->settings->mode != MODE_TLB)
        return;
    for (i = 0; operations[i].run != run; i++)
        ;
    lp_host_read_stats(w->m, &now);
    if (w->fences) /* see above */
        return;
    row[i].dropped += now.dropped - w->charged.dropped;
    row[i].dropped_true += now.dropped_true - w->charged.dropped_true;
    w->charged = now;
}

void run_operation(struct world *w)
{
    unsigned row = pick_operation(w);

    if (!w->nspaces && !space_open(w))
        return;
    w->run = operations[row].run;
    w->run(w);
    collect_objects(w);
    w->settings->tally->row[row].runs++;
    charge_flushes(w, w->run);
}
