"""Who is ahead where: at the same steps, tokens, time and FLOPs, and never by noise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cases import NANOGPT, make_case
from runs import founding_efficiency, founding_size

from diagnosis.case import Case
from diagnosis.standings import Standing, standings_of
from parsers.records import Value


def run(
    last: int = 1000,
    level: float = 3.0,
    facts: dict[str, Value] | None = None,
    metric: str = "val_loss",
    **fields: Any,
) -> Case:
    """A run that is evaluated each 100 steps; its loss falls by 1 in 1000 steps to `level` at step 1000."""
    steps = np.arange(0, last + 1, 100)
    return make_case({metric: (steps, level + 1 - steps / 1000)}, facts, **fields)


def noisy(level: float, noise: float = 0.01, evals: int = 30, seed: int = 0) -> Case:
    """A run whose evaluations scatter."""
    steps = np.arange(evals) * 100
    scatter = np.random.default_rng(seed).normal(0, noise, evals)
    return make_case({"val_loss": (steps, level + 5 / np.sqrt(steps + 100.0) + scatter)})


def on(axis: str, *cases: Case, metric: str = "val_loss") -> list[Standing]:
    """The standings on one axis."""
    return [s for s in standings_of(metric, cases) if s.axis == axis]


def test_runs_stand_at_the_last_step_that_all_have_reached() -> None:
    """The longer run is read between its rows where it has none there."""
    longer = make_case({"val_loss": ([0, 600, 1200], [4.0, 3.4, 2.8])})

    (found,) = on("step", run(1000), longer)

    assert found.place == 1000
    assert found.values == pytest.approx((3.0, 3.0))


def test_equal_tokens_are_other_steps_where_a_batch_is_larger() -> None:
    """Twice the batch has seen them after half the steps."""
    cases = run(1000, tokens_per_step=1000.0), run(1000, 2.5, tokens_per_step=2000.0)

    (steps,), (tokens,) = on("step", *cases), on("tokens", *cases)

    assert (steps.place, steps.values) == (1000, (3.0, 2.5))
    assert tokens.place == 1_000_000
    assert tokens.values == pytest.approx((3.0, 3.0))


def test_equal_flops_are_fewer_tokens_of_a_larger_model() -> None:
    """Thrice the work a token: the same work after a third of the tokens."""
    small = run(1000, tokens_per_step=1000.0, size=founding_size())
    large = run(1000, 2.5, tokens_per_step=1000.0, size=founding_size(n_embd=768))

    (found,) = on("flops", small, large)

    share = (6 * 40_560_000 + 12 * 12 * 384 * 1024) / (6 * 123_587_328 + 12 * 12 * 768 * 1024)
    assert found.place == pytest.approx(1e6 * (6 * 40_560_000 + 12 * 12 * 384 * 1024))
    assert found.values == pytest.approx((3.0, 3.5 - share))
    assert found.best == 0


def test_equal_time_favours_the_faster_run() -> None:
    """Steps twice as long: after the same time half the steps are done."""
    slow, fast = (founding_efficiency(seconds_per_step=s, overhead=None) for s in (2.0, 1.0))

    (found,) = on("seconds", run(1000, efficiency=fast), run(1000, efficiency=slow))

    assert (found.place, found.best) == (1000, 0)
    assert found.behind == pytest.approx((0.0, 0.5))


def test_axes_that_are_unknown_are_left_out() -> None:
    """Neither tokens nor times nor sizes are known, or those of one run only."""
    assert {s.axis for s in standings_of("val_loss", [run(), run()])} == {"step"}
    one = run(tokens_per_step=1.0, size=founding_size(), efficiency=founding_efficiency())
    assert {s.axis for s in standings_of("val_loss", [run(), one])} == {"step"}
    assert {s.axis for s in standings_of("val_loss", [one, one])} == {"step", "tokens", "seconds", "flops"}


def test_epochs_stand_in_for_steps_that_nobody_prints() -> None:
    """A log of rows that tell their epoch; where steps are counted they are not asked for."""
    rows = replace(NANOGPT, steps_count="rows")
    steps = np.arange(0, 1001, 100)
    made = {"val_loss": (steps, 4 - steps / 1000), "epoch": (steps, steps / 2000)}
    slow = make_case({**made, "epoch": (steps, steps / 4000)}, traits=rows)

    (found,) = standings_of("val_loss", [make_case(made, traits=rows), slow])

    assert (found.axis, found.place) == ("epoch", 0.25)
    assert found.values == pytest.approx((3.5, 3.0))
    assert [s.axis for s in standings_of("val_loss", [make_case(made)] * 2)] == ["step"]
    keras = run(traits=replace(NANOGPT, steps_count="epochs"))
    assert [(s.axis, s.place) for s in standings_of("val_loss", [keras, keras])] == [("epoch", 1000)]


def test_runs_that_never_met_do_not_stand_together() -> None:
    """One that goes on from a checkpoint and one that ended before it; nor two that share the start only."""
    late = make_case({"val_loss": ([5000, 6000], [2.5, 2.4])})
    begun = make_case({"val_loss": ([0], [11.0])})
    assert standings_of("val_loss", [run(1000), late]) == ()
    assert standings_of("val_loss", [run(1000), begun]) == ()


def test_the_runs_that_go_on_are_compared_farther_on_too() -> None:
    """A third run that broke off early does not hide what came of the others."""
    first, farther = on("step", run(1000), run(900, 2.5), run(200, 2.0))
    assert (first.place, first.best) == (200, 2)
    assert (farther.place, farther.best, farther.values[2]) == (900, 1, None)
    assert farther.behind == pytest.approx((0.5, 0.0, None), nan_ok=True)
    assert len(on("step", run(2000), run(2000), run(1900))) == 1


def test_a_run_that_began_later_is_not_asked_where_it_was_not() -> None:
    """Most runs decide about the place."""
    late = make_case({"val_loss": ([5000, 6000], [2.5, 2.4])})
    (found,) = on("step", run(1000), run(1000, 2.5), late)
    assert found.values == (3.0, 2.5, None)


def test_a_difference_below_two_errors_is_none() -> None:
    """Evaluations with a scatter of .01: a difference of .014 each; .01 is not seen, .1 is."""
    (near,) = on("step", noisy(3.00, seed=1), noisy(3.01, seed=2))
    (far,) = on("step", noisy(3.0, seed=1), noisy(3.1, seed=2))
    assert near.level(0) is near.level(1) is True
    assert far.best == 0
    assert far.level(1) is False
    assert far.behind_errors[1] == pytest.approx(0.014, rel=0.4)


def test_the_limit_is_two_errors() -> None:
    """From both sides of it."""
    found = replace(_two(0.0199), behind_errors=(0.0, 0.01))
    assert found.level(1) is True
    assert replace(found, behind=(0.0, 0.0201)).level(1) is False


def _two(behind: float) -> Standing:
    (found,) = on("step", run(), run(1000, 3.0 + behind))
    return replace(found, behind=(0.0, behind))


def test_the_best_of_many_runs_is_lucky() -> None:
    """Of eight runs alike the extremes differ by more than two errors in every third comparison."""
    assert on("step", run(), run())[0].resolved == 2.0
    assert on("step", *[run()] * 3)[0].resolved == pytest.approx(2.39, abs=0.01)
    assert on("step", *[run()] * 8)[0].resolved == pytest.approx(3.12, abs=0.01)
    lost = 0
    for trial in range(40):
        (found,) = on("step", *[noisy(3.0, seed=8 * trial + at) for at in range(8)])
        lost += any(found.level(at) is False for at in range(8))
    assert lost <= 6


def test_unknown_noise_is_said() -> None:
    """Three evaluations: lower, but nobody knows whether surely; a missing run has no level at all."""
    few = [make_case({"val_loss": ([0, 500, 1000], [4.0, 3.5, 3.0 + more])}) for more in (0.0, 0.2)]
    (found,) = on("step", *few, make_case())
    assert found.behind == pytest.approx((0.0, 0.2, None), nan_ok=True)
    assert found.behind_errors == (0.0, None, None)
    assert (found.level(0), found.level(1), found.level(2)) == (True, None, None)


def test_a_training_loss_is_read_off_many_rows() -> None:
    """Its last row is noise; a running average is taken as it is printed, without an error."""
    steps = np.arange(1000)
    made = [3 + np.random.default_rng(seed).normal(0, 0.1, 1000) for seed in (1, 2)]
    cases = [make_case({"train_loss": (steps, values)}) for values in made]
    (found,) = on("step", *cases, metric="train_loss")
    assert found.level(0) is found.level(1) is True
    assert found.values == pytest.approx((3.0, 3.0), abs=0.1)
    assert found.errors[0] == pytest.approx(0.1 * 2 / np.sqrt(50), rel=0.4)

    averages = [replace(case, traits=replace(NANOGPT, train_loss="average")) for case in cases]
    (found,) = on("step", *averages, metric="train_loss")
    assert found.errors == (None, None)
    assert found.values == (made[0][-1], made[1][-1])


def test_both_splits_of_a_trainer_tell_the_noise_of_one() -> None:
    """NanoGPT's two losses are drawn alike: twice as many evaluations to judge it by."""
    case = noisy(3.0)
    quiet = replace(case.metric("val_loss"), name="eval_train_loss", values=5 / np.sqrt(np.arange(30) * 100.0 + 100))
    both = replace(case, series={**case.series, "eval_train_loss": quiet})
    (alone,), (joined,) = on("step", case, noisy(3.0, seed=1)), on("step", both, noisy(3.0, seed=1))
    assert alone.errors[0] is not None
    assert joined.errors[0] is not None
    assert joined.errors[0] < 0.85 * alone.errors[0]


def test_the_learning_rate_there_is_a_share_of_its_peak() -> None:
    """As logged, else as the schedule has it; within the warm-up a small share is no annealing."""
    steps = np.arange(0, 1001, 100)
    logged = make_case({"val_loss": (steps, 4 - steps / 1000), "learning_rate": (steps, 1e-3 * (1 - steps / 1250))})
    planned = run(facts={"learning_rate": 1e-3, "min_lr": 0.0, "warmup_steps": 100, "decay_steps": 1900})
    warming = run(facts={"learning_rate": 1e-3, "min_lr": 0.0, "warmup_steps": 1500, "decay_steps": 1900})

    (found,) = on("step", logged, planned, warming, run())

    assert found.learning_rates[:2] == pytest.approx((0.2, 0.5))
    assert found.learning_rates[2:] == (None, None)
