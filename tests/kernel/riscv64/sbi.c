/*
 * sbi.c: one ecall, and the functions of the firmware that we use.
 *
 * SBI 1.0, chapter 3: a7 names the extension, a6 the function; a0 comes back as
 * the error, a1 as a value; all other registers stay as they are.
 */
#include "sbi.h"

enum {
    SBI_TIME = 0x54494d45,
    SBI_IPI = 0x735049,
    SBI_RFENCE = 0x52464e43,
    SBI_HSM = 0x48534d,
};

static long sbi_call(uint64_t extension, uint64_t function,
                     const uint64_t args[4])
{
    register uint64_t a0 __asm__("a0") = args[0];
    register uint64_t a1 __asm__("a1") = args[1];
    register uint64_t a2 __asm__("a2") = args[2];
    register uint64_t a3 __asm__("a3") = args[3];
    register uint64_t a6 __asm__("a6") = function;
    register uint64_t a7 __asm__("a7") = extension;

    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1)
                     : "r"(a2), "r"(a3), "r"(a6), "r"(a7)
                     : "memory");
    return (long)a0;
}

long sbi_set_timer(uint64_t when)
{
    return sbi_call(SBI_TIME, 0, (uint64_t[4]){ when });
}

long sbi_send_ipi(uint64_t hart)
{
    return sbi_call(SBI_IPI, 0, (uint64_t[4]){ 1, hart });
}

long sbi_hart_start(uint64_t hart, uint64_t pc, uint64_t argument)
{
    return sbi_call(SBI_HSM, 0, (uint64_t[4]){ hart, pc, argument });
}

long sbi_remote_sfence_vma(uint64_t mask, uint64_t base, uint64_t start,
                           uint64_t len)
{
    return sbi_call(SBI_RFENCE, 1, (uint64_t[4]){ mask, base, start, len });
}

long sbi_remote_fence_i(uint64_t mask, uint64_t base)
{
    return sbi_call(SBI_RFENCE, 0, (uint64_t[4]){ mask, base });
}
