/*
 * kit.c: cases in children, checks, faults on purpose; see kit.h.
 */
#include "kit.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

void say(const char *format, ...)
{
    char text[512];
    va_list list;
    int len;

    va_start(list, format);
    len = vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    if (len > (int)sizeof(text) - 1)
        len = (int)sizeof(text) - 1;
    if (write(STDOUT_FILENO, text, (size_t)len) != len)
        _exit(3);
}

_Noreturn void kit_fail(const char *file, int line, const char *what)
{
    const char *base = strrchr(file, '/');

    say("%s:%d: not true: %s\n", base ? base + 1 : file, line, what);
    _exit(1);
}

void kit_equal(const char *file, int line, const char *what, long long got,
               long long wanted)
{
    if (got == wanted)
        return;
    say("got %lld (%#llx), wanted %lld (%#llx)\n", got, got, wanted, wanted);
    kit_fail(file, line, what);
}

void kit_fails(const char *file, int line, const char *what, long long got,
               int error, int wanted)
{
    if (got == -1 && error == wanted)
        return;
    say("got %lld, errno %d (%s); wanted errno %d (%s)\n", got, error,
        strerror(error), wanted, strerror(wanted));
    kit_fail(file, line, what);
}

/* --- processes --- */

pid_t start(void)
{
    pid_t child = fork();

    CHECK(child >= 0);
    return child;
}

int finish(pid_t child)
{
    int status;
    pid_t got;

    do
        got = waitpid(child, &status, 0);
    while (got < 0 && errno == EINTR);
    CHECK(got == child);
    return status;
}

int in_child(void (*fn)(void *arg), void *arg)
{
    pid_t child = start();

    if (child == 0) {
        fn(arg);
        _exit(0);
    }
    return finish(child);
}

void sleep_ms(unsigned ms)
{
    struct timespec left = { ms / 1000, (long)(ms % 1000) * 1000000 };

    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

long long now_ms(void)
{
    struct timespec now;

    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- memory --- */

unsigned char *pages(size_t n, int flags)
{
    void *p = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE,
                   flags | MAP_ANONYMOUS, -1, 0);

    CHECK(p != MAP_FAILED);
    return p;
}

static sigjmp_buf fault_out;
static struct fault fault_seen;

static void note_fault(int signal, siginfo_t *info, void *context)
{
    (void)context;
    fault_seen.signal = signal;
    fault_seen.code = info->si_code;
    fault_seen.address = (uintptr_t)info->si_addr;
    siglongjmp(fault_out, 1);
}

typedef void touch(uintptr_t address);

static struct fault try(touch *fn, uintptr_t address)
{
    static const int signals[] = { SIGSEGV, SIGBUS, SIGILL };
    struct sigaction action = { .sa_flags = SA_SIGINFO }, old[3];
    size_t i;

    action.sa_sigaction = note_fault;
    for (i = 0; i < 3; i++)
        CHECK(sigaction(signals[i], &action, &old[i]) == 0);
    fault_seen = (struct fault){ 0, 0, 0 };
    if (sigsetjmp(fault_out, 1) == 0)
        fn(address);
    for (i = 0; i < 3; i++)
        CHECK(sigaction(signals[i], &old[i], NULL) == 0);
    return fault_seen;
}

static void read_byte(uintptr_t address)
{
    (void)*(const volatile unsigned char *)address;
}

static void write_byte(uintptr_t address)
{
    *(volatile unsigned char *)address = 0x5a;
}

static void jump(uintptr_t address)
{
    ((void (*)(void))address)();
}

static void read_word(uintptr_t address)
{
    uint64_t word;

#if defined(__x86_64__)
    __asm__ volatile("movq (%1), %0" : "=r"(word) : "r"(address) : "memory");
#else
    __asm__ volatile("ld %0, 0(%1)" : "=r"(word) : "r"(address) : "memory");
#endif
    (void)word;
}

static void write_word(uintptr_t address)
{
    uint64_t word = 0x5a5a5a5a5a5a5a5a;

#if defined(__x86_64__)
    __asm__ volatile("movq %0, (%1)" : : "r"(word), "r"(address) : "memory");
#else
    __asm__ volatile("sd %0, 0(%1)" : : "r"(word), "r"(address) : "memory");
#endif
}

struct fault fault_read(const volatile void *address)
{
    return try(read_byte, (uintptr_t)address);
}

struct fault fault_write(volatile void *address)
{
    return try(write_byte, (uintptr_t)address);
}

struct fault fault_jump(const void *address)
{
    return try(jump, (uintptr_t)address);
}

struct fault fault_read8(const volatile void *address)
{
    return try(read_word, (uintptr_t)address);
}

struct fault fault_write8(volatile void *address)
{
    return try(write_word, (uintptr_t)address);
}

void kit_fault(const char *file, int line, const char *what, struct fault got,
               int signal, int code, uintptr_t address)
{
    if (got.signal == signal && got.code == code && got.address == address)
        return;
    say("got signal %d, code %d, address %#lx; "
        "wanted signal %d, code %d, address %#lx\n",
        got.signal, got.code, (unsigned long)got.address, signal, code,
        (unsigned long)address);
    kit_fail(file, line, what);
}

void put_code(void *code)
{
#if defined(__x86_64__)
    static const unsigned char ret[] = { 0xc3 };
#else
    static const unsigned char ret[] = { 0x67, 0x80, 0x00, 0x00 };
#endif

    memcpy(code, ret, sizeof(ret));
    __builtin___clear_cache((char *)code, (char *)code + sizeof(ret));
}

/* --- files --- */

static void directory_name(char name[64], pid_t process)
{
    snprintf(name, 64, "/tmp/lp-case-%ld", (long)process);
}

/* Remove what is in the working directory, all the way down. */
static void empty_directory(void)
{
    DIR *dir = opendir(".");
    struct dirent *entry;

    if (!dir)
        return;
    while ((entry = readdir(dir))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (unlink(entry->d_name) == 0)
            continue;
        if (chdir(entry->d_name) == 0) {
            empty_directory();
            if (chdir("..") != 0)
                break;
        }
        rmdir(entry->d_name);
    }
    closedir(dir);
}

static void remove_directory(pid_t process)
{
    char name[64];

    directory_name(name, process);
    if (chdir(name) != 0)
        return;
    empty_directory();
    if (chdir("/") == 0)
        rmdir(name);
}

void fresh_directory(void)
{
    char name[64];

    remove_directory(getpid());
    directory_name(name, getpid());
    umask(022);
    CHECK(mkdir(name, 0777) == 0);
    CHECK(chdir(name) == 0);
}

int make_file(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0666);

    CHECK(fd >= 0);
    CHECK(write(fd, bytes, len) == (ssize_t)len);
    return fd;
}

unsigned char pattern(size_t i)
{
    return (unsigned char)(i * 167 + (i >> 8) * 13 + (i >> 16));
}

/* --- main --- */

static bool run_case(const struct kit_case *one)
{
    pid_t child = start();
    int status;

    if (child == 0) {
        one->run();
        _exit(0);
    }
    status = finish(child);
    remove_directory(child);
    if (WIFSIGNALED(status))
        say("%s: signal %d\n", one->name, WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        say("%s: exit %d\n", one->name, WEXITSTATUS(status));
    else
        say("%s: ok\n", one->name);
    return status == 0;
}

int kit_main(int argc, char **argv, const struct kit_case *cases, size_t n)
{
    bool good = true, list = argc == 2 && !strcmp(argv[1], "--list");
    const char *only = NULL;
    size_t i, ran = 0;

    if (argc == 3 && !strcmp(argv[1], "--test")) {
        only = argv[2];
    } else if (argc != 1 && !list) {
        fprintf(stderr, "usage: %s [--list | --test NAME]\n", argv[0]);
        return 2;
    }
    for (i = 0; i < n; i++) {
        if (only && strcmp(cases[i].name, only))
            continue;
        ran++;
        if (list)
            say("%s\n", cases[i].name);
        else
            good &= run_case(&cases[i]);
    }
    if (only && !ran)
        fprintf(stderr, "%s: no such case: %s\n", argv[0], only);
    return ran && good ? 0 : 1;
}
