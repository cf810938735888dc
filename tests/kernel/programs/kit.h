/*
 * kit.h: what the programs that run in the test kernel share.
 *
 * Each is an ordinary static Linux program: a table of cases, each of which
 * runs in a child process of its own. It prints a line per case and exits with
 * 0 when all passed. `--list` prints the cases' names, `--test NAME` runs one.
 *
 * The same binary runs on a real Linux and in the kernel, and
 * tests/kernel/compare wants the same text from both: print nothing that may
 * differ from run to run, from machine to machine or between architectures
 * (addresses, process numbers, times).
 */
#ifndef KIT_H
#define KIT_H

#define _GNU_SOURCE /* so this file is included first */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096 };

struct kit_case {
    const char *name;
    void (*run)(void);
};

/* A row of the table: the case NAME is the function NAME. */
#define CASE(function)      \
    {                       \
#function, function \
    }

/* The whole of main; a program that answers other arguments first calls
 * kit_main itself. */
int kit_main(int argc, char **argv, const struct kit_case *cases, size_t n);
#define KIT_MAIN(cases)                                                     \
    int main(int argc, char **argv)                                         \
    {                                                                       \
        return kit_main(argc, argv, cases, sizeof(cases) / sizeof(*cases)); \
    }

/* Print to standard output, unbuffered. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* In any process of a case: what is not so ends this process with status 1. */
#define CHECK(condition)                              \
    do {                                              \
        if (!(condition))                             \
            kit_fail(__FILE__, __LINE__, #condition); \
    } while (0)
/* Integers or pointers that must be equal. */
#define EQUAL(got, wanted) \
    kit_equal(__FILE__, __LINE__, #got, (long long)(got), (long long)(wanted))
/* A call that must answer -1 with this errno. */
#define FAILS(call, error)                                           \
    do {                                                             \
        long long kit_got;                                           \
        errno = 0;                                                   \
        kit_got = (long long)(call);                                 \
        kit_fails(__FILE__, __LINE__, #call, kit_got, errno, error); \
    } while (0)

_Noreturn void kit_fail(const char *file, int line, const char *what);
void kit_equal(const char *file, int line, const char *what, long long got,
               long long wanted);
void kit_fails(const char *file, int line, const char *what, long long got,
               int error, int wanted);

/* --- processes --- */

/* fork, which must succeed. */
pid_t start(void);
/* Wait for this child; its wait status. */
int finish(pid_t child);
/* Run fn(arg) in a child; its wait status; a plain return is exit(0). */
int in_child(void (*fn)(void *arg), void *arg);
/* Sleep for so many milliseconds, through signals. */
void sleep_ms(unsigned ms);
/* Milliseconds of the monotonic clock. */
long long now_ms(void);

/* --- memory --- */

/* n pages, anonymous, read-write; MAP_PRIVATE or MAP_SHARED. */
unsigned char *pages(size_t n, int flags);

/* What touching an address brought: signal 0 is nothing. */
struct fault {
    int signal, code;
    uintptr_t address;
};
struct fault fault_read(const volatile void *address);
struct fault fault_write(volatile void *address);
struct fault fault_jump(const void *address);
/* Read or write 8 bytes at any alignment, in one instruction. */
struct fault fault_read8(const volatile void *address);
struct fault fault_write8(volatile void *address);

/* This touch must fault so. */
#define FAULTS(touch, signal, code, address)                   \
    kit_fault(__FILE__, __LINE__, #touch, touch, signal, code, \
              (uintptr_t)(address))
/* ... must not fault. */
#define WORKS(touch) kit_fault(__FILE__, __LINE__, #touch, touch, 0, 0, 0)
void kit_fault(const char *file, int line, const char *what, struct fault got,
               int signal, int code, uintptr_t address);

/* An address of the kernel's half, and one that no table can translate. */
#define KERNEL_HALF ((unsigned char *)0xffffffff80000000)
#define NON_CANONICAL ((unsigned char *)0x4000000000000000)

/* A function of a few bytes that does nothing, at code; made executable code
 * by the caller's mprotect. */
void put_code(void *code);

/* --- files --- */

/* Work in a fresh directory, which goes when the case is over. */
void fresh_directory(void);
/* Make a file with these bytes; returns a descriptor, read-write. */
int make_file(const char *path, const void *bytes, size_t len);
/* A byte that is a function of where it stands. */
unsigned char pattern(size_t i);

#endif
