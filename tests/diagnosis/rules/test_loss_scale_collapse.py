"""Rule loss-scale-collapse: a scaler that cannot find its level, told from one that does its work."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import make_case

from diagnosis.finding import Finding
from diagnosis.rules.loss_scale_collapse import rule
from parsers.records import Notice

BEGIN = 5000
"""A log from the middle of a run, unless it says otherwise."""


def find(exponents: Any, begin: int = BEGIN, every: int = 1, more: dict[str, Any] | None = None, **fields: Any) -> Any:
    """The finding on a loss scale of 2 to these powers, a row at every `every` steps."""
    steps = begin + every * np.arange(len(exponents))
    scale = (steps, 2.0 ** np.asarray(exponents, float))
    found: Finding | None = rule(make_case({"loss_scale": scale, **(more or {})}, **fields))
    return found


def halved(at: list[int], rows: int = 200, begin: float = 16) -> Any:
    """A scale that was halved at each of these rows."""
    return begin - np.searchsorted(at, np.arange(rows), side="right")


def test_104_billion_parameters() -> None:
    """1,048,576 to 32,768 in 7 steps while the gradient norm repeats itself: said at the third halving in a row."""
    scale = [20, 20, 20, 19, 18, 17, 17, 16, 15]
    norms = [453_082.5, *[464_441.9] * 5, *[879_946.6] * 3]
    found = find(scale, 17_060, more={"grad_norm": (17_060 + np.arange(9), norms)})
    assert found is not None
    assert (found.severity, found.first_step) == ("warning", 17_065)
    assert found.title == "The fp16 loss scale fell from 1,048,576 to 32,768"
    assert any("the same on 4 rows" in line for line in found.evidence)
    assert found.settings == (("dtype", "bfloat16"),)


@pytest.mark.parametrize(
    ("at", "expected"),
    [([50, 60, 70, 80], True), ([50, 60, 70], False), ([50, 66, 82, 99], True), ([50, 68, 86, 104], False)],
)
def test_four_halvings_within_50_steps(at: list[int], expected: bool) -> None:
    """Three are too few, four over 54 steps too slow."""
    assert (find(halved(at)) is not None) is expected


@pytest.mark.parametrize(("at", "expected"), [([50, 51, 52], True), ([50, 51, 54], False)])
def test_three_halvings_in_three_updates(at: list[int], expected: bool) -> None:
    """One after the other."""
    assert (find(halved(at)) is not None) is expected


@pytest.mark.parametrize("begin", [0, 1])
def test_the_first_descent_is_how_a_scaler_finds_its_level(begin: int) -> None:
    """From 2^32 to 2^16 in the first 16 updates, or in 32 where each halving takes two overflows; then it stands."""
    for each in (1, 2):
        scale = np.maximum(16, 32 - np.arange(400) // each)
        assert find(scale, begin) is None
    assert find(np.maximum(16, 32 - np.arange(400))) is not None


@pytest.mark.parametrize(("stood", "fires"), [(9, False), (11, True)])
def test_the_first_descent_is_over_when_it_stands(stood: int, fires: bool) -> None:
    """For 10 steps: what halves after that is no search for a level."""
    exponents = [*range(32, 16, -1), *[16] * stood, 15, 14, 13, 12, *[12] * 40]

    assert (find(exponents, 0) is not None) is fires


@pytest.mark.parametrize(("halvings", "fires"), [(12, False), (20, True)])
def test_the_first_descent_takes_a_hundred_steps_at_most(halvings: int, fires: bool) -> None:
    """A halving every 8 steps, without a stand: 96 steps of it, or 160."""
    assert (find(32 - np.minimum(np.arange(300) // 8, halvings), 0) is not None) is fires


def test_the_first_descent_in_rows_of_ten_steps() -> None:
    """Every row a new halving or several: 4.3 billion, 67 million, 1 million, 65,536, and there it stands."""
    assert find([32, 26, 20, 16, *[16] * 40], 10, 10) is None
    assert find([*[16] * 40, 12, 8], 10, 10) is not None


def test_a_resumed_run_finds_its_level_again() -> None:
    """The scaler begins anew where the run was resumed."""
    scale = np.concatenate((np.full(100, 16), np.maximum(14, 32 - np.arange(100))))
    assert find(scale, segments=(BEGIN, BEGIN + 100)) is None


@pytest.mark.parametrize("every", [1, 100])
def test_one_halving_in_2000_steps_is_its_work(every: int) -> None:
    """It doubles each 2,000 steps, overflows and halves again."""
    steps = every * np.arange(20_000 // every)
    assert find(16 + (steps // 2000) % 2, 0, every) is None


def test_rows_a_hundred_steps_apart_show_several_halvings_at_once() -> None:
    """Four between two rows are too many, one is not."""
    assert find([16, 16, 12, 12], every=100) is not None
    assert find([16, 16, 15, 15], every=100) is None


@pytest.mark.parametrize(("every", "fires"), [(480, True), (520, False)])
def test_rows_too_far_apart_tell_no_collapse(every: int, fires: bool) -> None:
    """Four halvings in 500 steps are too many; in more they may be a scaler's work."""
    assert (find([16, 16, 12, 12], every=every) is not None) is fires


@pytest.mark.parametrize(("same", "said"), [(2, False), (3, True)])
def test_three_equal_norms_are_steps_that_were_skipped(same: int, said: bool) -> None:
    """Two may be chance."""
    norms = np.linspace(1.0, 2.0, 200)
    norms[60 : 60 + same] = 5.0
    found = find(halved([50, 51, 52]), more={"grad_norm": (BEGIN + np.arange(200), norms)})

    assert any("their steps were skipped" in line for line in found.evidence) is said


def test_a_scale_of_one_is_the_end_unless_it_always_was() -> None:
    """From 4,096 to 1, a halving in 100 steps: nothing is left. bfloat16 prints 1.0 from the start."""
    found = find(halved(list(range(100, 1300, 100)), 1400, begin=12))
    assert found is not None
    assert (found.severity, found.first_step) == ("critical", BEGIN + 1200)
    assert find(np.zeros(900)) is None
    assert find(np.concatenate((np.ones(10), np.zeros(10)))) is None


def test_losses_that_are_sums_bear_a_low_scale() -> None:
    """Fairseq may stand at 1 or below for good; three halvings in a row are some trouble there, but not the end."""
    assert find(halved(list(range(100, 1200, 100)), 1400, begin=11)) is None
    found = [find(halved([50, 51, 52], rows, begin=2)) for rows in (100, 1100)]
    assert [f.severity for f in found] == ["warning", "info"]


def test_a_collapse_that_is_over_is_a_note() -> None:
    """1,000 steps without a halving; at 999 it is still a warning, with the same first step."""
    found = [find(halved([50, 51, 52], rows)) for rows in (100, 1052, 1053)]
    assert [f.severity for f in found] == ["warning", "warning", "info"]
    assert {f.first_step for f in found} == {BEGIN + 52}


def test_the_trainers_last_words_are_enough() -> None:
    """DeepSpeed gives up: critical, with or without a scale in the log."""
    said = Notice("traceback", "Exception: Current loss scale already at minimum - cannot decrease scale anymore.", 700)
    alone = rule(make_case(notices=[said]))
    assert alone is not None
    assert (alone.severity, alone.first_step) == ("critical", 700)
    with_scale = find(halved([50, 51, 52]), notices=[said])
    assert with_scale is not None
    assert with_scale.severity == "critical"


def test_no_scale_no_word() -> None:
    """Unknown, a single row, or a scale that is none."""
    assert rule(make_case()) is None
    assert find([16]) is None
    assert rule(make_case({"loss_scale": (range(50), [-1.0] * 50)})) is None
