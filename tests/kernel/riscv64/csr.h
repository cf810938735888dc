/*
 * csr.h: control and status registers, by name.
 *
 * => An access is ordered with the compiler's memory accesses, not with those
 *    of the hart.
 */
#ifndef CSR_H
#define CSR_H

#include <stdint.h>

#define CSR_READ(name)                                                  \
    static inline uint64_t csr_read_##name(void)                        \
    {                                                                   \
        uint64_t value;                                                 \
                                                                        \
        __asm__ volatile("csrr %0, " #name : "=r"(value) : : "memory"); \
        return value;                                                   \
    }

CSR_READ(sstatus)
CSR_READ(sie)
CSR_READ(satp)
CSR_READ(time)
CSR_READ(cycle)

#define csr_read(name) csr_read_##name()
#define csr_write(name, value) \
    __asm__ volatile("csrw " #name ", %0" ::"r"((uint64_t)(value)) : "memory")
#define csr_set(name, bits) \
    __asm__ volatile("csrs " #name ", %0" ::"r"((uint64_t)(bits)) : "memory")
#define csr_clear(name, bits) \
    __asm__ volatile("csrc " #name ", %0" ::"r"((uint64_t)(bits)) : "memory")

#endif
