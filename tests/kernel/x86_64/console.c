/*
 * console.c: COM1, by polling (16550 UART).
 */
#include "x86.h"

enum {
    COM1 = 0x3f8,
    DATA = COM1,
    INTERRUPTS = COM1 + 1,
    FIFO = COM1 + 2,
    LINE = COM1 + 3,
    MODEM = COM1 + 4,
    STATUS = COM1 + 5,
    EIGHT_BITS = 3,
    DIVISOR = 0x80,  /* DATA and INTERRUPTS are the divisor's bytes */
    CAN_SEND = 0x20, /* the transmitter's FIFO is empty */
    FIFO_LEN = 16,
    IS_IDLE = 0x40,
};

/* 115200 bits a second, 8 bits, no parity, no interrupts. */
void serial_init(void)
{
    out8(INTERRUPTS, 0);
    out8(LINE, DIVISOR);
    out8(DATA, 1);
    out8(INTERRUPTS, 0);
    out8(LINE, EIGHT_BITS);
    out8(FIFO, 7);
    out8(MODEM, 3);
}

void arch_console_write(const char *text, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        while (i % FIFO_LEN == 0 && !(in8(STATUS) & CAN_SEND))
            arch_pause();
        out8(DATA, (uint8_t)text[i]);
    }
}

/* --- the end --- */

enum {
    DEBUG_EXIT = 0xf4, /* isa-debug-exit: QEMU's status is 2 x + 1 */
    EXIT_OK = 0x10,
    EXIT_FAILED = 0x11,
};

void arch_exit(bool ok)
{
    arch_irq_disable();
    while (!(in8(STATUS) & IS_IDLE))
        arch_pause();
    out8(DEBUG_EXIT, ok ? EXIT_OK : EXIT_FAILED);
    for (;;)
        __asm__ volatile("cli; hlt");
}
