/*
 * syscall.h: system calls.
 *
 * A handler gets its six arguments and answers what the program shall see: a
 * result, or a negative number of errno.h.  It is called with the kernel lock
 * held and may sleep.  -ERESTART: interrupted by a signal; the call is made
 * again where the handler's action has SA_RESTART, else it answers -EINTR.
 *
 * The handlers are portable; each architecture's syscalls.c lists, by its own
 * numbers, those that it has.  Numbers with no handler answer -ENOSYS.
 */
#ifndef SYSCALL_H
#define SYSCALL_H

#include "kernel.h"

struct syscall {
    const char *name;
    int64_t (*run)(const uint64_t args[6]);
};

/* Those of this architecture, by number; the architecture's syscalls.c. */
extern const struct syscall arch_syscalls[];
extern const size_t arch_nsyscalls;

/* An entry of arch_syscalls: [NUMBER] = SYSCALL(read). */
#define SYSCALL(name)     \
    {                     \
#name, sys_##name \
    }

/*
 * Every handler there is, by the name of its Linux call.  sys_NAME(args) is
 * declared by SYSCALL_HANDLER(NAME).
 */
#define SYSCALL_HANDLER(name) int64_t sys_##name(const uint64_t args[6])

/* exec.c, process.c, wait.c, sys_process.c */
SYSCALL_HANDLER(execve);
SYSCALL_HANDLER(exit);
SYSCALL_HANDLER(exit_group);
SYSCALL_HANDLER(fork);
SYSCALL_HANDLER(vfork);
SYSCALL_HANDLER(clone);
SYSCALL_HANDLER(wait4);
SYSCALL_HANDLER(getpid);
SYSCALL_HANDLER(getppid);
SYSCALL_HANDLER(gettid);
SYSCALL_HANDLER(set_tid_address);
SYSCALL_HANDLER(set_robust_list);
SYSCALL_HANDLER(sched_yield);
SYSCALL_HANDLER(prlimit64);
SYSCALL_HANDLER(uname);
SYSCALL_HANDLER(getuid);
SYSCALL_HANDLER(geteuid);
SYSCALL_HANDLER(getgid);
SYSCALL_HANDLER(getegid);
SYSCALL_HANDLER(setpgid);
SYSCALL_HANDLER(getpgid);
SYSCALL_HANDLER(setsid);
SYSCALL_HANDLER(getpgrp);
SYSCALL_HANDLER(getsid);
SYSCALL_HANDLER(umask);
SYSCALL_HANDLER(sysinfo);
SYSCALL_HANDLER(times);
SYSCALL_HANDLER(getrusage);

/* sys_mm.c */
SYSCALL_HANDLER(brk);
SYSCALL_HANDLER(mmap);
SYSCALL_HANDLER(munmap);
SYSCALL_HANDLER(mprotect);
SYSCALL_HANDLER(madvise);
SYSCALL_HANDLER(msync);

/* sys_signal.c */
SYSCALL_HANDLER(rt_sigaction);
SYSCALL_HANDLER(rt_sigprocmask);
SYSCALL_HANDLER(rt_sigreturn);
SYSCALL_HANDLER(rt_sigsuspend);
SYSCALL_HANDLER(rt_sigpending);
SYSCALL_HANDLER(pause);
SYSCALL_HANDLER(sigaltstack);
SYSCALL_HANDLER(kill);
SYSCALL_HANDLER(tgkill);
SYSCALL_HANDLER(tkill);

/* sys_time.c, futex.c */
SYSCALL_HANDLER(clock_gettime);
SYSCALL_HANDLER(clock_getres);
SYSCALL_HANDLER(clock_nanosleep);
SYSCALL_HANDLER(nanosleep);
SYSCALL_HANDLER(gettimeofday);
SYSCALL_HANDLER(time);
SYSCALL_HANDLER(futex);
SYSCALL_HANDLER(getrandom);

/* sys_*.c of the files */
SYSCALL_HANDLER(read);
SYSCALL_HANDLER(write);
SYSCALL_HANDLER(readv);
SYSCALL_HANDLER(writev);
SYSCALL_HANDLER(pread64);
SYSCALL_HANDLER(pwrite64);
SYSCALL_HANDLER(open);
SYSCALL_HANDLER(openat);
SYSCALL_HANDLER(close);
SYSCALL_HANDLER(lseek);
SYSCALL_HANDLER(ftruncate);
SYSCALL_HANDLER(truncate);
SYSCALL_HANDLER(fsync);
SYSCALL_HANDLER(unlink);
SYSCALL_HANDLER(unlinkat);
SYSCALL_HANDLER(mkdir);
SYSCALL_HANDLER(mkdirat);
SYSCALL_HANDLER(rmdir);
SYSCALL_HANDLER(rename);
SYSCALL_HANDLER(renameat);
SYSCALL_HANDLER(renameat2);
SYSCALL_HANDLER(symlink);
SYSCALL_HANDLER(symlinkat);
SYSCALL_HANDLER(fstat);
SYSCALL_HANDLER(newfstatat);
SYSCALL_HANDLER(stat);
SYSCALL_HANDLER(lstat);
SYSCALL_HANDLER(access);
SYSCALL_HANDLER(faccessat);
SYSCALL_HANDLER(faccessat2);
SYSCALL_HANDLER(readlink);
SYSCALL_HANDLER(readlinkat);
SYSCALL_HANDLER(getdents64);
SYSCALL_HANDLER(chdir);
SYSCALL_HANDLER(fchdir);
SYSCALL_HANDLER(getcwd);
SYSCALL_HANDLER(pipe);
SYSCALL_HANDLER(pipe2);
SYSCALL_HANDLER(dup);
SYSCALL_HANDLER(dup2);
SYSCALL_HANDLER(dup3);
SYSCALL_HANDLER(fcntl);
SYSCALL_HANDLER(ioctl);
SYSCALL_HANDLER(poll);
SYSCALL_HANDLER(ppoll);
SYSCALL_HANDLER(sendfile);
SYSCALL_HANDLER(chmod);
SYSCALL_HANDLER(fchmod);
SYSCALL_HANDLER(fchmodat);
SYSCALL_HANDLER(utimensat);
SYSCALL_HANDLER(link);
SYSCALL_HANDLER(linkat);
SYSCALL_HANDLER(chown);
SYSCALL_HANDLER(lchown);
SYSCALL_HANDLER(fchown);
SYSCALL_HANDLER(fchownat);
SYSCALL_HANDLER(fdatasync);
SYSCALL_HANDLER(sync);

#undef SYSCALL_HANDLER

#endif
