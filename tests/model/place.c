/*
 * place.c: where the places are found.
 */
#include "model.h"

unsigned place_of(const struct layout *l, lp_va va)
{
    unsigned low = 0, high = l->n, middle;

    while (low < high) {
        middle = (low + high) / 2;
        if (va < l->at[middle].start)
            high = middle;
        else if (va >= l->at[middle].end)
            low = middle + 1;
        else
            return middle;
    }
    return l->n;
}

bool place_range(const struct layout *l, lp_va start, lp_va end,
                 unsigned *first, unsigned *last)
{
    if (start >= end || end > l->user_end)
        return false;
    *first = place_of(l, start);
    *last = place_of(l, end - 1) + 1;
    return l->at[*first].start == start && l->at[*last - 1].end == end;
}
