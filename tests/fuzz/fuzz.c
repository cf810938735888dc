/*
 * fuzz.c: from bytes to a run; see fuzz.h.
 */
#include "fuzz.h"

#include "tally.h"
#include "world.h"

enum { HEADER = 3, OPERATIONS_MAX = 400 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tally tally;
    struct settings s = { .tally = &tally,
                          .ops = OPERATIONS_MAX,
                          .check_every = 16 };
    unsigned n = 0;

    if (size < HEADER)
        return 0;
    while (lp_host_formats[n])
        n++;
    s.format = lp_host_formats[data[0] % n];
    s.seed = 1 + (data[1] | (uint64_t)data[2] << 8);
    s.input = data + HEADER;
    s.input_len = size - HEADER;
    run_world(&s);
    return 0;
}
