/*
 * syscalls.c: x86-64's system calls by number, and the one that is its own.
 */
#include "process.h"
#include "syscall.h"
#include "user.h"
#include "x86.h"

enum {
    ARCH_SET_GS = 0x1001,
    ARCH_SET_FS = 0x1002,
    ARCH_GET_FS = 0x1003,
    ARCH_GET_GS = 0x1004,
};

static int64_t set_base(uint64_t *base, lp_va va)
{
    if (va >= the_arch->format.user_end)
        return -EPERM;
    *base = va;
    return 0;
}

/* The bases of FS and GS: arch_user_run loads and saves them. */
static int64_t sys_arch_prctl(const uint64_t args[6])
{
    struct user_frame *frame = &current()->frame;

    switch (args[0]) {
    case ARCH_SET_FS: return set_base(&frame->fs_base, args[1]);
    case ARCH_SET_GS: return set_base(&frame->gs_base, args[1]);
    case ARCH_GET_FS:
        return user_write(args[1], &frame->fs_base, sizeof(frame->fs_base));
    case ARCH_GET_GS:
        return user_write(args[1], &frame->gs_base, sizeof(frame->gs_base));
    default: return -EINVAL;
    }
}

const struct syscall arch_syscalls[] = {
    [0] = SYSCALL(read),
    [1] = SYSCALL(write),
    [2] = SYSCALL(open),
    [3] = SYSCALL(close),
    [4] = SYSCALL(stat),
    [5] = SYSCALL(fstat),
    [6] = SYSCALL(lstat),
    [7] = SYSCALL(poll),
    [8] = SYSCALL(lseek),
    [9] = SYSCALL(mmap),
    [10] = SYSCALL(mprotect),
    [11] = SYSCALL(munmap),
    [12] = SYSCALL(brk),
    [13] = SYSCALL(rt_sigaction),
    [14] = SYSCALL(rt_sigprocmask),
    [15] = SYSCALL(rt_sigreturn),
    [16] = SYSCALL(ioctl),
    [17] = SYSCALL(pread64),
    [18] = SYSCALL(pwrite64),
    [19] = SYSCALL(readv),
    [20] = SYSCALL(writev),
    [21] = SYSCALL(access),
    [22] = SYSCALL(pipe),
    [24] = SYSCALL(sched_yield),
    [26] = SYSCALL(msync),
    [28] = SYSCALL(madvise),
    [32] = SYSCALL(dup),
    [33] = SYSCALL(dup2),
    [34] = SYSCALL(pause),
    [35] = SYSCALL(nanosleep),
    [39] = SYSCALL(getpid),
    [40] = SYSCALL(sendfile),
    [56] = SYSCALL(clone),
    [57] = SYSCALL(fork),
    [58] = SYSCALL(vfork),
    [59] = SYSCALL(execve),
    [60] = SYSCALL(exit),
    [61] = SYSCALL(wait4),
    [62] = SYSCALL(kill),
    [63] = SYSCALL(uname),
    [72] = SYSCALL(fcntl),
    [74] = SYSCALL(fsync),
    [75] = SYSCALL(fdatasync),
    [76] = SYSCALL(truncate),
    [77] = SYSCALL(ftruncate),
    [79] = SYSCALL(getcwd),
    [80] = SYSCALL(chdir),
    [81] = SYSCALL(fchdir),
    [82] = SYSCALL(rename),
    [83] = SYSCALL(mkdir),
    [84] = SYSCALL(rmdir),
    [86] = SYSCALL(link),
    [87] = SYSCALL(unlink),
    [88] = SYSCALL(symlink),
    [89] = SYSCALL(readlink),
    [90] = SYSCALL(chmod),
    [91] = SYSCALL(fchmod),
    [92] = SYSCALL(chown),
    [93] = SYSCALL(fchown),
    [94] = SYSCALL(lchown),
    [95] = SYSCALL(umask),
    [96] = SYSCALL(gettimeofday),
    [98] = SYSCALL(getrusage),
    [99] = SYSCALL(sysinfo),
    [100] = SYSCALL(times),
    [102] = SYSCALL(getuid),
    [104] = SYSCALL(getgid),
    [107] = SYSCALL(geteuid),
    [108] = SYSCALL(getegid),
    [109] = SYSCALL(setpgid),
    [110] = SYSCALL(getppid),
    [111] = SYSCALL(getpgrp),
    [112] = SYSCALL(setsid),
    [121] = SYSCALL(getpgid),
    [124] = SYSCALL(getsid),
    [127] = SYSCALL(rt_sigpending),
    [130] = SYSCALL(rt_sigsuspend),
    [131] = SYSCALL(sigaltstack),
    [158] = SYSCALL(arch_prctl),
    [162] = SYSCALL(sync),
    [186] = SYSCALL(gettid),
    [200] = SYSCALL(tkill),
    [201] = SYSCALL(time),
    [202] = SYSCALL(futex),
    [217] = SYSCALL(getdents64),
    [218] = SYSCALL(set_tid_address),
    [228] = SYSCALL(clock_gettime),
    [229] = SYSCALL(clock_getres),
    [230] = SYSCALL(clock_nanosleep),
    [231] = SYSCALL(exit_group),
    [234] = SYSCALL(tgkill),
    [257] = SYSCALL(openat),
    [258] = SYSCALL(mkdirat),
    [260] = SYSCALL(fchownat),
    [262] = SYSCALL(newfstatat),
    [263] = SYSCALL(unlinkat),
    [264] = SYSCALL(renameat),
    [265] = SYSCALL(linkat),
    [266] = SYSCALL(symlinkat),
    [267] = SYSCALL(readlinkat),
    [268] = SYSCALL(fchmodat),
    [269] = SYSCALL(faccessat),
    [271] = SYSCALL(ppoll),
    [273] = SYSCALL(set_robust_list),
    [280] = SYSCALL(utimensat),
    [292] = SYSCALL(dup3),
    [293] = SYSCALL(pipe2),
    [302] = SYSCALL(prlimit64),
    [316] = SYSCALL(renameat2),
    [318] = SYSCALL(getrandom),
    [439] = SYSCALL(faccessat2),
};
const size_t arch_nsyscalls = ARRAY_SIZE(arch_syscalls);
