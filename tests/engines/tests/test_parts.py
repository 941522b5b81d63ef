"""Parts that pass, fail, hang, are killed, run side by side, and leave something behind."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ENGINES = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ENGINES))

import parts
import run
from parts import Part


class Parts(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.said: list[str] = []

    def part(self, name: str, program: str, seconds: float = 60, grace: float = 20) -> Part:
        script = self.root / f"{name}.py"
        script.write_text(f"import os, signal, subprocess, sys, time\n{program}\n")
        return Part(name, script, seconds, grace)

    def run_all(self, *some: Part) -> list[str]:
        """The problem of each part, or `passed`."""
        ended = parts.run_all([some], self.root / "logs", self.root, self.said.append)
        return [result.problem or "passed" for result in ended]

    def assert_gone(self, name: str) -> None:
        """The process whose number the part has written to a file of this name ends."""
        number = int(self.root.joinpath(name).read_text())
        deadline = time.monotonic() + 30
        while Path(f"/proc/{number}").exists() and not _is_zombie(number):
            self.assertLess(time.monotonic(), deadline, f"process {number} still runs")
            time.sleep(0.02)

    def test_each_is_run_even_if_one_fails_whose_output_is_shown(self) -> None:
        sound = self.part("sound", "print('all is well')")
        broken = self.part("broken", "print('this is wrong', file=sys.stderr); sys.exit(3)")
        self.assertEqual(self.run_all(broken, sound), ["FAILED: ended with 3", "passed"])
        shown = "\n".join(self.said)
        self.assertIn("this is wrong", shown)
        self.assertIn("broken.log", shown)
        self.assertNotIn("all is well", shown)

    def test_one_that_hangs_is_ended_and_its_output_shown(self) -> None:
        program = "print('before it hangs')\nopen('number', 'w').write(str(os.getpid()))\ntime.sleep(600)"
        hangs = self.part("hangs", program, 4)
        self.assertEqual(self.run_all(hangs), ["FAILED: has not ended within 4 s"])
        self.assertIn("   before it hangs", self.said)
        self.assert_gone("number")

    def test_one_that_hangs_may_end_what_it_started(self) -> None:
        tidy = "signal.signal(signal.SIGTERM, lambda *_: (print('tidied up'), sys.exit(1)))\ntime.sleep(600)"
        self.run_all(self.part("tidy", tidy, 4))
        self.assertIn("   tidied up", self.said)

    def test_one_that_does_not_heed_the_signal_is_killed_with_all_its_processes(self) -> None:
        deaf = (
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            "child = subprocess.Popen(['sleep', '600'])\n"
            "open('number', 'w').write(str(child.pid))\ntime.sleep(600)"
        )
        self.assertEqual(self.run_all(self.part("deaf", deaf, 4, 0.2)), ["FAILED: has not ended within 4 s"])
        self.assert_gone("number")

    def test_one_that_leaves_a_process_behind_has_not_passed(self) -> None:
        leaves = "open('number', 'w').write(str(subprocess.Popen(['sleep', '600']).pid))"
        self.assertEqual(self.run_all(self.part("leaves", leaves)), ["FAILED: left processes behind: sleep 600"])
        self.assert_gone("number")

    def test_of_one_that_is_killed_what_it_started_is_ended_wherever_it_is(self) -> None:
        killed = (
            "child = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
            "open('number', 'w').write(str(child.pid))\nos.kill(os.getpid(), signal.SIGKILL)"
        )
        self.assertEqual(self.run_all(self.part("killed", killed)), ["FAILED: ended with -9"])
        self.assert_gone("number")

    def test_nothing_runs_on_when_all_of_it_is_killed_from_outside(self) -> None:
        tells = "open('number.new', 'w').write(str(os.getpid()))\nos.rename('number.new', 'number')\ntime.sleep(600)"
        hangs = self.part("hangs", tells)
        program = (
            f"import sys; sys.path.insert(0, {str(ENGINES)!r})\nimport parts; from pathlib import Path\n"
            f"part = parts.Part('hangs', Path({str(hangs.script)!r}), 600)\n"
            f"parts.run_all([[part]], Path({str(self.root / 'logs')!r}), Path({str(self.root)!r}), print)"
        )
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL) as driver:
            deadline = time.monotonic() + 30
            while not self.root.joinpath("number").exists():
                self.assertLess(time.monotonic(), deadline, "the part has not begun")
                time.sleep(0.02)
            driver.kill()
        self.assert_gone("number")

    def test_those_of_two_lanes_run_at_the_same_time(self) -> None:
        """Each waits for the other's file."""
        meets = "open(MINE, 'w').close()\nwhile not os.path.exists(OTHERS): time.sleep(0.02)"
        lanes = [
            [self.part(mine, meets.replace("MINE", repr(mine)).replace("OTHERS", repr(others)))]
            for mine, others in (("one", "two"), ("two", "one"))
        ]
        ended = parts.run_all(lanes, self.root / "logs", self.root, self.said.append)
        self.assertEqual([result.problem for result in ended], [None, None])
        self.assertRegex("\n".join(parts.summary(ended, 3)), r"(?s)one +\d+ s  passed.*all +3 s  2 passed, 0 failed")

    def test_of_much_output_the_end_is_shown_and_where_the_rest_is(self) -> None:
        much = self.part("much", "print('\\n'.join(f'line {n}.' for n in range(1000))); sys.exit(1)")
        self.run_all(much)
        shown = "\n".join(self.said)
        self.assertIn("line 999.", shown)
        self.assertNotIn("line 799.", shown)
        self.assertIn("(801 lines before these are in ", shown)


class Lanes(unittest.TestCase):
    def test_parts_that_share_a_script_run_each_of_its_tests_once(self) -> None:
        parts_of = [part for lane in run.LANES for part in lane if part.script == run.PULUMI]
        self.assertGreater(len(parts_of), 1)
        modules = sorted(path.stem for path in (run.PULUMI.parent / "tests").glob("test_*.py"))
        self.assertEqual(sorted(f"{name}." for name in modules), sorted(name for part in parts_of for name in part.only))


def _is_zombie(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


if __name__ == "__main__":
    unittest.main()
