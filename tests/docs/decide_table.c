/*
 * decide_table.c: print the fault decision as a table, from the code.
 *
 * Nothing here knows the decision.  Every combination of facts is put to
 * lp_fault_decide, as test_decide does; then questions are asked in a fixed
 * order, and a column stays empty where the answer makes no difference below.
 * That the decision depends on nothing but these questions is asserted.
 *
 *     decide_table decide     the table, in Markdown
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decide.h"

enum { QUESTIONS = 11, VALUES_MAX = LP_SOURCES, TEXT_MAX = 16384 };

/* The answers to the questions, as numbers from 0. */
struct answers {
    unsigned value[QUESTIONS];
};

static struct answers ask(const struct lp_facts *f)
{
    return (struct answers){ {
        f->area,
        f->refused != 0,
        !(f->wanted & ~f->allowed),
        f->present,
        !(f->wanted & ~f->granted),
        f->source,
        f->path_owned,
        f->wanted == LP_WRITE,
        f->zero_page,
        f->shared,
        f->sole,
    } };
}

static const char *const yes_no[] = { "no", "yes" };
static const char *const sources[LP_SOURCES] = {
    [LP_SOURCE_NONE] = "no object",   [LP_SOURCE_RESIDENT] = "the page",
    [LP_SOURCE_ABSENT] = "to read",   [LP_SOURCE_PAST_END] = "no page",
    [LP_SOURCE_PAST_ZERO] = "zeroes",
};

static const struct question {
    const char *text;
    unsigned nvalues;
    const char *const *names;
} questions[QUESTIONS] = {
    { "area", 2, yes_no },          { "never mends", 2, yes_no },
    { "area allows", 2, yes_no },   { "page present", 2, yes_no },
    { "entry grants", 2, yes_no },  { "the object has", LP_SOURCES, sources },
    { "path owned", 2, yes_no },    { "a write", 2, yes_no },
    { "the zero page", 2, yes_no }, { "shared mapping", 2, yes_no },
    { "count is one", 2, yes_no },
};

/* What is decided, by the answers; -1: no facts have these. */
static int outcomes[2][2][2][2][2][LP_SOURCES][2][2][2][2][2];

enum { CODES = LP_FAULT_NOMEM + 1 };

static int *outcome_of(const struct answers *a)
{
    const unsigned *v = a->value;

    return &outcomes[v[0]][v[1]][v[2]][v[3]][v[4]][v[5]][v[6]][v[7]][v[8]][v[9]]
                    [v[10]];
}

static void decide(const struct lp_facts *facts)
{
    enum lp_fault_code code;
    enum lp_decision decision = lp_fault_decide(facts, &code);
    struct answers answers = ask(facts);
    int *outcome = outcome_of(&answers), now = (int)(decision * CODES + code);

    assert(*outcome == -1 || *outcome == now);
    *outcome = now;
}

static void decide_all(void)
{
    static const uint8_t wants[] = { LP_READ, LP_WRITE, LP_EXEC };
    unsigned w, r, al, gr, b, s;

    memset(outcomes, 0xff, sizeof outcomes);
    for (w = 0; w < 3; w++)
        for (r = 0; r < 16; r += 2)
            for (al = 0; al < 8; al++)
                for (gr = 0; gr < 8; gr++)
                    for (b = 0; b < 64; b++)
                        for (s = 0; s < LP_SOURCES; s++)
                            decide(&(struct lp_facts){
                                wants[w], (uint8_t)r, (uint8_t)al, (uint8_t)gr,
                                b & 1, b & 2, b & 4, b & 8, b & 16, b & 32,
                                (uint8_t)s });
}

/* Rows of a table, each "cell|cell|...|decision\n" from some question on. */
struct rows {
    char text[TEXT_MAX];
};

static void append(struct rows *to, const char *text, size_t len)
{
    size_t at = strlen(to->text);

    assert(at + len < sizeof to->text);
    memcpy(to->text + at, text, len);
    to->text[at + len] = 0;
}

/* Each row of `from` with one more cell in front. */
static void prefix(struct rows *to, const char *cell, const struct rows *from)
{
    const char *row = from->text, *end;

    for (; *row; row = end + 1) {
        end = strchr(row, '\n');
        append(to, cell, strlen(cell));
        append(to, "|", 1);
        append(to, row, (size_t)(end - row) + 1);
    }
}

static void decided(struct rows *to, int outcome)
{
    enum lp_fault_code code = (enum lp_fault_code)(outcome % CODES);
    char cell[64];
    int len;

    if (outcome < 0)
        return;
    len = snprintf(cell, sizeof cell, "%s%s%s\n",
                   lp_decision_name((enum lp_decision)(outcome / CODES)),
                   code == LP_FAULT_OK ? "" : ": ",
                   code == LP_FAULT_OK ? "" : lp_fault_code_name(code));
    append(to, cell, (size_t)len);
}

static struct rows *tabulate(struct answers *answers, unsigned question);

/* The values whose rows are the same share them: "a, b". */
static void merge(struct rows *to, const struct question *q,
                  struct rows *const *each)
{
    bool done[VALUES_MAX] = { false };
    unsigned v, other;

    for (v = 0; v < q->nvalues; v++) {
        char cell[128] = "";

        if (done[v] || !each[v]->text[0])
            continue;
        for (other = v; other < q->nvalues; other++)
            if (strcmp(each[v]->text, each[other]->text) == 0) {
                done[other] = true;
                strcat(cell, cell[0] ? ", " : "");
                strcat(cell, q->names[other]);
            }
        prefix(to, cell, each[v]);
    }
}

static bool all_same(const struct question *q, struct rows *const *each)
{
    unsigned v;

    for (v = 1; v < q->nvalues; v++)
        if (strcmp(each[0]->text, each[v]->text) != 0)
            return false;
    return true;
}

/* The rows below the answers to the questions before this one. */
static struct rows *tabulate(struct answers *answers, unsigned question)
{
    struct rows *rows = calloc(1, sizeof *rows), *each[VALUES_MAX];
    const struct question *q = &questions[question];
    unsigned v;

    assert(rows);
    if (question == QUESTIONS) {
        decided(rows, *outcome_of(answers));
        return rows;
    }
    for (v = 0; v < q->nvalues; v++) {
        answers->value[question] = v;
        each[v] = tabulate(answers, question + 1);
    }
    if (all_same(q, each))
        prefix(rows, "", each[0]);
    else
        merge(rows, q, each);
    for (v = 0; v < q->nvalues; v++)
        free(each[v]);
    return rows;
}

static void print(const struct rows *rows)
{
    const char *c;
    unsigned i;

    printf("|");
    for (i = 0; i < QUESTIONS; i++)
        printf(" %s |", questions[i].text);
    printf(" decision |\n|");
    for (i = 0; i <= QUESTIONS; i++)
        printf("---|");
    printf("\n| ");
    for (c = rows->text; *c; c++)
        if (*c == '|')
            printf(" | ");
        else if (*c == '\n')
            printf(" |\n%s", c[1] ? "| " : "");
        else
            putchar(*c);
}

int main(int argc, char **argv)
{
    struct answers answers = { { 0 } };
    struct rows *rows;

    if (argc != 2 || strcmp(argv[1], "decide") != 0) {
        fprintf(stderr, "usage: decide_table decide\n");
        return 2;
    }
    decide_all();
    rows = tabulate(&answers, 0);
    print(rows);
    free(rows);
    return 0;
}
