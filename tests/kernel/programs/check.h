/*
 * check.h: for programs that test the kernel's system calls from inside.
 *
 * Each is a plain static Linux program and must pass on Linux, too: that is how
 * its expectations are known to be right.  The first thing that is not as
 * expected ends it with status 1 and a line that says where.
 */
#ifndef CHECK_H
#define CHECK_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                  \
    do {                                                                  \
        if (!(condition)) {                                               \
            fprintf(stderr, "%s:%d: not true: %s (errno %d)\n", __FILE__, \
                    __LINE__, #condition, errno);                         \
            _exit(1);                                                     \
        }                                                                 \
    } while (0)

/* The call fails, and with this error. */
#define CHECK_ERROR(call, error)                       \
    do {                                               \
        errno = 0;                                     \
        CHECK((long)(call) == -1 && errno == (error)); \
    } while (0)

#endif
