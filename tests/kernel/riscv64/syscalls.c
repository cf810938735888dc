/*
 * syscalls.c: system calls by their numbers, which are asm-generic's: the newer
 * calls only (openat and no open, clone and no fork).
 *
 * riscv_flush_icache (259) is this architecture's own: a program that has
 * written instructions asks that all its threads fetch them; FENCE.I by itself
 * reaches one hart.  With the flag for one thread it is the same: that may go
 * on anywhere.
 */
#include "syscall.h"

#include "process.h"

static int64_t sys_riscv_flush_icache(const uint64_t args[6])
{
    enum { LOCAL = 1 };

    if (args[2] & ~(uint64_t)LOCAL)
        return -EINVAL;
    lp_sync_code(current()->vm->space);
    return 0;
}

const struct syscall arch_syscalls[] = {
    [17] = SYSCALL(getcwd),
    [23] = SYSCALL(dup),
    [24] = SYSCALL(dup3),
    [25] = SYSCALL(fcntl),
    [29] = SYSCALL(ioctl),
    [34] = SYSCALL(mkdirat),
    [35] = SYSCALL(unlinkat),
    [36] = SYSCALL(symlinkat),
    [37] = SYSCALL(linkat),
    [45] = SYSCALL(truncate),
    [46] = SYSCALL(ftruncate),
    [48] = SYSCALL(faccessat),
    [49] = SYSCALL(chdir),
    [50] = SYSCALL(fchdir),
    [52] = SYSCALL(fchmod),
    [53] = SYSCALL(fchmodat),
    [54] = SYSCALL(fchownat),
    [55] = SYSCALL(fchown),
    [56] = SYSCALL(openat),
    [57] = SYSCALL(close),
    [59] = SYSCALL(pipe2),
    [61] = SYSCALL(getdents64),
    [62] = SYSCALL(lseek),
    [63] = SYSCALL(read),
    [64] = SYSCALL(write),
    [65] = SYSCALL(readv),
    [66] = SYSCALL(writev),
    [67] = SYSCALL(pread64),
    [68] = SYSCALL(pwrite64),
    [71] = SYSCALL(sendfile),
    [73] = SYSCALL(ppoll),
    [78] = SYSCALL(readlinkat),
    [79] = SYSCALL(newfstatat),
    [80] = SYSCALL(fstat),
    [81] = SYSCALL(sync),
    [82] = SYSCALL(fsync),
    [83] = SYSCALL(fdatasync),
    [88] = SYSCALL(utimensat),
    [93] = SYSCALL(exit),
    [94] = SYSCALL(exit_group),
    [96] = SYSCALL(set_tid_address),
    [98] = SYSCALL(futex),
    [99] = SYSCALL(set_robust_list),
    [101] = SYSCALL(nanosleep),
    [113] = SYSCALL(clock_gettime),
    [114] = SYSCALL(clock_getres),
    [115] = SYSCALL(clock_nanosleep),
    [124] = SYSCALL(sched_yield),
    [129] = SYSCALL(kill),
    [130] = SYSCALL(tkill),
    [131] = SYSCALL(tgkill),
    [132] = SYSCALL(sigaltstack),
    [133] = SYSCALL(rt_sigsuspend),
    [134] = SYSCALL(rt_sigaction),
    [135] = SYSCALL(rt_sigprocmask),
    [136] = SYSCALL(rt_sigpending),
    [139] = SYSCALL(rt_sigreturn),
    [153] = SYSCALL(times),
    [154] = SYSCALL(setpgid),
    [155] = SYSCALL(getpgid),
    [156] = SYSCALL(getsid),
    [157] = SYSCALL(setsid),
    [160] = SYSCALL(uname),
    [165] = SYSCALL(getrusage),
    [166] = SYSCALL(umask),
    [169] = SYSCALL(gettimeofday),
    [172] = SYSCALL(getpid),
    [173] = SYSCALL(getppid),
    [174] = SYSCALL(getuid),
    [175] = SYSCALL(geteuid),
    [176] = SYSCALL(getgid),
    [177] = SYSCALL(getegid),
    [178] = SYSCALL(gettid),
    [179] = SYSCALL(sysinfo),
    [214] = SYSCALL(brk),
    [215] = SYSCALL(munmap),
    [220] = SYSCALL(clone),
    [221] = SYSCALL(execve),
    [222] = SYSCALL(mmap),
    [226] = SYSCALL(mprotect),
    [227] = SYSCALL(msync),
    [233] = SYSCALL(madvise),
    [259] = SYSCALL(riscv_flush_icache),
    [260] = SYSCALL(wait4),
    [261] = SYSCALL(prlimit64),
    [276] = SYSCALL(renameat2),
    [278] = SYSCALL(getrandom),
    [439] = SYSCALL(faccessat2),
};
const size_t arch_nsyscalls = ARRAY_SIZE(arch_syscalls);
