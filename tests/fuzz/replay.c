/*
 * replay.c: run inputs of the fuzzer without a fuzzer: each file of the corpus
 * is a test, and any file can be given by its path.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { INPUT_MAX = 65536, PATH_SIZE = 4096 };

static const char usage[] =
    "usage: fuzz-replay FILE...\n"
    "       fuzz-replay --list | --test NAME   files of the corpus\n"
    "Exit status: 0 nothing found, 1 a difference, 2 bad arguments.\n";

/* Bytes of a file; -1: cannot be read, and it is said why. */
static long read_file(const char *path, uint8_t *data, size_t size)
{
    FILE *file = fopen(path, "rb");
    size_t len = file ? fread(data, 1, size, file) : 0;
    bool bad = !file || ferror(file);

    if (bad)
        perror(path);
    if (file)
        fclose(file);
    return bad ? -1 : (long)len;
}

/* In a process of its own, since a difference aborts: 0, 1, 2: as main. */
static int replay(const char *path)
{
    static uint8_t data[INPUT_MAX];
    long len = read_file(path, data, sizeof data);
    int status;
    pid_t pid;

    if (len < 0)
        return 2;
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        exit(LLVMFuzzerTestOneInput(data, (size_t)len));
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        perror("fuzz-replay");
        return 1;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    fprintf(stderr, "again: fuzz-replay %s\n", path);
    return 1;
}

static int list(void)
{
    DIR *corpus = opendir(LP_FUZZ_CORPUS);
    struct dirent *entry;

    if (!corpus) {
        perror(LP_FUZZ_CORPUS);
        return 1;
    }
    while ((entry = readdir(corpus)) != NULL)
        if (entry->d_name[0] != '.')
            printf("%s\n", entry->d_name);
    closedir(corpus);
    return 0;
}

static int run_test(const char *name)
{
    char path[PATH_SIZE];
    int n = snprintf(path, sizeof path, "%s/%s", LP_FUZZ_CORPUS, name);

    if (n < 0 || (size_t)n >= sizeof path || strchr(name, '/')) {
        fprintf(stderr, "fuzz-replay: no such test: %s\n", name);
        return 2;
    }
    return replay(path);
}

int main(int argc, char **argv)
{
    int i, status = 0;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--list") == 0)
        return list();
    if (argc == 3 && strcmp(argv[1], "--test") == 0)
        return run_test(argv[2]);
    if (argc < 2 || argv[1][0] == '-') {
        fputs(usage, stderr);
        return 2;
    }
    for (i = 1; i < argc && status == 0; i++)
        status = replay(argv[i]);
    return status;
}
