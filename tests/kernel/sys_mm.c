/*
 * sys_mm.c: the system calls about memory: mostly the library's own, which
 * have Linux's names, arguments and errors.
 *
 * Under the kernel lock.
 */
#include "process.h"
#include "syscall.h"

/* Flags of mmap that the library does not have. */
enum {
    MAP_TYPE = LP_MAP_SHARED | LP_MAP_PRIVATE,
    MAP_32BIT = 0x40,
    MAP_GROWSDOWN = 0x100,
    MAP_LOCKED = 0x2000,
    MAP_NONBLOCK = 0x10000,
    MAP_HUGETLB = 0x40000,
    /* What it has, and what is harmless. */
    MAP_PASSED = LP_MAP_FIXED | LP_MAP_ANONYMOUS | LP_MAP_DENYWRITE |
                 LP_MAP_EXECUTABLE | LP_MAP_NORESERVE | LP_MAP_POPULATE |
                 LP_MAP_STACK | LP_MAP_FIXED_NOREPLACE | MAP_TYPE,
    MAP_IGNORED = MAP_LOCKED | MAP_NONBLOCK,
    /* What would have to be done and is not. */
    MAP_REFUSED = MAP_32BIT | MAP_GROWSDOWN | MAP_HUGETLB,
    PROT_MASK = LP_READ | LP_WRITE | LP_EXEC,
};

static struct lp_space *space(void)
{
    return current()->vm->space;
}

/* --- brk --- */

static bool grow(const struct vm *vm, lp_va from, lp_va to)
{
    return lp_mmap(vm->space, from, to - from, LP_READ | LP_WRITE,
                   LP_MAP_PRIVATE | LP_MAP_ANONYMOUS | LP_MAP_FIXED_NOREPLACE,
                   NULL, 0) >= 0;
}

/* brk(end): the new end, or the old one when it cannot be. */
int64_t sys_brk(const uint64_t args[6])
{
    struct vm *vm = current()->vm;
    lp_va end = args[0], from, to;
    bool done = true;

    if (end < vm->brk_start || end > ARCH_STACK_TOP)
        return (int64_t)vm->brk;
    from = round_up(vm->brk, PAGE_SIZE);
    to = round_up(end, PAGE_SIZE);
    if (to > from)
        done = grow(vm, from, to);
    else if (to < from)
        done = lp_munmap(vm->space, to, from - to) == 0;
    if (done)
        vm->brk = end;
    return (int64_t)vm->brk;
}

/* --- mmap --- */

/*
 * Flags for the library.  Linux ignores those that it does not know, except
 * with SHARED_VALIDATE, which is there to ask.
 */
static int translate_flags(uint64_t flags, unsigned *out)
{
    if (flags & MAP_REFUSED)
        return -EINVAL;
    if ((flags & MAP_TYPE) == MAP_TYPE &&
        (flags & ~(uint64_t)(MAP_PASSED | MAP_IGNORED)))
        return -EOPNOTSUPP;
    *out = (unsigned)flags & MAP_PASSED;
    if (flags & MAP_LOCKED)
        *out |= LP_MAP_POPULATE; /* nothing is ever swapped out */
    return 0;
}

/* What the descriptor must allow; what the object must is the library's. */
static int check_descriptor(unsigned access, unsigned flags, unsigned allowed)
{
    if (!(allowed & LP_READ))
        return -EACCES;
    if ((flags & LP_MAP_SHARED) && (access & LP_WRITE) && !(allowed & LP_WRITE))
        return -EACCES;
    if ((access & LP_EXEC) && !(allowed & LP_EXEC))
        return -EPERM;
    return 0;
}

static int64_t map_file(const uint64_t args[6], unsigned access, unsigned flags)
{
    struct file *file = files_at((int)args[4]);
    struct lp_object *object;
    unsigned allowed;
    int64_t result;

    if (!file)
        return -EBADF;
    result = file_object(file, &object, &allowed);
    if (result)
        return result;
    result = check_descriptor(access, flags, allowed);
    if ((flags & LP_MAP_SHARED) && !(allowed & LP_WRITE))
        flags |= LP_MAP_NEVER_WRITE;
    if (!object)
        flags |= LP_MAP_ANONYMOUS;
    if (!result)
        result =
            lp_mmap(space(), args[0], args[1], access, flags, object, args[5]);
    if (object)
        lp_object_put(object);
    return result;
}

/* mmap(address, length, access, flags, fd, offset) */
int64_t sys_mmap(const uint64_t args[6])
{
    unsigned access = (unsigned)args[2] & PROT_MASK, flags;
    int error = translate_flags(args[3], &flags);

    if (error)
        return error;
    if (args[5] & LP_PAGE_MASK)
        return -EINVAL;
    if (flags & LP_MAP_ANONYMOUS)
        return lp_mmap(space(), args[0], args[1], access, flags, NULL, 0);
    return map_file(args, access, flags);
}

/* --- the rest --- */

int64_t sys_munmap(const uint64_t args[6])
{
    return lp_munmap(space(), args[0], args[1]);
}

int64_t sys_mprotect(const uint64_t args[6])
{
    if (args[2] & ~(uint64_t)PROT_MASK)
        return -EINVAL;
    return lp_mprotect(space(), args[0], args[1], (unsigned)args[2]);
}

int64_t sys_msync(const uint64_t args[6])
{
    if (args[2] > UINT32_MAX)
        return -EINVAL;
    return lp_msync(space(), args[0], args[1], (unsigned)args[2]);
}

int64_t sys_madvise(const uint64_t args[6])
{
    return lp_madvise(space(), args[0], args[1], (int)args[2]);
}
