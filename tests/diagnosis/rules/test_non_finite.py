"""Rule non-finite: NaN, infinity, and the zeros that hide them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import make_case
from raw_logs import read_case, shared

from diagnosis.finding import Finding
from diagnosis.rules.non_finite import rule
from parsers.records import Traits, Value

NAN, INF = float("nan"), float("inf")


def find(values: list[float], metric: str = "train_loss", facts: dict[str, Value] | None = None) -> Finding | None:
    return rule(make_case({metric: (range(0, 10 * len(values), 10), values)}, facts))


@pytest.mark.parametrize("metric", ["train_loss", "eval_train_loss", "val_loss", "grad_norm"])
@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_two_rows_in_a_row_are_critical(metric: str, bad: float) -> None:
    """NaN and either infinity, in a loss or the gradient norm: since which step, and the last good value."""
    found = find([4.3, 4.2, bad, bad], metric)
    assert found is not None
    assert (found.severity, found.confidence, found.first_step) == ("critical", 1.0, 30)
    assert "since step 20" in found.title
    assert "last good value 4.2 at step 10" in found.evidence


@pytest.mark.parametrize("metric", ["train_loss", "grad_norm"])
def test_one_row_is_a_skipped_step(metric: str) -> None:
    """A float16 step that overflowed once is skipped and normal."""
    assert find([4.3, NAN, 4.2, 4.1, NAN, 4.0], metric) is None


def test_finite_losses_are_silent() -> None:
    """However high they are."""
    assert find([10.8, 1e6, 44.0, 3.0]) is None


def test_what_came_back_is_a_warning() -> None:
    """Two rows of finite values may be chance, three mean that the weights live."""
    for after, severity in (([4.1, 4.0], "critical"), ([4.1, 4.0, 3.9], "warning")):
        found = find([4.3, NAN, NAN, *after])
        assert found is not None
        assert found.severity == severity


def test_zeros_after_a_real_loss_hide_nan() -> None:
    """Trainers that filter NaN print 0.0: after 344,093 or 2.3 nobody learns everything between two rows."""
    for values in ([344_093.2, 0.0, 0.0], [2.4, 2.3, 0.0, 0.0, 0.0]):
        found = find(values)
        assert found is not None
        assert found.severity == "critical"
        assert "exactly 0" in found.title


def test_a_memorised_set_may_reach_zero() -> None:
    """0.05, 0.0003, 0.0: learnt by heart, which is overfitting and no NaN; nor are leading or single zeros."""
    assert find([0.4, 0.05, 0.0003, 0.0, 0.0, 0.0]) is None
    assert find([0.0, 0.0, 2.0, 1.9]) is None
    assert find([2.0, 0.0, 1.9, 1.8]) is None


def test_zero_is_an_ordinary_gradient_norm() -> None:
    """Only a training loss is judged by its zeros."""
    assert find([0.5, 0.0, 0.0], "grad_norm") is None


def test_both_splits_of_one_eval_are_enough() -> None:
    """Two NaN on one line are no chance: critical at once, a warning when the next eval is finite."""
    evals = {"val_loss": ([0, 60, 120], [5.0, 4.0, NAN]), "eval_train_loss": ([0, 60, 120], [5.0, 4.0, NAN])}
    found = rule(make_case(evals))
    assert found is not None
    assert (found.severity, found.first_step) == ("critical", 120)
    later: dict[str, Any] = {name: ([*s, 180], [*v, 3.9]) for name, (s, v) in evals.items()}
    back = rule(make_case(later))
    assert back is not None
    assert back.severity == "warning"
    alone = rule(make_case({**evals, "eval_train_loss": ([0, 60, 120], [5.0, 4.0, 3.9])}))
    assert alone is None


@pytest.mark.parametrize(("bad", "severity"), [(2, "warning"), (19, "warning"), (20, "critical")])
def test_a_norm_alone_is_a_skipped_step(bad: int, severity: str) -> None:
    """The loss goes on as a number: float16's scaler skips; 20 rows in a row train nothing."""
    norms = [1.0] * 60 + [NAN] * bad
    rows: dict[str, Any] = {
        "grad_norm": (range(len(norms)), norms),
        "train_loss": (range(len(norms)), [3.0] * len(norms)),
    }
    found = rule(make_case(rows))
    assert found is not None
    assert found.severity == severity
    assert any("skips such steps" in line for line in found.evidence)


@pytest.mark.parametrize(("begins", "expected"), [(0, False), (5000, True)])
def test_the_first_steps_of_float16_overflow_on_purpose(begins: int, expected: bool) -> None:
    """The scale finds its level: no norm in the first 12 steps is normal, in the middle of a run it is not."""
    steps = range(begins, begins + 60)
    rows: dict[str, Any] = {"grad_norm": (steps, [INF] * 12 + [1.0] * 48), "train_loss": (steps, [9.0] * 60)}
    assert (rule(make_case(rows)) is not None) is expected
    if not expected:
        assert rule(make_case(rows, segments=(0,))) is None


@pytest.mark.parametrize(("without", "expected"), [((40, 41), True), ((40,), False), ((0, 1), False)])
def test_train_rows_without_a_loss_are_nan_where_the_trainer_leaves_it_out(
    without: tuple[int, ...], expected: bool
) -> None:
    """Two rows in a row without it, after rows with one; elsewhere a row without a loss means nothing."""
    steps = np.arange(60)
    losses = np.delete(steps, without)
    rows: dict[str, Any] = {"train_loss": (losses, np.full(len(losses), 3.0)), "learning_rate": (steps, np.ones(60))}
    assert (rule(make_case(rows, traits=Traits(train_loss_left_out=True))) is not None) is expected
    assert rule(make_case(rows)) is None


@pytest.mark.parametrize(
    ("facts", "word", "settings"),
    [
        ({"dtype": "float16"}, "bfloat16", (("dtype", "bfloat16"),)),
        ({"dtype": "torch.float16"}, "bfloat16", (("dtype", "bfloat16"),)),
        ({"dtype": "bfloat16", "grad_clip": 0.0}, "Clip", (("grad_clip", 1.0),)),
        ({"dtype": "torch.bfloat16"}, "Lower", ()),
        ({}, "Lower", ()),
    ],
)
def test_the_advice_fits_the_config(facts: dict[str, Value], word: str, settings: Any) -> None:
    """Another dtype where it is float16, clipping where there is none, else the learning rate."""
    found = find([4.3, NAN, NAN], facts=facts)
    assert found is not None
    assert any(word in line for line in found.advice)
    assert found.settings == settings


def test_evals_alone_are_the_evaluations_fault() -> None:
    """Labels that are all masked: the training loss goes on, so that nothing is to be stopped."""
    rows: dict[str, Any] = {"val_loss": ([100, 200], [NAN, NAN]), "train_loss": (range(0, 210, 10), [2.0] * 21)}
    found = rule(make_case(rows))
    assert found is not None
    assert found.severity == "warning"
    assert "Look at what the evaluation reads" in found.advice[0]
    alone = rule(make_case({"val_loss": rows["val_loss"]}))
    assert alone is not None
    assert alone.severity == "critical"


@pytest.mark.parametrize(("norm", "fires"), [(NAN, True), (0.0, True), (0.7, False)])
def test_a_zero_with_a_gradient_is_a_loss(norm: float, fires: bool) -> None:
    """Where the policy is that of the last step, the loss of reinforcement learning is 0 and its gradient is not."""
    rows: dict[str, Any] = {"train_loss": (range(4), [0.3, 0.2, 0.0, 0.0]), "grad_norm": ([2, 3], [norm, norm])}
    assert (rule(make_case(rows)) is not None) is fires


@pytest.mark.parametrize(("lowest", "fires"), [(0.2, True), (-0.2, False)])
def test_a_loss_that_goes_below_0_may_be_0(lowest: float, fires: bool) -> None:
    """No cross-entropy does, and 0 is a value like others of what does."""
    assert (find([0.3, lowest, 0.2, 0.0, 0.0]) is not None) is fires


@pytest.mark.parametrize(("before", "fires"), [(0.09, False), (0.11, True)])
def test_what_comes_from_nearly_nothing_is_no_hidden_nan(before: float, fires: bool) -> None:
    """From both sides of a tenth of a nat."""
    assert (find([0.4, before, 0.0, 0.0]) is not None) is fires


@pytest.mark.parametrize(("settled", "fires"), [(21, False), (22, True)])
def test_a_loss_scale_has_20_steps_to_settle(settled: int, fires: bool) -> None:
    """Norms of infinity up to step 20 are the search; with steps 21 and 22 it went on."""
    norms = [INF] * (settled + 1) + [1.0] * (60 - settled)
    rows: dict[str, Any] = {"grad_norm": (range(61), norms), "train_loss": (range(61), [9.0] * 61)}
    assert (rule(make_case(rows)) is not None) is fires


def test_the_injected_nan_of_a_real_small_run() -> None:
    """From step 500 on: found at its second row, with the evals named."""
    found = rule(read_case(shared("lab/nan-nanogpt-11.log")))
    assert found is not None
    assert found.severity == "critical"
    assert found.first_step is not None
    assert 500 <= found.first_step <= 503
