#!/usr/bin/env python3
"""Does tests/reliability add up, go on, stop, and tell what failed?

The campaign programs are played by scripts, so that nothing is left to chance.
"""

import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

RELIABILITY = pathlib.Path(__file__).resolve().parent / "reliability"

# A model that knows its mode and seed, and does ten operations a run.
GOOD = """
import sys
words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
mode, seed = words["--mode"], int(words["--seed"])
if mode == "tlb":
    print("over-flush: operation=fork runs=1 dropped=4 true=1")
print("figures: runs=1 operations=10 checks=2 refused-frames=3 refused-io=1"
      " absorbed=0 accesses=7 looks=5 dropped=4 dropped-true=1 failed=0"
      f" next-seed={seed + 1}")
"""
BAD = GOOD.replace("failed=0", "failed=1") + """
print("again: model --seed", seed, file=sys.stderr)
sys.exit(1)
"""
SLOW = """
import signal, sys, time
def stop(*_):
    print("figures: operations=1 next-seed=2")
    sys.exit(130)
signal.signal(signal.SIGINT, stop)
print("started", file=sys.stderr, flush=True)
open(sys.argv[0] + ".started", "w").close()
time.sleep(60)
"""


class ReliabilityTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.build = pathlib.Path(scratch.name)
        self.model = self.build / "tests" / "model" / "model"
        self.model.parent.mkdir(parents=True)

    def play(self, text):
        self.model.write_text(f"#!{sys.executable}\n{text}")
        self.model.chmod(0o755)

    def command(self, *words):
        return [sys.executable, "-B", RELIABILITY, "--build", self.build,
                *words]

    def run_it(self, *words):
        return subprocess.run(self.command(*words), capture_output=True,
                              text=True, check=False, timeout=60)

    def state(self):
        return json.loads((self.build / "reliability.json").read_text())

    def test_bad_arguments__exit_2(self):
        for words in ((), ("--hours", "0"), ("--hours", "x"),
                      ("--hours", "1", "--report"),
                      ("--hours", "1", "--only", "nothing"),
                      ("--nonsense",)):
            with self.subTest(words=words):
                done = self.run_it(*words)
                self.assertEqual(done.returncode, 2)
                self.assertIn("error", done.stderr)
        done = subprocess.run([sys.executable, "-B", RELIABILITY, "--build",
                               self.build / "none", "--report"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)

    def test_second_run__goes_on_with_the_seed(self):
        self.play(GOOD)
        words = ("--only", "inject", "--seconds", "1.5", "--chunk", "1")
        self.assertEqual(self.run_it(*words).returncode, 0)
        first = self.state()["inject"]
        self.assertEqual(first["injections"], 4 * (first["seed"] - 1))
        self.assertEqual(self.run_it(*words).returncode, 0)
        second = self.state()["inject"]
        self.assertGreater(second["seed"], first["seed"])
        self.assertEqual(second["injections"], 4 * (second["seed"] - 1))
        second["seed"] = 1000000
        (self.build / "reliability.json").write_text(
            json.dumps({"inject": second}))
        self.assertEqual(self.run_it("--fresh", *words).returncode, 0)
        self.assertLess(self.state()["inject"]["seed"], 1000000)

    def test_over_flush__is_reported_by_operation(self):
        self.play(GOOD)
        done = self.run_it("--only", "tlb", "--seconds", "1.5", "--chunk", "1")
        self.assertEqual(done.returncode, 0)
        self.assertIn("over-flush 25.0%", done.stdout)
        self.assertRegex(done.stdout, r"\| fork \| \d+ \| 25.0% \|")

    def test_failure__stops_its_campaign_and_says_how_to_replay(self):
        self.play(BAD)
        done = self.run_it("--only", "model", "--seconds", "30")
        self.assertEqual(done.returncode, 1)
        self.assertIn("again: model --seed 1 |", done.stdout)
        self.assertEqual(self.state()["model"]["operations"], 10)
        done = self.run_it("--only", "model", "--report")
        self.assertEqual(done.returncode, 1)

    def test_no_figures__is_a_failure(self):
        self.play("")
        done = self.run_it("--only", "model", "--seconds", "30")
        self.assertEqual(done.returncode, 1)
        self.assertIn("--mode model", done.stdout)

    def test_interrupt__counts_what_was_done(self):
        self.play(SLOW)
        process = subprocess.Popen(
            self.command("--only", "model", "--seconds", "50"),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started = pathlib.Path(str(self.model) + ".started")
        for _ in range(300):
            if started.exists():
                break
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130)
        self.assertIn("1 operations", out)
        self.assertEqual(self.state()["model"]["seed"], 2)


if __name__ == "__main__":
    unittest.main()
