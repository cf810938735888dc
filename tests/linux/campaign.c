/*
 * campaign.c: runs in processes of their own, and shorter runs that fail too.
 *
 * A run that dies takes nobody along, is named in one line, and can be tried
 * again with operations left out: each has a random sequence of its own.
 */
#include "options.h"
#include "oracle.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

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
    print_keep(s->skip, s->ops);
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

struct trial {
    struct settings s;
    struct totals *totals;
};

static bool fails(void *ctx)
{
    struct trial *t = ctx;

    return run_alone(&t->s, t->totals, HIDE) != AGREED;
}

void shrink(const struct settings *original, struct totals *totals)
{
    struct trial t = { *original, totals };
    uint8_t *skip = calloc(1, t.s.ops);

    if (t.s.skip)
        memcpy(skip, t.s.skip, t.s.ops);
    t.s.skip = skip;
    if (shorten(&t.s.ops, skip, fails, &t)) {
        t.s.verbose = true;
        fprintf(stderr, "shortest:\n");
        run_alone(&t.s, totals, SHOW);
    } else {
        fprintf(stderr, "does not fail again\n");
    }
    free(skip);
}
