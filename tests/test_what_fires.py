"""What holds of every finding on every log there is: it had what its rule needs, and it says what it must say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from raw_logs import SHARED

from diagnosis.rules import diagnose, needs_of
from tui.opening import open_log, whole
from tui.options import Options
from tui.reading import Moment, Reading

LOGS = [
    folder / label["path"]
    for folder in (SHARED / "lab", SHARED / "corpus")
    if folder.exists()
    for label in json.loads((folder / "labels.json").read_text())
]


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.name)
def test_a_finding_had_what_its_rule_needs_and_says_what_it_must(path: Path) -> None:
    """Else `--verbose` would list a rule as silent that spoke. Evidence, confidence and advice belong to each."""
    opened = open_log(str(path), Options(), may_wait=False)
    reading = Reading(opened.source, Options(), opened.path)
    for block in whole(opened):
        reading.apply(block)
    case = reading.case(Moment(over=True, alive=False))
    for finding in diagnose(case):
        assert [need.what for need in needs_of(finding.id) if not need.known(case)] == [], finding.id
        assert finding.title
        assert finding.evidence
        assert finding.advice
        assert 0 < finding.confidence <= 1
        assert finding.step is None or finding.first_step is None or finding.first_step <= finding.step
