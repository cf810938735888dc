/*
 * copy.S: the copies by the user's own addresses, and their fix-ups.
 *
 * An entry of .fixups: an instruction that may fault, and where to go on when
 * the fault is refused (trap_kernel in traps.c).  The string instructions leave
 * in rcx how much is left.
 */
        .macro  FIXUP from, to
        .pushsection .fixups, "a"
        .quad   \from, \to
        .popsection
        .endm

/* copy_user(to: rdi, from: rsi, len: rdx, smap: ecx): bytes not copied.  With
 * smap: this CPU has SMAP, and so STAC and CLAC. */
        .text
        .globl  copy_user
copy_user:
        mov     %ecx, %r8d
        test    %r8d, %r8d
        jz      1f
        stac
1:      mov     %rdx, %rcx
        shr     $3, %rcx
2:      rep movsq
        and     $7, %edx
3:      add     %rdx, %rcx              /* 0 words left: the last bytes */
4:      rep movsb
5:      test    %r8d, %r8d
        jz      6f
        clac
6:      mov     %rcx, %rax
        ret

/* Refused within a word: the bytes of it that can be copied are. */
7:      and     $7, %edx
        shl     $3, %rcx
        jmp     3b

        FIXUP   2b, 7b
        FIXUP   4b, 5b

        .section .note.GNU-stack, "", @progbits
