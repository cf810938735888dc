/*
 * campaign.c: runs in processes of their own, and shorter runs that fail too.
 *
 * A run that dies takes nobody along, is named in one line, and can be tried
 * again with operations left out: each has a random sequence of its own.
 */
#include "oracle.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void print_keep(const struct settings *s)
{
    const char *between = " --keep ";
    uint64_t i, j;

    for (i = 0; i < s->ops; i = j) {
        j = i + 1;
        if (s->skip[i])
            continue;
        while (j < s->ops && !s->skip[j])
            j++;
        fprintf(stderr, "%s%llu", between, (unsigned long long)i);
        if (j > i + 1)
            fprintf(stderr, "-%llu", (unsigned long long)j - 1);
        between = ",";
    }
}

static void print_again(const struct settings *s)
{
    static const char *const lies[] = { "", "answer", "fault", "layout",
                                        "contents" };

    fprintf(stderr,
            "again: linux-oracle --format %s --seed %llu --ops %llu "
            "--check-every %u",
            s->format, (unsigned long long)s->seed, (unsigned long long)s->ops,
            s->check_every);
    if (s->lie)
        fprintf(stderr, " --lie %llu:%s", (unsigned long long)s->lie_at,
                lies[s->lie]);
    if (s->text_maps)
        fprintf(stderr, " --text-maps");
    if (s->skip)
        print_keep(s);
    fprintf(stderr, " --verbose\n");
}

static _Noreturn void child(const struct settings *s, struct totals *totals,
                            enum show show)
{
    int nothing;

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* who stops the campaign stops this */
    if (show == HIDE) {
        nothing = open("/dev/null", O_WRONLY);
        dup2(nothing, STDOUT_FILENO);
        dup2(nothing, STDERR_FILENO);
        alarm(120);
    }
    run_all(s, totals);
    exit(0);
}

enum outcome run_alone(const struct settings *s, struct totals *totals,
                       enum show show)
{
    int status;
    pid_t pid;

    fflush(NULL);
    pid = fork();
    if (pid < 0) {
        perror("linux-oracle: fork");
        exit(1);
    }
    if (pid == 0)
        child(s, totals, show);
    if (waitpid(pid, &status, 0) != pid) {
        perror("linux-oracle: waitpid");
        exit(1);
    }
    kill(-pid, SIGKILL); /* members that wait for a driver that died */
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return AGREED;
    if (show == SHOW && WIFSIGNALED(status))
        fprintf(stderr, "the run died of signal %d\n", WTERMSIG(status));
    if (show == SHOW)
        print_again(s);
    return WIFEXITED(status) && WEXITSTATUS(status) == 1 ? DIFFERED : DIED;
}

uint8_t *parse_keep(const char *text, uint64_t ops)
{
    uint8_t *skip = malloc(ops);
    unsigned long long first, last;
    char *end;

    memset(skip, 1, ops);
    do {
        first = last = strtoull(text, &end, 10);
        if (end != text && *end == '-')
            last = strtoull(text = end + 1, &end, 10);
        if (end == text || (*end && *end != ',')) {
            free(skip);
            return NULL;
        }
        for (; first <= last && first < ops; first++)
            skip[first] = 0;
        text = end + 1;
    } while (*end);
    return skip;
}

/* --- shorter --- */

static bool fails(const struct settings *s, struct totals *totals)
{
    return run_alone(s, totals, HIDE) != AGREED;
}

static void shrink_ops(struct settings *s, struct totals *totals)
{
    uint64_t low = 0, high = s->ops;

    while (low + 1 < high) {
        s->ops = (low + high) / 2;
        if (fails(s, totals))
            high = s->ops;
        else
            low = s->ops;
    }
    s->ops = high;
}

/* Leave out [start, start + n) unless it is needed. */
static bool shrink_block(struct settings *s, struct totals *totals,
                         uint8_t *skip, uint64_t start, uint64_t n)
{
    uint8_t *before = malloc(n);
    bool gone = false;

    memcpy(before, skip + start, n);
    if (memchr(before, 0, n)) {
        memset(skip + start, 1, n);
        gone = fails(s, totals);
        if (!gone)
            memcpy(skip + start, before, n);
    }
    free(before);
    return gone;
}

void shrink(const struct settings *original, struct totals *totals)
{
    struct settings s = *original;
    uint8_t *skip = calloc(1, s.ops);
    uint64_t size, start;
    bool any;

    if (s.skip)
        memcpy(skip, s.skip, s.ops);
    s.skip = skip;
    if (!fails(&s, totals)) {
        fprintf(stderr, "does not fail again\n");
        free(skip);
        return;
    }
    shrink_ops(&s, totals);
    for (size = s.ops / 2 + 1; size; size = any && size == 1 ? 1 : size / 2) {
        any = false;
        for (start = 0; start < s.ops; start += size)
            any |= shrink_block(&s, totals, skip, start,
                                s.ops - start < size ? s.ops - start : size);
    }
    s.verbose = true;
    fprintf(stderr, "shortest:\n");
    run_alone(&s, totals, SHOW);
    free(skip);
}
