/*
 * conformance_port.c: the conformance suite (tests/conformance) on this
 * machine's own MMU, in the lab.  A case is a program and a pager of its own;
 * it moves from CPU to CPU as it says.
 */
#include "kernel_tests.h"

#include "conformance.h"
#include "cpu.h"
#include "lab.h"

static struct conf_machine machine;
static char topic_wanted[32];

/* --- what the suite asks of a machine --- */

static void cpu_set(void *ctx, unsigned cpu)
{
    (void)ctx;
    lab_cpu(cpu);
}

static void activate(void *ctx, struct lp_pager *pager, struct lp_space *space)
{
    (void)ctx;
    lab_activate(pager, space);
}

static void leave(void *ctx)
{
    (void)ctx;
    lab_leave();
}

static void options(void *ctx, struct lp_options *options)
{
    (void)ctx;
    lab_options(options);
}

static enum lp_fault_code access_page(void *ctx, unsigned access, lp_va va,
                                      void *buffer, size_t len)
{
    (void)ctx;
    return lab_access(access, va, buffer, len);
}

static const char *check(void *ctx)
{
    (void)ctx;
    return lab.wrong;
}

static void log_line(void *ctx, const char *text)
{
    (void)ctx;
    console_write('1', text, strlen(text));
    console_write('1', "\n", 1);
}

/* --- running it --- */

static void make_machine(void)
{
    if (lab.kernel.ncpus > CONF_CPUS)
        lab.kernel.ncpus = CONF_CPUS;
    machine = (struct conf_machine){
        .name = lab.arch.name,
        .arch = &lab.arch,
        .kernel = &lab.kernel,
        .scratch = lab.scratch,
        .device = lab.device,
        .device_len = lab.device_len,
        .cpu_set = cpu_set,
        .activate = activate,
        .leave = leave,
        .access = access_page,
        .can_fetch = true,
        .check = check,
        .log = log_line,
        .options = options,
    };
}

static bool wanted(const struct conf_case *which)
{
    size_t len = strlen(topic_wanted);

    return strcmp(topic_wanted, "all") == 0 ||
           (strncmp(which->name, topic_wanted, len) == 0 &&
            (which->name[len] == '-' || which->name[len] == 0));
}

static void run_case(const struct conf_case *which, unsigned count[2])
{
    bool passed = conf_run(&machine, which);

    count[passed]++;
    console_write('1', passed ? "passed: " : "failed: ", 8);
    log_line(NULL, which->name);
}

static void run(void)
{
    const struct conf_case *const *table, *which;
    unsigned count[2] = { 0, 0 };

    make_machine();
    for (table = conf_tables; *table; table++)
        for (which = *table; which->name; which++)
            if (wanted(which))
                run_case(which, count);
    if (count[0] + count[1] == 0)
        panic("the conformance suite has no case %s", topic_wanted);
    klog("conformance: %s on %u CPUs: %u passed, %u failed", machine.name,
         lab.kernel.ncpus, count[1], count[0]);
    console_end(count[0] > 0);
}

void conformance_start(const char *topic)
{
    size_t len = strlen(topic);

    ASSERT(len < sizeof(topic_wanted));
    memcpy(topic_wanted, topic, len + 1);
    lab_start(run);
}
