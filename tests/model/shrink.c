/*
 * shrink.c: leave operations out for as long as the run still fails.
 *
 * First the number of operations is cut to the one that fails, then blocks of
 * them are left out, half as large each time, down to single ones.
 */
#include "shrink.h"

#include "tally.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

const char *const mode_names[] = { "model", "inject", "tlb", NULL };

/* The operations that are kept, as a list of ranges. */
static void keep_list(const struct settings *s, char *to, size_t size)
{
    size_t used = 0;
    uint64_t i, j;

    to[0] = 0;
    for (i = 0; i < s->ops && used + 48 < size; i = j) {
        j = i + 1;
        if (s->skip[i])
            continue;
        while (j < s->ops && !s->skip[j])
            j++;
        used += (size_t)snprintf(to + used, size - used, "%s%llu",
                                 used ? "," : "", (unsigned long long)i);
        if (j > i + 1)
            used += (size_t)snprintf(to + used, size - used, "-%llu",
                                     (unsigned long long)j - 1);
    }
}

/* How to see this run again, in one line. */
static void print_again(const struct settings *s)
{
    static char keep[60000];
    char cpus[32] = "";

    if (s->skip)
        keep_list(s, keep, sizeof keep);
    if (s->cpus)
        snprintf(cpus, sizeof cpus, " --cpus %u", s->cpus);
    fprintf(stderr,
            "again: model --mode %s --format %s --seed %llu --ops %llu "
            "--check-every %u%s%s%s --verbose\n",
            mode_names[s->mode], s->format, (unsigned long long)s->seed,
            (unsigned long long)s->ops, s->check_every, cpus,
            s->skip ? " --keep " : "", s->skip ? keep : "");
}

static _Noreturn void child(const struct settings *s, enum show show)
{
    uint64_t checks = s->tally->checks;
    int nothing;

    signal(SIGINT, SIG_IGN); /* the campaign ends when the run has */
    if (show == HIDE) {
        nothing = open("/dev/null", O_WRONLY);
        dup2(nothing, STDOUT_FILENO);
        dup2(nothing, STDERR_FILENO);
        alarm(60);
    }
    run_world(s);
    exit(s->tally->checks > checks ? 0 : 1);
}

bool run_alone(const struct settings *s, enum show show)
{
    int status;
    pid_t pid;

    fflush(NULL);
    pid = fork();
    if (pid < 0) {
        perror("model: fork");
        exit(1);
    }
    if (pid == 0)
        child(s, show);
    while (waitpid(pid, &status, 0) != pid)
        if (errno != EINTR) {
            perror("model: waitpid");
            exit(1);
        }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (show == SHOW && WIFSIGNALED(status))
        fprintf(stderr, "the run died of signal %d\n", WTERMSIG(status));
    if (show == SHOW)
        print_again(s);
    return false;
}

uint8_t *parse_keep(const char *text, uint64_t ops)
{
    uint8_t *skip = malloc(ops);
    unsigned long long first, last;
    char *end;

    memset(skip, 1, ops);
    while (*text) {
        first = last = strtoull(text, &end, 10);
        if (end == text)
            break;
        if (*end == '-') {
            text = end + 1;
            last = strtoull(text, &end, 10);
            if (end == text)
                break;
        }
        for (; first <= last && first < ops; first++)
            skip[first] = 0;
        text = *end == ',' ? end + 1 : end;
        if (*end && *end != ',')
            break;
    }
    if (*text == 0)
        return skip;
    free(skip);
    return NULL;
}

static bool fails(const struct settings *s)
{
    return !run_alone(s, HIDE);
}

/* The smallest number of operations that fails, by halving. */
static void shrink_ops(struct settings *s)
{
    uint64_t low = 0, high = s->ops;

    while (low + 1 < high) {
        s->ops = (low + high) / 2;
        if (fails(s))
            high = s->ops;
        else
            low = s->ops;
    }
    s->ops = high;
}

/* Leave out every block of `size` that is not needed; any gone? */
static bool shrink_blocks(struct settings *s, uint8_t *skip, uint64_t size)
{
    uint64_t start, i, n;
    bool any = false;
    uint8_t *before = malloc(size);

    for (start = 0; start < s->ops; start += size) {
        n = s->ops - start < size ? s->ops - start : size;
        memcpy(before, skip + start, n);
        for (i = 0; i < n && before[i]; i++)
            ;
        if (i == n)
            continue;
        memset(skip + start, 1, n);
        if (fails(s))
            any = true;
        else
            memcpy(skip + start, before, n);
    }
    free(before);
    return any;
}

void shrink(const struct settings *original)
{
    struct settings s = *original;
    uint8_t *skip = calloc(1, s.ops);
    uint64_t size;

    if (s.skip)
        memcpy(skip, s.skip, s.ops);
    s.skip = skip;
    if (!fails(&s)) {
        fprintf(stderr, "does not fail again\n");
        free(skip);
        return;
    }
    shrink_ops(&s);
    for (size = s.ops / 2 + 1; size >= 1; size /= 2) {
        while (shrink_blocks(&s, skip, size) && size == 1)
            ;
        if (size == 1)
            break;
    }
    s.verbose = true;
    fprintf(stderr, "shortest:\n");
    run_alone(&s, SHOW);
    free(skip);
}
