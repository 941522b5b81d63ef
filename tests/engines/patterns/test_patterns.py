"""Every pattern that the component emits, on every fixture and on each changed in each field that the pattern names.

The answer that is right is the statement's (`statement.py`). AWS's event-ruler must give it, and so must the emulators,
but for the differences that are listed.
"""

from __future__ import annotations

import json
import re
import unittest
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import modules
import ruler
from differences import DIFFERENCES
from emitted import APPLICATION, Emitted, emitted
from emulators import MATCHERS
from events import Case, cases, fixtures, named, statuses

ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path(__file__).resolve().parent
SHOWN = 20
# As `events.py` words it: a field was changed, other than that of the cluster, of which all fixtures have the same.
CHANGED = re.compile(r"(?!detail\.clusterArn)[a-z][a-zA-Z.-]* = ")
# "Event patterns" in EventBridge's quotas: the characters of a pattern, without a request for more.
MAX_CHARACTERS = 2048


@dataclass(frozen=True)
class Judged:
    """A pattern's events, and for each what event-ruler says."""

    emitted: Emitted
    cases: list[Case]
    matched: list[bool]
    # Of the pattern with one value misspelled, by the place of that value: whether event-ruler then says something
    # wrong of a fixture, in any cluster, or of a combination of statuses.
    misspelled: dict[str, bool]


class Patterns(unittest.TestCase):
    jars: list[Path]
    judged: list[Judged]

    @classmethod
    def setUpClass(cls) -> None:
        cls.jars = modules.jars(FOLDER)
        some = emitted()
        its_cases = [[*cases(one.pattern, one.sources), *statuses(fixtures()["task-running"])] for one in some]
        few = [[case for case in its if not CHANGED.match(case.change)] for its in its_cases]
        wrong = [_misspelled(one.pattern) for one in some]
        # All by one process. A pattern that is not valid fails here.
        answers = ruler.matched(
            cls.jars,
            [
                *(({"": one.pattern}, _events(its)) for one, its in zip(some, its_cases, strict=True)),
                *((patterns, _events(its)) for patterns, its in zip(wrong, few, strict=True)),
            ],
        )
        cls.judged = []
        for number, (one, its) in enumerate(zip(some, its_cases, strict=True)):
            right = [one.lets_through(case.event) for case in few[number]]
            of_wrong = answers[len(some) + number]
            found = {place: [place in names for names in of_wrong] != right for place in wrong[number]}
            cls.judged.append(Judged(one, its, [bool(names) for names in answers[number]], found))

    def test_event_ruler_lets_through_what_the_statement_says_and_nothing_else(self) -> None:
        for judged in self.judged:
            with self.subTest(judged.emitted.name):
                wrong = [
                    f"{case}: {'matched' if is_matched else 'not matched'}"
                    for case, is_matched in zip(judged.cases, judged.matched, strict=True)
                    if is_matched != judged.emitted.lets_through(case.event)
                ]
                self.assertEqual(wrong[:SHOWN], [], f"{len(wrong)} of {len(judged.cases)} events are judged wrongly")
        counts = ", ".join(
            f"{judged.emitted.name}: {len(judged.cases)} events, {sum(judged.matched)} let through"
            for judged in self.judged
        )
        print(f"\nevent-ruler agrees with the statement. {counts}")

    def test_each_field_that_a_pattern_names_decides(self) -> None:
        """For each field there is an event of which one change turns the answer into the other one."""
        for judged in self.judged:
            unchanged = {
                case.fixture: is_matched
                for case, is_matched in zip(judged.cases, judged.matched, strict=True)
                if case.change in ("as it is", f"from {judged.emitted.sources[0]}")
            }
            turned = Counter(
                case.change.split(" = ")[0]
                for case, is_matched in zip(judged.cases, judged.matched, strict=True)
                if case.fixture in unchanged and is_matched != unchanged[case.fixture]
            )
            for field in named(judged.emitted.pattern):
                with self.subTest(judged.emitted.name, field=field):
                    self.assertGreater(turned[".".join(field)], 0)

    def test_each_fixture_goes_through_the_rule_that_is_listed_for_it(self) -> None:
        listed = json.loads(ROOT.joinpath("fixtures/rules.json").read_text())
        for name, rule in (("requests", "requests"), ("state changes", "stateChange")):
            judged = next(one for one in self.judged if one.emitted.name == name)
            through = {
                case.fixture
                for case, is_matched in zip(judged.cases, judged.matched, strict=True)
                if is_matched and case.change in ("as it is", f"from {APPLICATION}")
            }
            self.assertEqual(through, set(listed[rule]), name)

    def test_each_emulator_agrees_but_for_the_differences_that_are_listed(self) -> None:
        found: Counter[int] = Counter()
        for judged in self.judged:
            events = [case.event for case in judged.cases]
            for emulator, matcher in MATCHERS.items():
                answers = matcher(judged.emitted.pattern, events)
                unlisted = []
                for case, is_matched, answer in zip(judged.cases, judged.matched, answers, strict=True):
                    row = _row(emulator, case, answer)
                    if answer == is_matched:
                        continue
                    if row is None:
                        unlisted.append(f"{case}: {emulator} says {answer}, event-ruler {is_matched}")
                    else:
                        found[row] += 1
                with self.subTest(judged.emitted.name, emulator=emulator):
                    self.assertEqual(unlisted[:SHOWN], [], f"{len(unlisted)} of {len(events)} events differ")
        for number, row in enumerate(DIFFERENCES):
            self.assertGreater(found[number], 0, f"{row.emulator}: {row.change.pattern} is listed in vain")

    def test_no_pattern_is_longer_than_eventbridge_takes(self) -> None:
        for judged in self.judged:
            text = json.dumps(judged.emitted.pattern, separators=(",", ":"))
            self.assertLessEqual(len(text), MAX_CHARACTERS, judged.emitted.name)

    def test_a_wrong_value_in_any_place_of_a_pattern_is_found(self) -> None:
        """Each text of each pattern, misspelled, makes event-ruler differ from the statement."""
        for judged in self.judged:
            self.assertGreater(len(judged.misspelled), 5)
            for place, is_found in judged.misspelled.items():
                with self.subTest(judged.emitted.name, misspelled=place):
                    self.assertTrue(is_found)

    def test_an_invalid_pattern_is_refused_with_event_rulers_words(self) -> None:
        with self.assertRaisesRegex(ruler.RulerFailed, "invalid.*Unrecognized match type begins"):
            ruler.matched(self.jars, [({"p": {"source": [{"begins": "aws"}]}}, [])])


def _row(emulator: str, case: Case, answer: bool) -> int | None:
    """The number of the difference that this is."""
    return next(
        (
            number
            for number, row in enumerate(DIFFERENCES)
            if row.emulator == emulator and row.matches == answer and row.change.fullmatch(case.change)
        ),
        None,
    )


def _events(some: list[Case]) -> list[Any]:
    return [case.event for case in some]


def _misspelled(pattern: Any) -> dict[str, Any]:
    """The pattern with one of its texts misspelled, or one of its booleans turned, for each place where it has one."""
    return {"/".join(map(str, place)): wrong for place, wrong in _places(pattern)}


def _places(pattern: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(pattern, bool):
        yield (), not pattern
    elif isinstance(pattern, str):
        yield (), f"{pattern}s"
    else:
        for name in pattern if isinstance(pattern, dict) else range(len(pattern)):
            for place, inner in _places(pattern[name]):
                whole = dict(pattern) if isinstance(pattern, dict) else list(pattern)
                whole[name] = inner
                yield (name, *place), whole


if __name__ == "__main__":
    unittest.main()
