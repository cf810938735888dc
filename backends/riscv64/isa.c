/*
 * The device tree's list of a hart's extensions.
 *
 * The names are in arrays, not behind pointers: a kernel reads its device tree
 * before it runs where it is linked, when a pointer in constant data would
 * still be wrong.
 *
 * Manual: Unprivileged, chapter 27 (ISA Extension Naming Conventions).
 */
#include <lazypager/riscv64.h>

enum { NAME_MAX = 8 };

static const struct {
    char name[NAME_MAX];
    size_t flag; /* where in struct lp_riscv64_features */
} extensions[] = {
    { "svinval", offsetof(struct lp_riscv64_features, svinval) },
    { "svnapot", offsetof(struct lp_riscv64_features, svnapot) },
    { "svpbmt", offsetof(struct lp_riscv64_features, svpbmt) },
    { "svade", offsetof(struct lp_riscv64_features, svade) },
    { "svadu", offsetof(struct lp_riscv64_features, svadu) },
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Is this name, of len bytes and any case, that one? */
static bool same(const char *name, size_t len, const char known[NAME_MAX])
{
    size_t i;

    for (i = 0; i < len; i++)
        /* no branch: every name that is known is shorter than NAME_MAX */
        if (i == NAME_MAX || lower(name[i]) != known[i])
            return false;
    /* no branch: every name that is known is shorter than NAME_MAX */
    return i < NAME_MAX && known[i] == '\0';
}

void lp_riscv64_isa_extension(const char *name, size_t len,
                              struct lp_riscv64_features *out)
{
    size_t i;

    for (i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
        if (same(name, len, extensions[i].name))
            *(bool *)((char *)out + extensions[i].flag) = true;
}

/* Length of a name without its version: "svinval1p0", "svinval2". */
static size_t without_version(const char *name, size_t len)
{
    size_t n = len;

    while (n > 0 && digit(name[n - 1]))
        n--;
    if (n == len || n < 2 || lower(name[n - 1]) != 'p' || !digit(name[n - 2]))
        return n;
    for (n--; n > 0 && digit(name[n - 1]); n--)
        ;
    return n;
}

/*
 * Past the single letters, which end at a '_' or at the first longer name.  z
 * and x begin one, and so does s; but older emulators list the modes S and U (and
 * H behind them) as if they were extensions: "imafdcsuh".
 */
static const char *skip_letters(const char *isa)
{
    char next;

    for (; *isa && *isa != '_'; isa++) {
        if (lower(*isa) == 'z' || lower(*isa) == 'x')
            break;
        next = lower(isa[1]);
        if (lower(*isa) == 's' && next >= 'a' && next <= 'z' && next != 'u' &&
            next != 'h')
            break;
    }
    return isa;
}

/* "rv64" and a base: I, E, or G, which stands for I and more. */
static bool of_64_bits(const char *isa)
{
    char base;

    if (lower(isa[0]) != 'r' || lower(isa[1]) != 'v' || isa[2] != '6' ||
        isa[3] != '4')
        return false;
    base = lower(isa[4]);
    return base == 'i' || base == 'e' || base == 'g';
}

int lp_riscv64_isa_decode(const char *isa, struct lp_riscv64_features *out)
{
    size_t len;

    if (!of_64_bits(isa))
        return -LP_EINVAL;
    *out = (struct lp_riscv64_features){ .asid_bits = out->asid_bits,
                                         .levels_max = out->levels_max };
    isa = skip_letters(isa + 4);
    while (*isa) {
        for (len = 0; isa[len] && isa[len] != '_'; len++)
            ;
        lp_riscv64_isa_extension(isa, without_version(isa, len), out);
        isa += len;
        while (*isa == '_')
            isa++;
    }
    return 0;
}
