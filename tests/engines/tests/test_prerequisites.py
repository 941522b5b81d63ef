"""The checks of Go, Java and Maven, with programs that answer as good and bad ones do. Needs none of them."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import prerequisites

GOOD = {
    "go": "go version go1.26.8 linux/amd64",
    "javac": "javac 17.0.15",
    "java": 'openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment (build 17.0.15+6)',
    "mvn": "\033[1mApache Maven 3.8.7\033[m\nMaven home: /usr/share/maven",
}


class Prerequisites(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.programs, self.modules = Path(folder.name, "bin"), Path(folder.name, "modules")
        self.programs.mkdir()
        self.modules.mkdir()

    def problems(self, **said: str | None) -> list[str]:
        """What is wrong where these programs say so, and the others are good; `None` is one that is not there."""
        for name, words in (GOOD | said).items():
            if words is not None:
                self.program(name, f"cat <<'END'\n{words}\nEND")
        return self.check()

    def program(self, name: str, lines: str) -> None:
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{lines}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def check(self) -> list[str]:
        # `cat` and `sleep` must be found, and no Go, Java or Maven of this computer.
        for name in ("cat", "sleep", "printenv"):
            found = next(Path(folder, name) for folder in os.get_exec_path() if Path(folder, name).exists())
            self.programs.joinpath(name).symlink_to(found)
        return prerequisites.problems(prerequisites.needed(self.modules), {"PATH": str(self.programs)})

    def test_good_versions_are_no_problem(self) -> None:
        self.assertEqual(self.problems(), [])

    def test_newer_versions_are_no_problem(self) -> None:
        newer = {"go": "go version go2.0 linux/arm64", "javac": "javac 25", "mvn": "Apache Maven 4.0.0-rc-4 (abc)"}
        newer["java"] = 'openjdk version "25" 2025-09-16'
        self.assertEqual(self.problems(**newer), [])

    def test_all_that_is_missing_is_said_at_once_with_the_way_to_get_it(self) -> None:
        found = self.problems(go=None, javac=None, java=None, mvn=None)
        self.assertEqual(
            found,
            [
                "Go 1.26 or newer is needed: there is no go in PATH. https://go.dev/doc/install",
                "Java (a JDK) 17 or newer is needed: there is no javac in PATH. "
                "apt-get install openjdk-17-jdk-headless, or https://adoptium.net",
                "Java 17 or newer is needed: there is no java in PATH. "
                "apt-get install openjdk-17-jdk-headless, or https://adoptium.net",
                "Maven 3.6.3 or newer is needed: there is no mvn in PATH. "
                "apt-get install maven, or https://maven.apache.org/install.html",
            ],
        )

    def test_an_old_version_is_named(self) -> None:
        for name, words, version in (
            ("go", "go version go1.25.9 linux/amd64", "1.25.9"),
            ("javac", "javac 11.0.22", "11.0.22"),
            ("javac", "javac 1.8.0_392", "1.8.0"),
            ("java", 'openjdk version "11.0.22" 2024-01-16', "11.0.22"),
            ("java", 'java version "1.8.0_392"', "1.8.0"),
            ("mvn", "Apache Maven 3.6.2 (abc)", "3.6.2"),
        ):
            with self.subTest(words):
                (problem,) = self.problems(**{name: words})
                self.assertIn(f"is {version}.", problem)
                for link in self.programs.iterdir():
                    link.unlink()

    def test_go_must_be_as_new_as_the_newest_module_asks_for(self) -> None:
        for folder, line in (("one", "go 1.26.9"), ("two/deeper", "go 1.25"), ("three", "go 1.27rc1")):
            self.modules.joinpath(folder).mkdir(parents=True)
            self.modules.joinpath(folder, "go.mod").write_text(f"module example.com/m\n\n{line}\n")
        (problem,) = self.problems()
        self.assertRegex(problem, r"^Go 1\.26\.9 or newer is needed: `go version` is 1\.26\.8\.")

    def test_a_program_that_says_something_else_is_quoted(self) -> None:
        (problem,) = self.problems(javac="I am no compiler\nat all")
        self.assertIn("`javac -version` ended with 0 and said: I am no compiler. ", problem)

    def test_a_program_that_fails_is_quoted(self) -> None:
        self.program("mvn", "echo The JAVA_HOME environment variable is not defined correctly >&2; exit 1")
        (problem,) = self.problems(mvn=None)
        self.assertIn("`mvn --version` ended with 1 and said: The JAVA_HOME environment variable", problem)

    def test_a_program_that_cannot_be_run_is_said_to_be_so(self) -> None:
        self.programs.joinpath("go").write_text("no program")
        (problem,) = self.problems(go=None)
        self.assertIn("`go version` cannot be run: Permission denied", problem)

    def test_a_program_that_does_not_answer_is_given_up(self) -> None:
        self.program("go", "exec sleep 600")
        with mock.patch.object(prerequisites, "ANSWER_SECONDS", 0.2):
            (problem,) = self.problems(go=None)
        self.assertIn("`go version` did not answer within 0.2 s", problem)

    def test_go_is_kept_from_downloading_another_version_of_itself(self) -> None:
        self.program("go", 'echo "go version go1.26.8 $(printenv GOTOOLCHAIN)"; test "$GOTOOLCHAIN" = local')
        self.assertEqual(self.problems(go=None), [])


if __name__ == "__main__":
    unittest.main()
