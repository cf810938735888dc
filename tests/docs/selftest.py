"""Prove that the checks of the documentation bite, and that the filter says
what the header says.

usage: selftest.py contracts|filter|pages|site
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "docs/site"))
import declarations
import filter as site_filter

ERROR_H = """\
/* error.h: errors. */
enum {
    LP_EIO = 5,     /* bad luck */
    LP_ENOMEM = 12, /* no memory */
    LP_EINVAL = 22, /* bad argument */
};
"""

GOOD_H = """\
/*
 * thing.h: things.
 */

/* A thing. */
struct lp_thing {
    unsigned size; /* in bytes */
    /* Of each side. */
    unsigned left, right;
    /* make: called under any lock; returns 0. */
    int (*make)(void *ctx);
};

enum {
    LP_LARGE = 1, /* large */
};

/*
 * lp_thing_create: make a thing of len bytes.
 *
 *     small    large
 *
 * => returns 0 and *out, the caller's until lp_thing_destroy, or
 *    -LP_EINVAL  len is 0, or is more than a thing
 *                can be
 *    -LP_ENOMEM  no memory
 * => no lock held.
 */
int lp_thing_create(unsigned len, struct lp_thing **out);

/* lp_thing_len, lp_thing_size: the length.  Any context.  */
unsigned lp_thing_len(struct lp_thing *object);
unsigned lp_thing_size(struct lp_thing *object);
"""

GOOD_C = """\
static int grow(unsigned len)
{
    if (!len)
        return -LP_EINVAL;
    return -LP_ENOMEM;
}

int lp_thing_create(unsigned len, struct lp_thing **out)
{
    (void)out;
    return grow(len);
}
"""

GOOD = {"include/lazypager/error.h": ERROR_H,
        "include/lazypager/thing.h": GOOD_H, "core/thing.c": GOOD_C}


def header(old, new):
    assert old in GOOD_H, old
    return {"include/lazypager/thing.h": GOOD_H.replace(old, new)}


# (files of the bad sample, what the check must print)
BAD_CONTRACTS = [
    (header(" * lp_thing_create: make", " * Make"), "no contract above it"),
    ({"include/lazypager/thing.h": GOOD_H.replace(" of len bytes", "")
      .replace("len is 0, or is more", "0, or more")},
     "nothing is said of len"),
    (header(" * => no lock held.\n", ""), "from which context?"),
    (header("=> returns 0 and", "=> fills"), "what does it return?"),
    (header(" the caller's until lp_thing_destroy,", ""), "who owns *out?"),
    (header(" *    -LP_ENOMEM  no memory\n", ""),
     "-LP_ENOMEM is not named; by lp_thing_create, grow"),
    ({"core/thing.c": GOOD_C.replace("return -LP_ENOMEM", "return 0")},
     "-LP_ENOMEM cannot come out"),
    (header(" /* in bytes */", ""), "lp_thing, size: no text"),
    (header("/* A thing. */\n", ""), "struct lp_thing: no text"),
    (header(" /* large */", ""), "LP_LARGE: no text"),
    (header("called under any lock; ", ""), "make: from which context?"),
    (header("; returns 0", ""), "make: what does it return?"),
    (header(": the length", ": go"), "lp_thing_len: what does it return?"),
]


def contracts():
    failures = 0
    for sample, text in [({}, None)] + BAD_CONTRACTS:
        with tempfile.TemporaryDirectory() as temporary:
            root = pathlib.Path(temporary)
            for name, content in (GOOD | sample).items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
            done = subprocess.run(
                [sys.executable, str(HERE / "contracts.py"), "--root",
                 str(root)], stdout=subprocess.PIPE, text=True, check=False)
        if (done.returncode != (1 if text else 0)
                or text and text not in done.stdout):
            failures += 1
            print(f"wanted {text!r}, got {done.returncode}:\n{done.stdout}")
    return failures


def expect(failures, what, got, *wanted):
    for text in wanted:
        if text not in got:
            print(f"{what}: no {text!r} in\n{got}")
            failures.append(text)


def filtered():
    failures = []
    with tempfile.TemporaryDirectory() as temporary:
        path = pathlib.Path(temporary) / "thing.h"
        path.write_text(GOOD_H)
        (path.parent / "error.h").write_text(ERROR_H)
        found = [declarations.read(path),
                 declarations.read(path.parent / "error.h")]
        got = site_filter.header(path, site_filter.Names(found))
    expect(failures, "filter", got,
           "/** @file thing.h\nThings.",
           "/** A thing. */\nstruct lp_thing {",
           "unsigned size; /**< In bytes */",
           "unsigned left; /**< Of each side. */ unsigned right; "
           "/**< Of each side. */",
           "/** Called under any lock; returns 0. */",
           "LP_LARGE = 1, /**< Large */",
           "/** Make a thing of len bytes.",
           "@code{.unparsed}\n    small    large\n@endcode",
           "@par Contract\n- returns 0 and \\*out,",
           "  - -#LP_EINVAL: len is 0, or is more than a thing\n    can be\n",
           "- no lock held.",
           "/** The length.  Any context. */\nunsigned lp_thing_len",
           "/** The length.  Any context. */ unsigned lp_thing_size")
    # nothing is lost and nothing is added but marks
    for header in declarations.public(ROOT):
        names = site_filter.Names(declarations.public(ROOT))
        out = site_filter.header(header.path, names)
        for line in header.path.read_text(encoding="utf-8").split("\n"):
            if line and not line.startswith((" ", "/", "}")) and (
                    line not in out):
                failures.append(line)
                print(f"{header.path.name}: lost: {line}")
    page = site_filter.page("`lp_x` `LP_EIO`\n```dot\ngraph {}\n```\n"
                            "```c\n`LP_EIO`\n```\n",
                            site_filter.Names(found))
    expect(failures, "page", page, '`lp_x` <tt>@ref LP_EIO "LP_EIO"</tt>',
           "@dot\ngraph {}\n@enddot", "@code{.c}\n`LP_EIO`\n@endcode")
    return len(failures)


# --- pages -------------------------------------------------------------------

PAGE = """\
# A page

`lp_thing_create()` of `core/thing.c`, `LP_EIO`, `LP_E*`; [here](PAGE.md).

<!-- from: core/thing.c -->
```c
static int grow(unsigned len)
...
    return -LP_ENOMEM;
```

<!-- run -->
```c
int main(void) { return 0; }
```

<!-- printed: words -->
some words
<!-- end -->

## size left, right, make
"""

# (command, old text of the page, new text, what must be printed)
BAD_PAGES = [
    ("names", "`lp_thing_create()`", "`lp_thing_make()`",
     "no function lp_thing_make"),
    ("names", "core/thing.c`", "core/things.c`", "no file core/things.c"),
    ("names", "`LP_EIO`", "`LP_EVIL`", "no LP_EVIL"),
    ("names", "`LP_E*`", "`LP_Z_*`", "nothing begins with LP_Z_"),
    ("names", "(PAGE.md)", "(PAGES.md)", "no file PAGES.md"),
    ("quotes", "static int grow", "static int shrink", "not in core/thing.c"),
    ("quotes", "    return -LP_ENOMEM;", "    return -LP_EINVAL;\n...\n"
     "static int grow(unsigned len)", "not in core/thing.c"),
    ("quotes", "<!-- run -->\n", "", "without a line that says what it is"),
    ("printed", "some words", "other words", "words prints:"),
    ("members", "left, right", "right", "lp_kernel, left"),
]


def pages():
    failures = 0
    for command, old, new, text in [
            (c, "", "", None) for c in ("names", "quotes", "printed",
                                        "members")] + BAD_PAGES:
        with tempfile.TemporaryDirectory() as temporary:
            root = pathlib.Path(temporary)
            page = PAGE.replace(old, new, 1)
            for name, content in (GOOD | {
                    "docs/PAGE.md": page, "README.md": "# Read\n",
                    "docs/EMBEDDING.md": page,
                    "include/lazypager/thing.h":
                    GOOD_H.replace("lp_thing {", "lp_kernel {"),
                    "print": "#!/bin/sh\necho some $1\n"}).items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
            (root / "print").chmod(0o755)
            done = subprocess.run(
                [sys.executable, str(HERE / "pages.py"), command,
                 str(root / "print"), "--root", str(root)],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                check=False)
        if (done.returncode != (1 if text else 0)
                or text and text not in done.stdout):
            failures += 1
            print(f"{command}: wanted {text!r}, got {done.returncode}:\n"
                  f"{done.stdout}")
    return failures


# --- the site ----------------------------------------------------------------

# (files of the bad sample, what Doxygen must say)
BAD_SITES = [
    (header(" /* in bytes */", ""), "Member size (variable)"),
    (header("/* lp_thing_len, lp_thing_size: the length.  Any context.  */\n",
            ""), "Member lp_thing_len"),
    ({"docs/PAGE.md": "# A page\n\n@ref lp_nothing\n"}, "lp_nothing"),
    ({"docs/PAGE.md": "# A page\n\n```dot\ngraph { a -> b }\n```\n"}, "dot"),
]


def site():
    failures = 0
    for sample, text in [({}, None)] + BAD_SITES:
        with tempfile.TemporaryDirectory() as temporary:
            root = pathlib.Path(temporary)
            shutil.copytree(ROOT / "docs/site", root / "docs/site")
            for name, content in (GOOD | {
                    "README.md": "# Things\n\n`lp_thing_create()`\n",
                    "docs/PAGE.md": "# A page\n\n[Read](../README.md)\n"}
                    | sample).items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
            settings = (root / "docs/site/Doxyfile.in").read_text()
            for name, value in {"PROJECT_SOURCE_DIR": root, "LP_SITE": root,
                                "PROJECT_VERSION": "1",
                                "Python3_EXECUTABLE": sys.executable}.items():
                settings = settings.replace(f"@{name}@", str(value))
            done = subprocess.run(
                ["doxygen", "-"], input=settings, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, check=False)
        if (done.returncode == 0) == bool(text) or text and (
                text not in done.stdout):
            failures += 1
            print(f"wanted {text!r}, got {done.returncode}:\n{done.stdout}")
    return failures


def main():
    kinds = {"contracts": contracts, "filter": filtered, "pages": pages,
             "site": site}
    if len(sys.argv) != 2 or sys.argv[1] not in kinds:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    failures = kinds[sys.argv[1]]()
    print(f"{sys.argv[1]}: {failures} failures")
    sys.exit(1 if failures else 0)


main()
