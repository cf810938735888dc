/*
 * shrink.c: a run in a process of its own, so that one that dies is seen; and
 * the shortest that still fails.
 */
#include "shrink.h"

#include "options.h"
#include "tally.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

const char *const mode_names[] = { "model", "inject", "tlb", NULL };

/* How to see this run again, in one line. */
static void print_again(const struct settings *s)
{
    fprintf(stderr,
            "again: model --mode %s --format %s --seed %llu --ops %llu "
            "--check-every %u",
            mode_names[s->mode], s->format, (unsigned long long)s->seed,
            (unsigned long long)s->ops, s->check_every);
    if (s->cpus)
        fprintf(stderr, " --cpus %u", s->cpus);
    print_keep(s->skip, s->ops);
    fprintf(stderr, " --verbose\n");
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

static bool fails(void *ctx)
{
    return !run_alone(ctx, HIDE);
}

void shrink(const struct settings *original)
{
    struct settings s = *original;
    uint8_t *skip = calloc(1, s.ops);

    if (s.skip)
        memcpy(skip, s.skip, s.ops);
    s.skip = skip;
    if (shorten(&s.ops, skip, fails, &s)) {
        s.verbose = true;
        fprintf(stderr, "shortest:\n");
        run_alone(&s, SHOW);
    } else {
        fprintf(stderr, "does not fail again\n");
    }
    free(skip);
}
