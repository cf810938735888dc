/*
 * operations.c: the table of operations, and the choice of one.
 */
#include "operations.h"

#include "tally.h"

/*
 * over_flush: as measured by `model --mode tlb --runs 900 --ops 400`, which
 * prints them, and a little more.  High by design are those that make a whole
 * space forget: fork, a truncation or a hole in an object (all spaces), and a
 * CPU that comes back to a space that was flushed without it.  A fault that
 * copies a page flushes little, but upper levels with it.
 */
const struct operation operations[] = {
    { "store", op_store, 26, 20, 60 },
    { "load", op_load, 18, 10, 60 },
    { "fetch", op_fetch, 5, 5, 70 },
    { "burst", op_burst, 1, 100, 60 },
    { "touch-all", op_touch_all, 3, 3, 55 },
    { "mmap", op_mmap, 13, 13, 1 },
    { "munmap", op_munmap, 8, 8, 1 },
    { "munmap-area", op_munmap_area, 1, 1, 1 },
    { "mprotect", op_mprotect, 10, 10, 35 },
    { "madvise", op_madvise, 6, 6, 90 },
    { "comb", op_comb, 2, 1, 5 },
    { "set-base", op_set_base, 1, 0, 0 },
    { "fork", op_fork, 5, 5, 20 },
    { "destroy", op_destroy, 3, 3, 50 },
    { "activate", op_activate, 5, 5, 98 },
    { "copy-in", op_copy_in, 4, 1, 100 },
    { "copy-out", op_copy_out, 5, 2, 60 },
    { "zero", op_zero, 2, 1, 100 },
    { "string", op_string, 3, 1, 100 },
    { "access-ok", op_access_ok, 2, 0, 0 },
    { "pin", op_pin, 4, 2, 100 },
    { "pin-write", op_pin_write, 4, 1, 0 },
    { "unpin", op_unpin, 3, 2, 50 },
    { "msync", op_msync, 3, 2, 15 },
    { "dirty-all", op_dirty_all, 6, 1, 60 },
    { "object-read", op_object_read, 2, 1, 50 },
    { "object-write", op_object_write, 3, 2, 50 },
    { "object-resize", op_object_resize, 2, 1, 95 },
    { "object-sync", op_object_sync, 2, 2, 15 },
    { "object-open", op_object_open, 1, 1, 0 },
    { "object-close", op_object_close, 1, 1, 50 },
    { "object-trouble", op_object_trouble, 2, 0, 0 },
    { "object-get", op_object_get, 1, 1, 0 },
    { "object-refuse", op_object_refuse, 1, 0, 0 },
    { "sync-code", op_sync_code, 1, 1, 60 },
    { "jit", op_jit, 1, 1, 60 },
    { "kernel-map", op_kernel_map, 4, 4, 60 },
    { "kernel-unmap", op_kernel_unmap, 1, 1, 60 },
    { "kernel-protect", op_kernel_protect, 2, 2, 60 },
    { "kernel-patch", op_kernel_patch, 1, 1, 60 },
    { "kernel-touch", op_kernel_touch, 2, 4, 60 },
    { "resident", op_resident, 1, 0, 0 },
    { "fault", op_fault, 5, 5, 60 },
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
