/*
 * execs.c: execve: arguments, environment, scripts, what stays and what goes.
 *
 * The program runs itself in the roles that main tells apart.
 */
#include "kit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define SELF "/proc/self/exe"

/* Run path in a child; its wait status, or -errno. What the child prints (at
 * most size - 1 bytes) goes to out, if there is one. */
static int run(const char *path, char *const argv[], char *const envp[],
               char *out, size_t size)
{
    int ends[2], result = 0;
    size_t got = 0;
    ssize_t n;
    pid_t child;
    _Atomic int *error = (_Atomic int *)(void *)pages(1, MAP_SHARED);

    CHECK(pipe(ends) == 0);
    child = start();
    if (child == 0) {
        if (out)
            dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2);
        execve(path, argv, envp);
        *error = errno;
        _exit(99);
    }
    CHECK(close(ends[1]) == 0);
    while (out && got < size - 1 &&
           (n = read(ends[0], out + got, size - 1 - got)) > 0)
        got += (size_t)n;
    if (out)
        out[got] = 0;
    CHECK(close(ends[0]) == 0);
    result = finish(child);
    return *error ? -*error : result;
}

static char *words(const char *word)
{
    return (char *)(uintptr_t)word;
}

static void arguments(void)
{
    char *argv[] = { words("zero"),      words("--print"),  words(""),
                     words("two words"), words("\xff\x01"), NULL };
    char *envp[] = { words("A=1"), words("B="), words("odd"), NULL };
    char text[256];

    EQUAL(run(SELF, argv, envp, text, sizeof(text)), 0);
    CHECK(!strcmp(text, "5\nzero\n--print\n\ntwo words\n\xff\x01\n"
                        "A=1\nB=\nodd\n"));
}

/* 500 words of 200 bytes; the sum of what arrived. */
static void many_arguments(void)
{
    enum { N = 500 };
    static char text[N][200];
    char *argv[N + 3] = { words("x"), words("--sum") }, *envp[] = { NULL };
    char out[64], want[64];
    unsigned long sum = 0;
    int i, j;

    for (i = 0; i < N; i++) {
        for (j = 0; j < 199; j++) {
            text[i][j] = (char)('a' + (i * 7 + j) % 26);
            sum += (unsigned long)text[i][j] * (unsigned long)(i + 2);
        }
        argv[i + 2] = text[i];
    }
    EQUAL(run(SELF, argv, envp, out, sizeof(out)), 0);
    snprintf(want, sizeof(want), "%d %lu\n", N + 2, sum);
    CHECK(!strcmp(out, want));
}

static void too_much(void)
{
    enum { LEN = 200000 };
    static char text[LEN];
    char *argv[] = { words("x"), words("--print"), text, NULL };
    char *envp[] = { NULL };

    memset(text, 'a', LEN - 1);
    EQUAL(run(SELF, argv, envp, NULL, 0), -E2BIG);
    EQUAL(run(SELF, envp, argv, NULL, 0), -E2BIG);
}

static void not_programs(void)
{
    char *argv[] = { words("x"), NULL }, *envp[] = { NULL };
    char name[300];

    fresh_directory();
    EQUAL(run("missing", argv, envp, NULL, 0), -ENOENT);
    EQUAL(run("", argv, envp, NULL, 0), -ENOENT);
    CHECK(close(make_file("plain", "just text\n", 10)) == 0);
    EQUAL(run("plain", argv, envp, NULL, 0), -EACCES);
    CHECK(chmod("plain", 0755) == 0);
    EQUAL(run("plain", argv, envp, NULL, 0), -ENOEXEC);
    EQUAL(run("plain/x", argv, envp, NULL, 0), -ENOTDIR);
    EQUAL(run(".", argv, envp, NULL, 0), -EACCES);
    CHECK(close(make_file("empty", "", 0)) == 0);
    CHECK(chmod("empty", 0755) == 0);
    EQUAL(run("empty", argv, envp, NULL, 0), -ENOEXEC);
    CHECK(symlink("loop", "loop") == 0);
    EQUAL(run("loop", argv, envp, NULL, 0), -ELOOP);
    memset(name, 'n', 299);
    name[299] = 0;
    EQUAL(run(name, argv, envp, NULL, 0), -ENAMETOOLONG);
}

static void script(const char *path, const char *text)
{
    CHECK(close(make_file(path, text, strlen(text))) == 0);
    CHECK(chmod(path, 0755) == 0);
}

static char own_path[512];

static void scripts(void)
{
    char *argv[] = { words("zero"), words("one"), NULL }, *envp[] = { NULL };
    char text[1024], out[1024], want[1024];

    fresh_directory();
    snprintf(text, sizeof(text), "#!%s --print\nthe rest\n", own_path);
    script("s", text);
    EQUAL(run("./s", argv, envp, out, sizeof(out)), 0);
    snprintf(want, sizeof(want), "4\n%s\n--print\n./s\none\n", own_path);
    CHECK(!strcmp(out, want));
    /* All of the line's rest is one argument. */
    snprintf(text, sizeof(text), "#! \t%s   --print  a  b \t\n", own_path);
    script("s", text);
    EQUAL(run("s", argv, envp, out, sizeof(out)), 2 << 8);
    script("s", "#!/nonexistent/program\n");
    EQUAL(run("s", argv, envp, NULL, 0), -ENOENT);
    script("s", "#!\n");
    EQUAL(run("s", argv, envp, NULL, 0), -ENOEXEC);
}

/* Linux answers ELOOP, a kernel that knows no scripts of scripts ENOEXEC. */
static void script_of_itself(void)
{
    char *argv[] = { words("zero"), NULL }, *envp[] = { NULL };

    fresh_directory();
    script("loop", "#!./loop\n");
    CHECK(run("./loop", argv, envp, NULL, 0) < 0);
}

static void closes_what_is_marked(void)
{
    char *envp[] = { NULL }, numbers[64];
    char *argv[] = { words("x"), words("--open"), numbers, NULL };
    int kept = open("/dev/null", O_RDONLY);
    int closed = open("/dev/null", O_RDONLY | O_CLOEXEC);

    snprintf(numbers, sizeof(numbers), "%d", kept);
    EQUAL(run(SELF, argv, envp, NULL, 0), 0);
    snprintf(numbers, sizeof(numbers), "%d", closed);
    EQUAL(run(SELF, argv, envp, NULL, 0), 4 << 8);
    /* A failed execve closes nothing. */
    EQUAL(execve("/nonexistent", argv, envp), -1);
    EQUAL(fcntl(closed, F_GETFD), FD_CLOEXEC);
}

static void ignore(int signal)
{
    (void)signal;
}

static void signals_over_exec(void)
{
    char *envp[] = { NULL };
    char *argv[] = { words("x"), words("--signals"), NULL };
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    CHECK(signal(SIGUSR1, ignore) != SIG_ERR);
    CHECK(signal(SIGHUP, SIG_IGN) != SIG_ERR);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    EQUAL(run(SELF, argv, envp, NULL, 0), 0);
}

/* The new program's memory has nothing of the old one's. */
static void memory_is_new(void)
{
    char *envp[] = { NULL }, address[32];
    char *argv[] = { words("x"), words("--memory"), address, NULL };
    unsigned char *p = pages(512, MAP_PRIVATE);

    memset(p, 0xee, 512 * PAGE);
    snprintf(address, sizeof(address), "%lu", (unsigned long)p);
    EQUAL(run(SELF, argv, envp, NULL, 0), 0);
    EQUAL(p[100], 0xee);
}

static void auxiliary_vector(void)
{
    const unsigned char *bytes = (unsigned char *)getauxval(AT_RANDOM);
    int i, sum = 0;

    EQUAL(getauxval(AT_PAGESZ), PAGE);
    EQUAL(sysconf(_SC_PAGESIZE), PAGE);
    CHECK(bytes);
    for (i = 0; i < 16; i++)
        sum += bytes[i];
    CHECK(sum != 0);
    CHECK(getauxval(AT_EXECFN));
    CHECK(!strcmp(strrchr((char *)getauxval(AT_EXECFN), '/'), "/execs"));
    EQUAL(getauxval(AT_SECURE), 0);
    EQUAL(getauxval(AT_UID), getuid());
    EQUAL(getauxval(AT_PHENT), 56);
    CHECK(getauxval(AT_PHDR) && getauxval(AT_PHNUM) && getauxval(AT_ENTRY));
}

/* The same process, a hundred programs one after the other. */
static void again_and_again(void)
{
    char *argv[] = { words("x"), words("--again"), words("100"), NULL };
    char *envp[] = { NULL };

    EQUAL(run(SELF, argv, envp, NULL, 0), 55 << 8);
}

/* Large data, large bss: every page is where and what it should be. */
enum { LARGE = 600 * 1024 };
static unsigned char large_bss[LARGE];
static unsigned char large_data[LARGE] = { 1, [LARGE / 2] = 2,
                                           [LARGE - 1] = 3 };

static void data_and_bss(void)
{
    size_t i;

    for (i = 0; i < LARGE; i++)
        EQUAL(large_bss[i], 0);
    for (i = 0; i < LARGE; i++)
        EQUAL(large_data[i], i == 0           ? 1
                             : i == LARGE / 2 ? 2
                             : i == LARGE - 1 ? 3
                                              : 0);
    memset(large_data, 9, LARGE);
    memset(large_bss, 9, LARGE);
}

/* The program's file is as it was, whatever its data became. */
static void file_stays(void)
{
    char *argv[] = { words("x"), words("--data"), NULL }, *envp[] = { NULL };

    memset(large_data, 7, LARGE);
    EQUAL(run(SELF, argv, envp, NULL, 0), 0);
}

static const struct kit_case cases[] = {
    CASE(arguments),
    CASE(many_arguments),
    CASE(too_much),
    CASE(not_programs),
    CASE(scripts),
    CASE(script_of_itself),
    CASE(closes_what_is_marked),
    CASE(signals_over_exec),
    CASE(memory_is_new),
    CASE(auxiliary_vector),
    CASE(again_and_again),
    CASE(data_and_bss),
    CASE(file_stays),
};

/* --- the roles --- */

static int role_print(int argc, char **argv)
{
    extern char **environ;
    char **word;
    int i;

    say("%d\n", argc);
    for (i = 0; i < argc; i++)
        say("%s\n", argv[i]);
    for (word = environ; *word; word++)
        say("%s\n", *word);
    return 0;
}

static int role_sum(int argc, char **argv)
{
    unsigned long sum = 0;
    int i, j;

    for (i = 2; i < argc; i++)
        for (j = 0; argv[i][j]; j++)
            sum += (unsigned long)argv[i][j] * (unsigned long)i;
    say("%d %lu\n", argc, sum);
    return 0;
}

static int role_signals(void)
{
    struct sigaction action;
    sigset_t mask;

    CHECK(sigaction(SIGUSR1, NULL, &action) == 0);
    CHECK(action.sa_handler == SIG_DFL);
    CHECK(sigaction(SIGHUP, NULL, &action) == 0);
    CHECK(action.sa_handler == SIG_IGN);
    CHECK(sigprocmask(SIG_BLOCK, NULL, &mask) == 0);
    CHECK(sigismember(&mask, SIGUSR2));
    return 0;
}

static int role_memory(const char *address)
{
    unsigned char *p = (unsigned char *)strtoul(address, NULL, 10);
    struct fault fault = fault_read(p + 100);

    /* Layouts are random: by chance something may lie there now. */
    return fault.signal == SIGSEGV || p[100] != 0xee ? 0 : 1;
}

static int role_again(int left)
{
    char number[16];
    char *argv[] = { words("x"), words("--again"), number, NULL };
    char *envp[] = { NULL };

    if (left == 0)
        return 55;
    snprintf(number, sizeof(number), "%d", left - 1);
    execve(SELF, argv, envp);
    return 1;
}

static int role(int argc, char **argv)
{
    if (!strcmp(argv[1], "--print"))
        return role_print(argc, argv);
    if (!strcmp(argv[1], "--sum"))
        return role_sum(argc, argv);
    if (!strcmp(argv[1], "--signals"))
        return role_signals();
    if (!strcmp(argv[1], "--data"))
        return data_and_bss(), 0;
    if (argc == 3 && !strcmp(argv[1], "--open"))
        return fcntl(atoi(argv[2]), F_GETFD) >= 0 ? 0 : 4;
    if (argc == 3 && !strcmp(argv[1], "--memory"))
        return role_memory(argv[2]);
    if (argc == 3 && !strcmp(argv[1], "--again"))
        return role_again(atoi(argv[2]));
    return -1;
}

int main(int argc, char **argv)
{
    int status = argc > 1 ? role(argc, argv) : -1;

    if (status >= 0)
        return status;
    CHECK(readlink(SELF, own_path, sizeof(own_path) - 1) > 0);
    return kit_main(argc, argv, cases, sizeof(cases) / sizeof(*cases));
}
