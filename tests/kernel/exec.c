/*
 * exec.c: execve: a new program in the place of the current one.
 *
 * Its one trick: the new address space is built to the last byte, strings and
 * all, while the old one is still there and running; only then are they
 * exchanged.  So every error leaves the old program as it was.  Strings go
 * straight from the old space to the new one's stack.
 *
 * The top of a program's stack, upwards:
 *
 *     sp -> argc
 *           argv[0] .. argv[argc - 1], NULL
 *           envp[0] .. , NULL
 *           auxiliary vector: pairs, the last of them AT_NULL
 *           ...
 *     ARCH_STACK_TOP - STRINGS_MAX
 *           the strings, and what the vector points at
 *     ARCH_STACK_TOP
 *
 * System V ABI, AMD64 supplement 3.4.1; RISC-V ELF psABI.  Kernel lock held.
 */
#include "elf.h"
#include "process.h"
#include "syscall.h"
#include "trace.h"
#include "user.h"

/* Bytes of arguments and environment; and how many of them, both together. */
#define STRINGS_MAX ((uint64_t)128 << 10)
#define POINTERS_MAX (STRINGS_MAX / 8)
/* The stack, and what is left free below it for its overflow to be seen. */
#define STACK_LEN ((uint64_t)8 << 20)
#define STACK_GAP ((uint64_t)1 << 20)
/* Programs and mappings stay below. */
#define USER_LIMIT ((lp_va)ARCH_STACK_TOP - STACK_LEN - STACK_GAP)

/* Auxiliary vector: entry types of Linux. */
enum {
    AT_NULL = 0,
    AT_PHDR = 3,
    AT_PHENT = 4,
    AT_PHNUM = 5,
    AT_PAGESZ = 6,
    AT_BASE = 7,
    AT_FLAGS = 8,
    AT_ENTRY = 9,
    AT_UID = 11,
    AT_EUID = 12,
    AT_GID = 13,
    AT_EGID = 14,
    AT_PLATFORM = 15,
    AT_HWCAP = 16,
    AT_CLKTCK = 17,
    AT_SECURE = 23,
    AT_RANDOM = 25,
    AT_EXECFN = 31,
    AUX_MAX = 20,
};

/* Arguments as the caller has them: in kernel memory or the old space. */
struct vectors {
    bool in_kernel;
    lp_va argv, envp; /* addresses of arrays of addresses; 0: none */
};

/* The first line of a script. */
struct script {
    char line[256];
    const char *interpreter; /* NULL: not a script */
    const char *argument;    /* NULL: none */
};

/* Everything that is made before the exchange. */
struct exec {
    const char *path; /* as given */
    struct vectors from;
    struct lp_object *object;
    char *absolute; /* PATH_MAX bytes */
    struct script script;
    struct vm *vm;
    struct elf_program program;
    uint64_t argc, envc; /* of the caller's arrays */
    /* The stack as it grows: the next free byte, the next word's place. */
    lp_va sp, strings, table;
    uint64_t word[64]; /* words that are not in the table yet */
    unsigned nwords;
    lp_va platform, random, name;
};

/* --- the file --- */

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/* "#! interpreter [argument]": cut the line into its two words. */
static int parse_script(struct script *script)
{
    char *p = script->line + 2, *end = strchr(script->line, '\n');

    if (!end)
        end = strchr(script->line, '\0');
    if (end == script->line + sizeof(script->line) - 1)
        return -ENOEXEC; /* longer than what was read */
    while (end > p && blank(end[-1]))
        end--;
    *end = '\0';
    while (blank(*p))
        p++;
    if (!*p)
        return -ENOEXEC;
    script->interpreter = p;
    while (*p && !blank(*p))
        p++;
    if (!*p)
        return 0;
    *p++ = '\0';
    while (blank(*p))
        p++;
    script->argument = p;
    return 0;
}

/* The object behind path.  Its first bytes to *script. */
static int open_file(struct exec *exec, const char *path, struct script *script)
{
    int64_t n;
    int error = vfs_open_program(path, &exec->object, exec->absolute);

    if (error) {
        exec->object = NULL;
        return error;
    }
    memset(script, 0, sizeof(*script));
    n = lp_object_read(exec->object, 0, script->line, sizeof(script->line) - 1);
    return n < 0 ? (int)n : 0;
}

static bool is_script(const struct script *script)
{
    return script->line[0] == '#' && script->line[1] == '!';
}

/* A script's interpreter must be a program itself. */
static int open_program(struct exec *exec)
{
    struct script inner;
    int error = open_file(exec, exec->path, &exec->script);

    if (error || !is_script(&exec->script))
        return error;
    error = parse_script(&exec->script);
    if (error)
        return error;
    lp_object_put(exec->object);
    error = open_file(exec, exec->script.interpreter, &inner);
    if (!error && is_script(&inner))
        error = -ENOEXEC;
    return error;
}

/* --- the caller's arguments --- */

static int pointer_at(const struct exec *exec, lp_va vector, uint64_t i,
                      lp_va *out)
{
    if (!exec->from.in_kernel)
        return user_read(out, vector + i * sizeof(*out), sizeof(*out));
    *out = (lp_va)((char *const *)(uintptr_t)vector)[i];
    return 0;
}

/* How many there are before the NULL: at most POINTERS_MAX. */
static int count(const struct exec *exec, lp_va vector, uint64_t *n)
{
    lp_va pointer;
    int error;

    *n = 0;
    if (!vector)
        return 0;
    for (;;) {
        error = pointer_at(exec, vector, *n, &pointer);
        if (error || !pointer)
            return error;
        if (++*n > POINTERS_MAX)
            return -E2BIG;
    }
}

/* --- the new stack --- */

static int copy_out(const struct exec *exec, lp_va to, const void *from,
                    size_t len)
{
    int error;

    (void)lp_copy_out(exec->vm->space, to, from, len, &error);
    return error;
}

static int flush_words(struct exec *exec)
{
    size_t len = exec->nwords * sizeof(exec->word[0]);
    int error = copy_out(exec, exec->table, exec->word, len);

    exec->table += len;
    exec->nwords = 0;
    return error;
}

static int put_word(struct exec *exec, uint64_t word)
{
    int error = 0;

    if (exec->nwords == ARRAY_SIZE(exec->word))
        error = flush_words(exec);
    exec->word[exec->nwords++] = word;
    return error;
}

static int put_bytes(struct exec *exec, const void *bytes, size_t len)
{
    int error;

    if (len > ARCH_STACK_TOP - exec->strings)
        return -E2BIG;
    error = copy_out(exec, exec->strings, bytes, len);
    exec->strings += len;
    return error;
}

static int put_string(struct exec *exec, const char *string)
{
    return put_bytes(exec, string, strlen(string) + 1);
}

/* One of the program's own: piece by piece, never across a page's end, so that
 * nothing behind the string is touched. */
static int put_user_string(struct exec *exec, lp_va from)
{
    char piece[256];
    size_t len, i;
    int error;

    for (;;) {
        len = (size_t)(PAGE_SIZE - (from & LP_PAGE_MASK));
        if (len > sizeof(piece))
            len = sizeof(piece);
        error = user_read(piece, from, len);
        if (error)
            return error;
        for (i = 0; i < len && piece[i]; i++)
            ;
        if (i < len)
            return put_bytes(exec, piece, i + 1);
        error = put_bytes(exec, piece, len);
        if (error)
            return error;
        from += len;
    }
}

/* A string that the kernel has, and a word that points at it. */
static int put_argument(struct exec *exec, const char *string)
{
    int error = put_word(exec, exec->strings);

    return error ? error : put_string(exec, string);
}

/* Strings [first, n) of a vector of the caller's, and their words. */
static int put_vector(struct exec *exec, lp_va vector, uint64_t first,
                      uint64_t n)
{
    lp_va pointer;
    uint64_t i;
    int error = 0;

    for (i = first; i < n && !error; i++) {
        error = pointer_at(exec, vector, i, &pointer);
        if (!error)
            error = put_word(exec, exec->strings);
        if (error)
            break;
        if (exec->from.in_kernel)
            error = put_string(exec, (const char *)(uintptr_t)pointer);
        else
            error = put_user_string(exec, pointer);
    }
    return error;
}

/*
 * argc, argv and its NULL.  For a script: interpreter, its argument, the path,
 * and then what follows argv[0].  A program always has an argv[0].
 */
static int put_arguments(struct exec *exec)
{
    const struct script *script = &exec->script;
    uint64_t own = exec->argc ? exec->argc - 1 : 0; /* that follow argv[0] */
    uint64_t before = !script->interpreter ? 1 : script->argument ? 3 : 2;
    int error = put_word(exec, before + own);

    if (!error && script->interpreter) {
        error = put_argument(exec, script->interpreter);
        if (!error && script->argument)
            error = put_argument(exec, script->argument);
        if (!error)
            error = put_argument(exec, exec->path);
    } else if (!error) {
        error = exec->argc ? put_vector(exec, exec->from.argv, 0, 1)
                           : put_argument(exec, "");
    }
    if (!error)
        error = put_vector(exec, exec->from.argv, 1, exec->argc);
    return error ? error : put_word(exec, 0);
}

static int put_auxiliary(struct exec *exec)
{
    const struct elf_program *program = &exec->program;
    const uint64_t pairs[][2] = {
        { AT_HWCAP, 0 },
        { AT_PAGESZ, PAGE_SIZE },
        { AT_CLKTCK, CLOCK_TICKS },
        { AT_PHDR, program->headers },
        { AT_PHENT, ELF_SEGMENT_LEN },
        { AT_PHNUM, program->nheaders },
        { AT_BASE, 0 },
        { AT_FLAGS, 0 },
        { AT_ENTRY, program->entry },
        { AT_UID, 0 },
        { AT_EUID, 0 },
        { AT_GID, 0 },
        { AT_EGID, 0 },
        { AT_SECURE, 0 },
        { AT_RANDOM, exec->random },
        { AT_EXECFN, exec->name },
        { AT_PLATFORM, exec->platform },
        { AT_NULL, 0 },
    };
    size_t i;
    int error = 0;

    _Static_assert(ARRAY_SIZE(pairs) <= AUX_MAX, "room for all of them");
    for (i = 0; i < ARRAY_SIZE(pairs) && !error; i++) {
        error = put_word(exec, pairs[i][0]);
        if (!error)
            error = put_word(exec, pairs[i][1]);
    }
    return error;
}

/* What the auxiliary vector points at. */
static int put_things(struct exec *exec)
{
    unsigned char bytes[16];
    int error;

    random_bytes(bytes, sizeof(bytes));
    exec->random = exec->strings;
    error = put_bytes(exec, bytes, sizeof(bytes));
    exec->platform = exec->strings;
    if (!error)
        error = put_string(exec, ARCH_NAME);
    exec->name = exec->strings;
    if (!error)
        error = put_string(exec, exec->path);
    return error;
}

static int map_stack(const struct exec *exec)
{
    unsigned access = LP_READ | LP_WRITE;
    int64_t result;

    if (exec->program.executable_stack)
        access |= LP_EXEC;
    result =
        lp_mmap(exec->vm->space, ARCH_STACK_TOP - STACK_LEN, STACK_LEN, access,
                LP_MAP_PRIVATE | LP_MAP_ANONYMOUS | LP_MAP_FIXED_NOREPLACE |
                    LP_MAP_STACK,
                NULL, 0);
    return result < 0 ? (int)result
                      : lp_space_set_base(exec->vm->space, USER_LIMIT);
}

static int fill_stack(struct exec *exec)
{
    uint64_t words;
    int error = count(exec, exec->from.argv, &exec->argc);

    if (!error)
        error = count(exec, exec->from.envp, &exec->envc);
    if (error)
        return error;
    /* argc, a script's three, both vectors with their ends, the pairs. */
    words = 1 + 3 + exec->argc + 1 + exec->envc + 1 + 2 * AUX_MAX;
    exec->strings = ARCH_STACK_TOP - STRINGS_MAX;
    exec->sp = round_down(exec->strings - words * sizeof(uint64_t), 16);
    exec->table = exec->sp;
    error = put_things(exec);
    if (!error)
        error = put_arguments(exec);
    if (!error)
        error = put_vector(exec, exec->from.envp, 0, exec->envc);
    if (!error)
        error = put_word(exec, 0);
    if (!error)
        error = put_auxiliary(exec);
    return error ? error : flush_words(exec);
}

/* --- the exchange --- */

static int build(struct exec *exec)
{
    int error;

    exec->vm = vm_create();
    if (!exec->vm)
        return -ENOMEM;
    error = elf_load(exec->object, exec->vm->space, USER_LIMIT, &exec->program);
    if (!error)
        error = map_stack(exec);
    if (!error)
        error = fill_stack(exec);
    exec->vm->brk_start = round_up(exec->program.end, PAGE_SIZE);
    exec->vm->brk = exec->vm->brk_start;
    return error;
}

/* The last part of the path, as much as fits. */
static void set_name(struct process *process, const char *path)
{
    const char *slash;
    size_t len;

    while ((slash = strchr(path, '/')) != NULL && slash[1])
        path = slash + 1;
    len = strlen(path);
    if (len > sizeof(process->name) - 1)
        len = sizeof(process->name) - 1;
    memcpy(process->name, path, len);
    process->name[len] = '\0';
}

/* Nothing in here can fail. */
static void commit(struct exec *exec)
{
    struct process *process = current();

    set_name(process, exec->path);
    process_set_vm(exec->vm);
    exec->vm = NULL;
    process_return_vm(process);
    files_exec(process->files);
    files_set_program(process->files, exec->absolute);
    signals_exec(&process->signals);
    process->clear_child_tid = 0;
    arch_user_init(&process->frame, exec->program.entry, exec->sp);
    arch_fpu_init(&process->fpu);
    arch_fpu_restore(&process->fpu);
    trace_snapshot("exec", process);
}

static int run(const char *path, const struct vectors *from)
{
    struct exec *exec = kmalloc(sizeof(*exec));
    int error = -ENOMEM;

    if (!exec)
        return -ENOMEM;
    exec->path = path;
    exec->from = *from;
    exec->absolute = kmalloc(PATH_MAX);
    if (exec->absolute)
        error = open_program(exec);
    if (!error)
        error = build(exec);
    if (!error)
        commit(exec);
    vm_put(exec->vm);
    if (exec->object)
        lp_object_put(exec->object);
    kfree(exec->absolute);
    kfree(exec);
    return error;
}

int process_exec(const char *path, char *const argv[], char *const envp[])
{
    const struct vectors from = {
        .in_kernel = true,
        .argv = (lp_va)argv,
        .envp = (lp_va)envp,
    };

    return run(path, &from);
}

/* execve(path, argv, envp) */
int64_t sys_execve(const uint64_t args[6])
{
    const struct vectors from = { .argv = args[1], .envp = args[2] };
    char *path = kmalloc(PATH_MAX);
    int64_t result;

    if (!path)
        return -ENOMEM;
    result = user_read_string(path, args[0], PATH_MAX);
    if (result >= 0)
        result = run(path, &from);
    kfree(path);
    return result;
}
