"""Rule overfitting: the growth of the gap and the turn of validation, never the level of the gap."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import make_case
from raw_logs import cut, read_case, shared
from runs import founding_efficiency

from diagnosis.finding import Finding
from diagnosis.rules.overfitting import rule
from diagnosis.trend import eval_standard_error
from parsers.records import Notice, Value

STEPS = np.arange(0, 20_001, 500)


def losses(seed: int = 0, sd: float = 0.008, turn: float = 0.0, gap: float = 0.0, from_step: int = 10_000) -> Any:
    """(val, train) of a run whose train falls ever on; from a step on the gap grows and val turns up."""
    rng = np.random.default_rng(seed)
    train = 3.4 + 20 / np.sqrt(STEPS + 10.0) + rng.normal(0, sd, len(STEPS))
    late = np.maximum(0, STEPS - from_step) / 10_000
    val = 3.4 + 20 / np.sqrt(STEPS + 10.0) + turn * late + rng.normal(0, sd, len(STEPS))
    return val, train - gap * late


def find(
    val: Any, train: Any, count: int = len(STEPS), facts: dict[str, Value] | None = None, **more: Any
) -> Finding | None:
    series = {"val_loss": (STEPS[:count], val[:count]), "eval_train_loss": (STEPS[:count], train[:count])}
    case = make_case(series, facts, **more)
    error = eval_standard_error(case.metric("val_loss"), case.metric("eval_train_loss"))
    return rule(make_case(series, facts, **{"eval_standard_error": error, **more}))


@pytest.mark.parametrize("seed", range(10))
def test_validation_that_rises_while_training_falls_is_critical(seed: int) -> None:
    """Half a nat up over the second half: critical, with the best step near the turn."""
    found = find(*losses(seed, turn=0.5, gap=0.3))
    assert found is not None
    assert found.severity == "critical"
    best = int(found.title.rsplit(" ", 1)[1].replace(",", ""))
    assert 8000 <= best <= 13_000
    assert found.first_step is not None
    assert best < found.first_step < 18_000


def test_validation_that_stands_still_while_the_gap_grows_is_a_warning() -> None:
    """Train falls on by 0.3, validation does not fall and does not rise significantly."""
    val, train = losses(3, gap=0.3)
    val[STEPS > 8000] = 3.55 + np.tile([0.004, -0.004], 50)[: int((STEPS > 8000).sum())]
    found = find(val, train)
    assert found is not None
    assert found.severity == "warning"


@pytest.mark.parametrize(("gap", "fires"), [(0.015, False), (0.06, True)])
def test_a_gap_must_grow_by_002_nats(gap: float, fires: bool) -> None:
    """Evals without noise, validation flat at last: over the last 30 % of the steps it grows by half of this."""
    late = np.maximum(0, STEPS - 8000) / 12_000
    val = 3.4 + np.maximum(0, 8000 - STEPS) / 8000 + 1e-4 * late
    assert (find(val, val - 0.02 - gap * late, eval_standard_error=0.001) is not None) is fires


@pytest.mark.parametrize(("rise", "severity"), [(0.015, "warning"), (0.03, "critical")])
def test_validation_well_above_its_best_is_critical(rise: float, severity: str) -> None:
    """Its last evals 0.02 nats above the best smoothed one, with no trend of its own at the end."""
    val, train = losses(3, sd=0.0, gap=0.6)
    val[STEPS > 8000] = np.resize([3.55, 3.5502], int((STEPS > 8000).sum()))
    val[(STEPS > 8000) & (STEPS < 10_000)] -= rise
    found = find(val, train, eval_standard_error=0.001)
    assert found is not None
    assert found.severity == severity


@pytest.mark.parametrize("seed", range(5))
def test_a_gap_that_grows_while_validation_still_falls_is_healthy(seed: int) -> None:
    """A slow genuine growth of the gap; validation improves to the end."""
    val, train = losses(seed, gap=0.1, turn=-0.15)
    assert find(val, train) is None


@pytest.mark.parametrize("offset", [-0.2, 0.07, 1.0])
def test_the_level_of_the_gap_says_nothing(offset: float) -> None:
    """A validation set that is easier or much harder, by a constant."""
    val, train = losses()
    assert find(val + offset, train) is None


@pytest.mark.parametrize("seed", range(20))
def test_noisy_evals_of_a_healthy_run_are_silent(seed: int) -> None:
    """0.15 nats of noise (one eval batch), at every prefix of the run."""
    val, train = losses(seed, sd=0.15)
    assert [find(val, train, count) for count in range(9, len(STEPS) + 1)].count(None) >= len(STEPS) - 9


def test_few_evals_are_silent() -> None:
    """Two evals, 0.98 against 3.75, may be anything; so may seven that rise."""
    case = make_case({"val_loss": ([800, 1000], [3.7535, 3.8986]), "eval_train_loss": ([800, 1000], [0.98, 0.67])})
    assert rule(case) is None
    val, train = losses(turn=0.5, gap=0.5, from_step=500)
    assert find(val, train, 8) is None


def test_the_training_rows_serve_where_no_eval_of_the_train_split_is() -> None:
    """Rows around each eval, in train mode: only the growth counts."""
    val, train = losses(turn=0.5, gap=0.3)
    rows = np.arange(0, 20_001, 20)
    noise = np.random.default_rng(1).normal(0, 0.05, len(rows))
    series = {"val_loss": (STEPS, val), "train_loss": (rows, np.interp(rows, STEPS, train) + noise)}
    found = rule(make_case(series))
    assert found is not None
    assert found.severity == "critical"


def test_it_is_dated_by_the_eval_that_completed_the_evidence() -> None:
    """The step it gives is one at which the rule, run on the log so far, does fire, and not at the eval before."""
    val, train = losses(2, turn=0.6, gap=0.4)
    found = find(val, train)
    assert found is not None
    assert found.first_step is not None
    count = int(np.searchsorted(STEPS, found.first_step)) + 1
    error = eval_standard_error(*(make_case({"a": (STEPS, v)}).metric("a") for v in (val, train)))
    assert find(val, train, count, eval_standard_error=error) is not None
    assert find(val, train, count - 1, eval_standard_error=error) is None


def test_dropout_is_proposed_only_where_there_is_none() -> None:
    """With dropout = 0 in the config that is one of the ways; with 0.2 already, it is not."""
    val, train = losses(turn=0.5, gap=0.3)
    without, dropped = find(val, train, facts={"dropout": 0.0}), find(val, train, facts={"dropout": 0.2})
    assert without is not None
    assert dropped is not None
    assert "a dropout of 0.1 to 0.2" in without.advice[1]
    assert without.settings == (("dropout", 0.1),)
    assert "dropout" not in dropped.advice[1]
    assert dropped.settings == ()


def test_what_was_trained_since_the_best_is_counted() -> None:
    """From the best step to the last one, in nats and, where the seconds of a step are known, in hours."""
    val, train = losses(turn=0.5, gap=0.3)
    plain, timed = find(val, train), find(val, train, efficiency=founding_efficiency(seconds_per_step=3.6))
    assert plain is not None
    assert timed is not None
    best = int(plain.title.rsplit(" ", 1)[1].replace(",", ""))
    assert plain.evidence[2].endswith(f", after {20_000 - best:,} more steps")
    assert timed.evidence[2].endswith(f"more steps that took {(20_000 - best) / 1000:.1f} h")


def test_the_checkpoint_nearest_to_the_best_is_named() -> None:
    """Of those that the log saw saved; without any there is no such line."""
    val, train = losses(turn=0.5, gap=0.3)
    saved = [Notice("checkpoint", "saving checkpoint to out", step) for step in (None, 2000, 11_000, 20_000)]
    plain, found = find(val, train), find(val, train, notices=tuple(saved))
    assert plain is not None
    assert found is not None
    assert "the checkpoint saved nearest to it is that of step 11,000" in found.evidence
    assert not any("checkpoint" in line for line in plain.evidence)


def test_a_real_small_run_on_40_kilobytes() -> None:
    """Its validation is best at 120 to 180 steps of 1,800 and rises by a nat."""
    found = rule(read_case(shared("lab/overfit-nanogpt-11.log")))
    assert found is not None
    assert found.severity == "critical"
    assert found.title.endswith(("120", "180"))


@pytest.mark.parametrize(
    "name", ["healthy", "healthy-long", "healthy-small-batch", "healthy-wsd", "restart", "capacity", "eval-noise"]
)
def test_real_small_runs_that_do_not_overfit_are_silent(name: str) -> None:
    """At the end, and at each tenth of the run before it."""
    case = read_case(shared(f"lab/{name}-nanogpt-11.log"))
    for tenth in range(1, 11):
        assert rule(cut(case, (case.steps.last or 0) * tenth / 10)) is None


def of_few(val: list[float], train: list[float]) -> Finding | None:
    """An eval an epoch, as fine-tuning has them."""
    steps = np.arange(1, len(val) + 1) * 100
    return rule(make_case({"val_loss": (steps, val), "eval_train_loss": (steps, train)}))


def test_a_turn_that_no_noise_makes_needs_no_eight_evals() -> None:
    """Three epochs of fine-tuning: validation up by a tenth and more, training far down."""
    found = of_few([1.20, 1.31, 1.45], [1.1, 0.7, 0.4])

    assert found is not None
    assert (found.severity, found.first_step) == ("warning", 300)
    assert "step 100" in found.title


@pytest.mark.parametrize(
    ("val", "train"),
    [
        ([1.20, 1.31], [1.1, 0.7]),
        ([1.20, 1.24, 1.45], [1.1, 0.7, 0.4]),
        ([1.20, 1.31, 1.26], [1.1, 0.7, 0.4]),
        ([1.20, 1.26, 1.29], [1.1, 0.7, 0.4]),
        ([1.20, 1.31, 1.45], [1.1, 1.2, 1.3]),
        ([1.20, 1.31, 1.45], [1.1, 1.09, 1.05]),
        ([1.50, 1.30, 1.20, 1.15], [1.5, 1.2, 1.0, 0.8]),
    ],
    ids=["two evals", "the first by less", "falls again", "by less than a tenth", "a spike", "train stands", "healthy"],
)
def test_what_few_evals_cannot_tell_is_not_said(val: list[float], train: list[float]) -> None:
    """One rise is luck, a rise of both is a spike."""
    assert of_few(val, train) is None


def test_what_few_evals_told_stays_told_when_more_come() -> None:
    """From the ninth on a trend is asked for, which must not take back what was plain before."""
    rise = [1.20 + 0.06 * i for i in range(8)]
    told = [of_few([1.15, *rise[:n]], [1.1 - 0.1 * i for i in range(n + 1)]) for n in range(2, 9)]

    assert all(found is not None and found.first_step == 300 for found in told)
