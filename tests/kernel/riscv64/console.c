/*
 * console.c: the serial line of QEMU's `virt`: a 16550 at 0x10000000.
 *
 * Each byte waits until the transmitter has room for it (LSR bit 5); nothing is
 * received.  The device is in the direct map, in the boot tables and in
 * the pager's.
 */
#include "hart.h"

enum { UART = 0x10000000, THR = 0, LSR = 5, LSR_EMPTY = 0x20 };

void arch_console_write(const char *text, size_t len)
{
    volatile uint8_t *uart = direct(UART);

    for (size_t i = 0; i < len; i++) {
        while (!(uart[LSR] & LSR_EMPTY))
            arch_pause();
        uart[THR] = (uint8_t)text[i];
    }
}
