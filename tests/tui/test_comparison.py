"""Several runs side by side: speeds that are like for like, and the findings that tell the runs apart."""

from __future__ import annotations

import math
from dataclasses import replace

from cases import make_case
from runs import founding_case, founding_efficiency

from diagnosis.finding import Finding
from tui.comparison import compare

FINDING = Finding("slowdown", "warning", 0.85, "Steps are slower", ("a",), ("b",), 5, 9)
NOTE = Finding("token-budget", "info", 0.9, "Many tokens", (), (), None, None)


def test_speed_says_what_is_not_like_for_like() -> None:
    """Seconds of larger steps, and the MFU of another GPU."""
    cases = [founding_case(), founding_case(tokens_per_step=1, efficiency=founding_efficiency(peak_flops=312e12))]

    speeds = compare(cases, [[], []]).speeds

    assert speeds.mfu == (0.69, 0.69)
    assert len(speeds.why) == 2
    assert compare([founding_case(), founding_case()], [[], []]).speeds.why == ()
    assert "unknown" in compare([founding_case(), founding_case(tokens_per_step=None)], [[], []]).speeds.why[0]


def test_runs_without_times_need_no_word_on_speed() -> None:
    """Nothing of it is shown."""
    speeds = compare([make_case(), make_case()], [[], []]).speeds
    assert speeds.why == ()
    assert not any(math.isnan(v or 0) for v in speeds.mfu)


def test_findings_that_all_have_are_left_out_and_the_worst_come_first() -> None:
    """What tells the runs apart."""
    runs = [make_case(), make_case()]
    found = compare(runs, [[NOTE, FINDING], [NOTE]]).findings
    both = compare(runs, [[NOTE], [replace(FINDING, severity="critical")]]).findings

    assert [(f.id, f.found) for f in found] == [("slowdown", (True, False))]
    assert [f.id for f in both] == ["slowdown", "token-budget"]
