/*
 * context.S: from one kernel stack to another.
 *
 * What a thread that does not run has on its stack, from context.rsp on:
 * r15 r14 r13 r12 rbx rbp, and where to go on.
 */
        .text
        .globl  arch_context_switch
/* arch_context_switch(from: rdi, to: rsi) */
arch_context_switch:
        push    %rbp
        push    %rbx
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        mov     %rsp, (%rdi)
        mov     (%rsi), %rsp
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %rbx
        pop     %rbp
        ret

/*
 * arch_context_init(context: rdi, stack_top: rsi, entry: rdx, arg: rcx): a
 * stack that the above returns from into context_start, with entry in rbx and
 * arg in r12.
 */
        .globl  arch_context_init
arch_context_init:
        and     $~15, %rsi
        movq    $0, -8(%rsi)            /* unused: keeps rsp aligned */
        movq    $0, -16(%rsi)           /* the end, for who follows rbp */
        movq    $context_start, -24(%rsi)
        movq    $0, -32(%rsi)           /* rbp */
        mov     %rdx, -40(%rsi)         /* rbx */
        mov     %rcx, -48(%rsi)         /* r12 */
        movq    $0, -56(%rsi)
        movq    $0, -64(%rsi)
        movq    $0, -72(%rsi)           /* r15 */
        sub     $72, %rsi
        mov     %rsi, (%rdi)
        ret

context_start:
        mov     %r12, %rdi
        call    *%rbx                   /* does not return */
        ud2

        .section .note.GNU-stack, "", @progbits
