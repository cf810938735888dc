/*
 * fuzz.h: an input is a run of the model.
 *
 *     byte 0        the format: its number in lp_host_formats, modulo their
 *                   number
 *     bytes 1, 2    the seed of the machine, its options, the addresses
 *     then          operations, INPUT_PIECE bytes each: a byte for which one, by
 *                   weight, and bytes for its choices; what is left over of a
 *                   piece decides nothing, and where it is too short a
 *                   generator goes on that starts from the piece
 *
 * So an operation stays what it is when another one is put in before it or
 * taken out.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

/*
 * LLVMFuzzerTestOneInput: run it; 0.  A difference between library and model
 * is printed, and aborts.  The name is libFuzzer's.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
