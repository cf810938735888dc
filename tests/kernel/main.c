/*
 * main.c: from the boot code's last jump to the first process.
 *
 * The command line is words "name=value" (tests/kernel/run writes it):
 *
 *     cpus=N            start this many CPUs (1)
 *     levels=N          levels of page tables (as many as the CPU has)
 *     copy=direct|fixup how system calls reach user memory (user.h)
 *     flush=ipi|sbi     RISC-V: how other CPUs are flushed
 *     time=SECONDS      the time of day at boot, since 1970
 *     seed=N            for what programs take as random
 *     trace=1           tell what the library does (trace.h)
 *     conformance=TOPIC run the conformance suite, or one file of it
 *     mmu=N             compare N accesses with the host machine's walker
 *     tables=fork       look at the tables that a fork leaves
 *
 * Without the last three the archive's member .init names the first program: its
 * path and arguments, each ended by a zero.
 */
#include "arch.h"
#include "cpu.h"
#include "glue.h"
#include "kernel_tests.h"
#include "process.h"
#include "user.h"

enum { ARGUMENTS_MAX = 255 };

static const char *command_line;

bool option(const char *name, char *out, size_t len)
{
    const char *word = command_line, *end;
    size_t n = strlen(name), i;

    for (; *word; word = *end ? end + 1 : end) {
        for (end = word; *end && *end != ' '; end++)
            ;
        if (strncmp(word, name, n) != 0 || word[n] != '=')
            continue;
        for (i = 0, word += n + 1; word + i < end && i + 1 < len; i++)
            out[i] = word[i];
        out[i] = 0;
        return true;
    }
    return false;
}

bool option_is(const char *name, const char *value)
{
    char text[64];

    return option(name, text, sizeof(text)) && strcmp(text, value) == 0;
}

uint64_t option_number(const char *name, uint64_t otherwise)
{
    char text[24];
    uint64_t x = 0;
    size_t i;

    if (!option(name, text, sizeof(text)) || !text[0])
        return otherwise;
    for (i = 0; text[i] >= '0' && text[i] <= '9'; i++)
        x = x * 10 + (uint64_t)(text[i] - '0');
    return text[i] ? otherwise : x;
}

/* Cut the .init member into words: the path, then argv. */
static void start_first_program(void)
{
    static char *argv[ARGUMENTS_MAX + 1];
    static char *const envp[] = { "PATH=/bin:/usr/bin", "HOME=/", "LANG=C",
                                  "TZ=UTC", NULL };
    const char *bytes, *path;
    size_t len, n = 0;
    int error;

    if (!archive_find(".init", &bytes, &len) || len == 0 || bytes[len - 1] != 0)
        panic("the archive names no first program");
    path = bytes;
    for (bytes += strlen(bytes) + 1; bytes < path + len && n < ARGUMENTS_MAX;
         bytes += strlen(bytes) + 1)
        argv[n++] = (char *)(uintptr_t)bytes;
    error = process_start_first(path, argv, envp);
    if (error)
        panic("cannot start %s: error %d", path, -error);
}

static void free_memory(const struct boot_info *info)
{
    unsigned i;

    for (i = 0; i < info->nfree; i++)
        frames_give(info->free[i].start, info->free[i].end);
}

static void start_cpus(unsigned wanted)
{
    if (wanted > 1)
        arch_start_cpus(wanted, lp_kernel_root(the_pager));
    ASSERT(ncpus == wanted);
}

/*
 * Who changes the kernel's half does not ask a CPU that has not arrived.  This
 * one has walked the pager's root since it started, so it forgets everything
 * after it has arrived: what has changed since then it is asked about.
 */
void cpu_main(unsigned cpu)
{
    static const struct lp_flush all = { .scope = LP_FLUSH_ALL,
                                         .tables = true };

    (void)cpu;
    cpu_arrived();
    the_arch->flush(the_arch->ctx, &all);
    lp_activate(the_pager, NULL);
    sched_init();
    sched_idle();
}

static void start_work(const struct boot_info *info)
{
    char topic[32];

    vfs_init(info->initrd_end ? direct(info->initrd_start) : NULL,
             info->initrd_end ? direct(info->initrd_end) : NULL);
    if (option("conformance", topic, sizeof(topic)))
        conformance_start(topic);
    else if (option_number("mmu", 0))
        mmu_test_start(option_number("mmu", 0));
    else if (option_is("tables", "fork"))
        tables_test_start();
    else
        start_first_program();
}

void kmain(const struct boot_info *info)
{
    unsigned wanted;

    command_line = info->command_line;
    wanted = (unsigned)option_number("cpus", 1);
    if (wanted < 1 || wanted > CPUS_MAX)
        panic("cpus is 1 to %d", CPUS_MAX);
    free_memory(info);
    glue_start(info, wanted);
    user_init();
    arch_init();
    sched_init();
    start_cpus(wanted);
    arch_irq_enable();
    kernel_lock();
    start_work(info);
    kernel_unlock();
    sched_idle();
}
