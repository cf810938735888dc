"""Prove that tests/mutants/generate finds the changes that it says it makes,
and that it tells killed, surviving, refused and equal ones apart."""

import argparse
import importlib.machinery
import importlib.util
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import csource
import operators

SAMPLE = """\
#define NOT_HERE(x) \\
    do { flush(x); } while (0)

static const int table[] = { 1 + 1, 2 };

static int f(struct s *s, int a, int b) /* if (a < b) */
{
    struct t t = { .a = a, .b = b };
    int n = a - 1;

    lp_lock(s);
    if (a < b && !g(a, b)) {
        lp_frame_get(s->frame);
        t.a = (struct t){ 1, 2 }.b;
    } else
        memset(&t, 0, sizeof t);
    lp_assert2(s, a == b, a, b);
    for (n = 0; n < b; n++)
        (void)lp_tlb_flush(s, a);
    lp_unlock(s);
    return t.a ? a : b;
}
"""

EXPECTED = """\
f.c:9:bound:1 - 1 -> - 0
f.c:11:lock:1 lp_lock(s); gone
f.c:12:bound:1 < -> <=
f.c:12:negate:1 if negated
f.c:12:negate:2 && -> ||
f.c:12:swap:1 a <-> b
f.c:13:count:1 lp_frame_get(s->frame); gone
f.c:14:statement:1 t.a = (struct t){ 1, 2 }.b; gone
f.c:16:swap:1 &t <-> 0
f.c:16:swap:2 0 <-> sizeof t
f.c:16:zeroing:1 memset(&t, 0, sizeof t); gone
f.c:18:bound:1 < -> <=
f.c:19:flush:1 (void)lp_tlb_flush(s, a); gone
f.c:19:swap:1 s <-> a
f.c:20:lock:1 lp_unlock(s); gone
"""


def position(mutant):
    _, line, operator, ordinal = mutant.id.split(":")
    return int(line), operator, int(ordinal)


def found():
    return sorted(operators.Finder("f.c", csource.Source(SAMPLE)).all(),
                  key=position)


def check_found(failures):
    got = "".join(f"{m.id} {m.what}\n" for m in found())
    if got != EXPECTED:
        failures.append(f"found:\n{got}expected:\n{EXPECTED}")


def check_edits(failures):
    for mutant in found():
        text = operators.apply(SAMPLE, mutant.edits)
        if text == SAMPLE or text.count("\n") != SAMPLE.count("\n"):
            failures.append(f"{mutant.id}: not a change on the same lines")
    lock = next(m for m in found() if m.operator == "lock")
    text = operators.apply(SAMPLE, lock.edits)
    if "lp_lock" in text or "lp_unlock" in text:
        failures.append("the unlock stays where its lock is gone")


def run(*arguments):
    done = subprocess.run(
        [sys.executable, "-B", str(HERE / "generate"), *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False)
    return done.returncode, done.stdout


def expect(failures, arguments, status, text):
    got = run(*arguments)
    if got[0] != status or text not in got[1]:
        failures.append(f"{arguments}: expected {status} and '{text}', got "
                        f"{got[0]}\n{got[1][-500:]}")


def check_command(failures):
    expect(failures, ["--list", "--file", "core/gather.c"], 0,
           "core/gather.c:")
    expect(failures, ["--file", "core/none.c"], 2, "no mutants are made")
    expect(failures, ["--only", "nothing"], 2, "no such mutant")
    expect(failures, ["--sample", "0"], 2, "at least 1")
    expect(failures, ["--operator", "none"], 2, "invalid choice")
    expect(failures, ["--show", "core/gather.c:1:flush:9"], 2, "no mutant")
    if run("--list", "--sample", "9", "--seed", "3") != \
            run("--list", "--sample", "9", "--seed", "3"):
        failures.append("a seed does not decide a sample")
    listed = [line.split()[0] for line in run("--list")[1].splitlines()]
    if len(listed) != len(set(listed)):
        failures.append("two mutants have one id")


def check_asked(failures):
    """The report says what its figures are of."""
    loader = importlib.machinery.SourceFileLoader("generate",
                                                  str(HERE / "generate"))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("generate", loader))
    loader.exec_module(module)
    args = argparse.Namespace(operator=["swap", "bound"], file=None, only=None,
                              sample=2, seed=7)
    got = module.asked(args, found()[:2], 15)
    if got != ("asked: swap bound, all files, a sample of 2 with seed 7: "
               "2 of 15 changes"):
        failures.append(f"what was asked: {got}")


def main():
    failures = []
    check_asked(failures)
    check_found(failures)
    check_edits(failures)
    check_command(failures)
    for failure in failures:
        print(failure)
    print(f"{len(failures)} failures")
    sys.exit(1 if failures else 0)


main()
