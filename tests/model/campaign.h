/*
 * campaign.h: many runs, one after the other.
 */
#ifndef CAMPAIGN_H
#define CAMPAIGN_H

#include "world.h"

struct campaign {
    struct settings settings; /* seed: of the first run */
    const char *format;       /* NULL: all, the small ones more often */
    uint64_t runs;
    uint64_t seconds; /* start no run after so many; 0: no limit */
    bool shrink, keep_going;
    const char *keep; /* NULL, or the only operations to run */
};

/*
 * campaign: the exit status.
 *
 * Prints on standard output, for a program to read, one line of figures as
 * name=value, and for the campaign of accesses a line for each operation; and
 * on standard error what a person wants to see, with the line to go on.
 */
int campaign(struct campaign *c);

#endif
