/*
 * exec: what a new program gets, what goes, and every file that is no program.
 *
 * exec [hostile SEED ROUNDS]; with other arguments it is one of its own
 * children: see child().
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

extern char **environ;

#define SELF "/proc/self/exe"
#define COPY "/tmp/exec.copy"

static char zeroes[100000]; /* bss of more than a page */
static char initialised[] = "data";

static int wait_for(pid_t pid)
{
    int status;

    CHECK(pid > 0);
    CHECK(waitpid(pid, &status, 0) == pid);
    return status;
}

/* Runs path with these arguments in a child; its wait status, or the error of
 * execve as an exit code 100 + errno. */
static int run(const char *path, char *const argv[], char *const envp[])
{
    pid_t pid = fork();

    if (pid == 0) {
        execve(path, argv, envp);
        _exit(100 + errno);
    }
    return wait_for(pid);
}

static int exit_of(const char *path, char *const argv[], char *const envp[])
{
    int status = run(path, argv, envp);

    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* --- what the children do --- */

static int check_start(int argc, char **argv)
{
    uint64_t i;
    struct sigaction action;

    for (i = 0; i < sizeof(zeroes); i++)
        CHECK(zeroes[i] == 0);
    CHECK(strcmp(initialised, "data") == 0);
    CHECK(argc == 4 && argv[4] == NULL);
    CHECK(strcmp(argv[2], "") == 0 && strcmp(argv[3], "three") == 0);
    CHECK(environ[0] && strcmp(environ[0], "A=1") == 0 && !environ[1]);
    CHECK(getauxval(AT_PAGESZ) == 4096 && getauxval(AT_CLKTCK) == 100);
    CHECK(getauxval(AT_PHENT) == sizeof(Elf64_Phdr));
    CHECK(((Elf64_Phdr *)getauxval(AT_PHDR))[0].p_type != 0);
    CHECK(getauxval(AT_ENTRY) != 0 && getauxval(AT_RANDOM) != 0);
    CHECK(strcmp((char *)getauxval(AT_EXECFN), SELF) == 0);
    CHECK(((uintptr_t)argv & 7) == 0);
    CHECK(fcntl(50, F_GETFD) == -1 && fcntl(51, F_GETFD) == 0);
    CHECK(sigaction(SIGUSR1, NULL, &action) == 0);
    CHECK(action.sa_handler == SIG_DFL);
    CHECK(sigaction(SIGUSR2, NULL, &action) == 0);
    CHECK(action.sa_handler == SIG_IGN);
    return 21;
}

static int count_strings(int argc, char **argv)
{
    uint64_t sum = 0;
    char **e;
    int i;

    for (i = 2; i < argc; i++)
        sum += strlen(argv[i]);
    for (e = environ; *e; e++)
        sum += strlen(*e);
    return (int)(sum % 251);
}

static int child(int argc, char **argv)
{
    if (strcmp(argv[1], "start") == 0)
        return check_start(argc, argv);
    if (strcmp(argv[1], "count") == 0)
        return count_strings(argc, argv);
    if (strcmp(argv[1], "empty") == 0)
        return argc == 2 && argv[0][0] == 0 ? 22 : 1;
    if (strcmp(argv[1], "plain") == 0)
        return 23;
    return 1;
}

/* --- the tests --- */

static void on_signal(int signal)
{
    (void)signal;
}

static void test_start(void)
{
    char *argv[] = { "exec", "start", "", "three", NULL };
    char *envp[] = { "A=1", NULL };

    memset(zeroes, 1, sizeof(zeroes));
    initialised[0] = 'X';
    CHECK(dup2(1, 51) == 51 && dup3(1, 50, O_CLOEXEC) == 50);
    signal(SIGUSR1, on_signal);
    signal(SIGUSR2, SIG_IGN);
    CHECK(exit_of(SELF, argv, envp) == 21);
    close(50);
    close(51);
}

static long raw_execve(long path, long argv, long envp)
{
    return syscall(SYS_execve, path, argv, envp);
}

/* A program that cannot be run leaves the old one as it was. */
static void test_errors(void)
{
    char *argv[] = { "x", "plain", NULL };
    char *bad[] = { (char *)8, NULL };
    int fd;

    CHECK_ERROR(execve("/nonexistent", argv, environ), ENOENT);
    CHECK_ERROR(execve("", argv, environ), ENOENT);
    CHECK_ERROR(execve("/tmp", argv, environ), EACCES);
    CHECK_ERROR(raw_execve(8, (long)argv, (long)environ), EFAULT);
    CHECK_ERROR(raw_execve((long)SELF, 8, (long)environ), EFAULT);
    CHECK_ERROR(raw_execve((long)SELF, (long)bad, (long)environ), EFAULT);
    CHECK_ERROR(raw_execve((long)SELF, (long)argv, (long)bad), EFAULT);
    unlink(COPY);
    fd = open(COPY, O_CREAT | O_WRONLY | O_TRUNC, 0644);
    CHECK(fd >= 0 && write(fd, "hello\n", 6) == 6);
    close(fd);
    CHECK_ERROR(execve(COPY, argv, environ), EACCES);
    CHECK(chmod(COPY, 0755) == 0);
    CHECK_ERROR(execve(COPY, argv, environ), ENOEXEC);
    CHECK(truncate(COPY, 0) == 0);
    CHECK_ERROR(execve(COPY, argv, environ), ENOEXEC);
    CHECK(exit_of(SELF, argv, environ) == 23);
}

/* Long and many strings; too long and too many. */
static void test_strings(void)
{
    enum { LONG = 100000, MANY = 3000 };
    static char text[LONG + 1];
    static char *argv[200000];
    int i, expected;

    memset(text, 'x', LONG);
    argv[0] = "x";
    argv[1] = "count";
    argv[2] = text;
    argv[3] = NULL;
    CHECK(exit_of(SELF, argv, argv + 3) == LONG % 251);
    for (i = 2; i < MANY; i++)
        argv[i] = "12345";
    argv[i] = NULL;
    expected = (MANY - 2) * 5 % 251;
    CHECK(exit_of(SELF, argv, argv + MANY) == expected);
    /* Here the limits are 128 KiB together; Linux has 128 KiB each. */
    text[LONG] = 'x';
    for (i = 2; i < 200000 - 1; i++)
        argv[i] = "0123456789012345678901234567890123456789";
    CHECK(exit_of(SELF, argv, argv + 199999) == 100 + E2BIG);
}

static void test_empty(void)
{
    char *argv[] = { "", "empty", NULL }, *none[] = { NULL };
    int code;

    CHECK(exit_of(SELF, argv, none) == 22);
    /* No argv at all: the program sees one empty string. */
    code = exit_of("/proc/self/exe", none, argv + 1);
    CHECK(code == 0 || code == 77);
}

static void write_file(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755);

    CHECK(fd >= 0);
    CHECK(write(fd, bytes, len) == (ssize_t)len);
    close(fd);
    CHECK(chmod(path, 0755) == 0);
}

static void write_script(const char *line)
{
    write_file("/tmp/exec.script", line, strlen(line));
}

static void test_scripts(const char *self)
{
    char *argv[] = { "ignored", "more", NULL };
    char line[4300];

    write_file("/tmp/exec.args", self, 0);
    snprintf(line, sizeof(line), "#!%s count\n", COPY);
    write_script(line);
    CHECK(exit_of("/tmp/exec.script", argv, argv + 2) ==
          (int)(strlen("/tmp/exec.script") + strlen("more")));
    snprintf(line, sizeof(line), "#! \t%s  count \t\nnonsense", COPY);
    write_script(line);
    CHECK(exit_of("/tmp/exec.script", argv, argv + 2) == 20);
    write_script("#!/nonexistent\n");
    CHECK(exit_of("/tmp/exec.script", argv, argv + 2) == 100 + ENOENT);
    write_script("#!\n");
    CHECK(exit_of("/tmp/exec.script", argv, argv + 2) == 100 + ENOEXEC);
    write_script("#!   ");
    CHECK(exit_of("/tmp/exec.script", argv, argv + 2) >= 100);
    memset(line, 'x', sizeof(line));
    memcpy(line, "#!/", 3);
    line[sizeof(line) - 1] = 0;
    write_script(line);
    CHECK(exit_of("/tmp/exec.script", argv, argv + 2) >= 100);
    unlink("/tmp/exec.script");
    unlink("/tmp/exec.args");
}

static void test_spawn(void)
{
    char *argv[] = { "x", "plain", NULL };
    pid_t pid;
    int status;

    CHECK(posix_spawn(&pid, SELF, NULL, NULL, argv, environ) == 0);
    CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 23);
    CHECK(posix_spawn(&pid, "/nonexistent", NULL, NULL, argv, environ) ==
          ENOENT);
    pid = vfork();
    if (pid == 0) {
        execve(SELF, argv, environ);
        _exit(1);
    }
    CHECK(WEXITSTATUS(wait_for(pid)) == 23);
}

/* --- hostile files --- */

static unsigned char *image;
static size_t image_len;

static void load_image(void)
{
    struct stat st;
    int fd = open(SELF, O_RDONLY);

    CHECK(fd >= 0 && fstat(fd, &st) == 0);
    image_len = (size_t)st.st_size;
    image = malloc(image_len);
    CHECK(image && read(fd, image, image_len) == (ssize_t)image_len);
    close(fd);
    write_file(COPY, image, image_len);
}

/* Only the bytes that headers have are written: the file is the same else. */
static void patch(const void *bytes, size_t len)
{
    int fd = open(COPY, O_WRONLY);

    CHECK(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
    close(fd);
}

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static uint64_t evil_number(uint64_t old)
{
    static const uint64_t evil[] = {
        0,
        1,
        0xfff,
        0x1000,
        0x7fffffff,
        0x80000000,
        0xffffffff,
        0x7ffffffff000,
        0x800000000000,
        0x7fffffffffffffff,
        0x8000000000000000,
        0xffffffffffffffff,
        0xfffffffffffff000,
        0x3ffffff000,
        0xffffffff80000000,
    };
    uint64_t kind = next_random() % 4;

    if (kind == 0)
        return old + next_random() % 8192 - 4096;
    if (kind == 1)
        return old ^ (uint64_t)1 << (next_random() % 64);
    return evil[next_random() % (sizeof(evil) / sizeof(*evil))];
}

/* Change a field or two of the headers, and see that the kernel survives. */
static void test_hostile(int rounds)
{
    char *argv[] = { "x", "plain", NULL };
    size_t len = sizeof(Elf64_Ehdr), total;
    unsigned char *headers;
    int i, same = 0;
    unsigned n;

    n = ((Elf64_Ehdr *)image)->e_phnum;
    total = len + n * sizeof(Elf64_Phdr);
    headers = malloc(total);
    CHECK(headers && ((Elf64_Ehdr *)image)->e_phoff == len);
    for (i = 0; i < rounds; i++) {
        int changes = 1 + (int)(next_random() % 2);

        memcpy(headers, image, total);
        while (changes-- > 0) {
            size_t at = next_random() % (total / 8) * 8;
            uint64_t word;

            memcpy(&word, headers + at, 8);
            word = evil_number(word);
            memcpy(headers + at, &word, 8);
        }
        patch(headers, total);
        if (exit_of(COPY, argv, environ) == 23)
            same++;
    }
    CHECK(same < rounds);
    patch(image, total);
    CHECK(exit_of(COPY, argv, environ) == 23);
    /* Cut off anywhere. */
    for (i = 0; i < 70; i++) {
        CHECK(truncate(COPY, (off_t)(next_random() % image_len)) == 0);
        (void)exit_of(COPY, argv, environ);
        write_file(COPY, image, image_len);
    }
    free(headers);
}

int main(int argc, char **argv)
{
    int rounds = 300;

    if (argc == 4 && strcmp(argv[1], "hostile") == 0) {
        random_state = strtoul(argv[2], NULL, 0) * 0x9e3779b97f4a7c15u;
        rounds = atoi(argv[3]);
        argc = 1;
    }
    if (argc == 0 || !argv[0][0])
        return argc == 2 ? child(argc, argv) : 77;
    if (argc > 1)
        return child(argc, argv);
    test_start();
    test_errors();
    load_image();
    test_strings();
    test_empty();
    test_scripts(argv[0]);
    test_spawn();
    /* Children that die say nothing. */
    test_hostile(rounds);
    unlink(COPY);
    puts("exec: fine");
    return 0;
}
