/*
 * tally.h: what the runs of a campaign have counted.
 *
 * The processes of the runs share it with the one that started them, one run
 * at a time.
 */
#ifndef TALLY_H
#define TALLY_H

#include <stdint.h>

enum { TALLY_ROWS = 64 };

struct tally_row {
    uint64_t runs;
    uint64_t dropped, dropped_true; /* TLB entries, by flushes */
};

struct tally {
    uint64_t runs, operations;
    uint64_t checks; /* how often everything was compared */

    uint64_t refused_frames; /* injections: an allocation failed */
    uint64_t refused_io;     /* ... a fill or a write-back */
    uint64_t absorbed;       /* ... and the call succeeded all the same */

    uint64_t accesses; /* page-wise, through the TLBs */
    uint64_t looks;    /* times that all TLBs were compared with the tables */
    struct tally_row row[TALLY_ROWS]; /* one for each operation */
};

#endif
