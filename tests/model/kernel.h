/*
 * kernel.h: the kernel's half in the model: an array of pages for each range
 * that the pager manages, each page with all that is known of it.
 *
 * What is mapped there is the machine's device or a frame, which programs and the
 * kernel may touch, or memory that is nowhere, which is only looked at.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <lazypager/lazypager.h>

enum { KERNEL_RANGES = 3, KERNEL_FRAMES = 4 };

/* A page of a range. */
struct m_kpage {
    bool mapped, user;
    bool stale;     /* stored to since it became executable */
    uint8_t access; /* as it was asked for */
    uint8_t level;  /* of the leaf that it is a part of */
    lp_pa pa;
};

struct m_krange {
    struct lp_range range;
    unsigned n;
    struct m_kpage *page;
};

struct m_kernel {
    unsigned n; /* 0: this run has no such half */
    struct m_krange range[KERNEL_RANGES];
    lp_pa root; /* lp_kernel_root */
    /* Its part of the device: where, how many pages, and what is in them. */
    lp_pa device;
    unsigned ndevice;
    uint8_t **data;             /* NULL: nothing was stored yet */
    lp_pa frame[KERNEL_FRAMES]; /* of the kernel's own */
};

struct world;

/* kernel_layout: choose ranges, and how much device they want. */
void kernel_layout(struct world *w, const struct lp_pte_format *f);
/* kernel_open: the machine and the pager are there. */
void kernel_open(struct world *w);
/* kernel_close: unmap all, or leave it to the pager's end; true: unmapped. */
bool kernel_close(struct world *w);
void kernel_free(struct world *w);

/* compare_kernel: pages [first, last) of a range are the model's. */
void compare_kernel(struct world *w, const struct m_krange *r, unsigned first,
                    unsigned last);
/* compare_kernel_all: every page, the root, and what is in no range. */
void compare_kernel_all(struct world *w);

#endif
