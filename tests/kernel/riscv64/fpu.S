/*
 * fpu.S: a program's floating-point registers: 32 of the D extension and fcsr
 * (Unprivileged 20191213, chapters 11 and 12), all of them, at each switch.
 *
 * sstatus.FS is Dirty at all times, so these never trap, and what it would tell
 * (were they changed?) is not asked.
 */
.macro each_float op base
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, \
            18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        \op f\n, 8 * \n(\base)
    .endr
.endm

.text
/* void arch_fpu_save(struct fpu_state *state) */
.global arch_fpu_save
arch_fpu_save:
    each_float fsd, a0
    frcsr t0
    sw t0, 256(a0)
    ret

/* void arch_fpu_restore(const struct fpu_state *state) */
.global arch_fpu_restore
arch_fpu_restore:
    each_float fld, a0
    lwu t0, 256(a0)
    fscsr t0
    ret
