"""Rule loss-spike: lasting jumps are found, bad batches, resumes and noise are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import make_case
from curves import healthy_run
from raw_logs import read_case, shared

from diagnosis.finding import Finding
from diagnosis.rules.loss_spike import rule
from parsers.records import Traits

FULL = Traits()
AT = 6000


def rows(seed: int = 0, noise: float = 0.04, interval: int = 1, total: int = 10_000) -> tuple[Any, Any]:
    steps, values = healthy_run(seed, total=total, interval=interval, noise=noise).train
    return steps, values.copy()


def with_spike(height: float, lasts: float, seed: int = 0, **kind: Any) -> tuple[Any, Any]:
    """A jump at step 6,000 that decays over `lasts` steps."""
    steps, values = rows(seed, **kind)
    since = np.clip(steps - AT, 0, None)
    return steps, values + np.where(steps >= AT, height * np.exp(-since / lasts), 0.0)


def find(train: tuple[Any, Any], traits: Traits = FULL, **more: Any) -> Finding | None:
    return rule(make_case({"train_loss": train}, traits=traits, **more))


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("height", "lasts"), [(0.3, 10), (0.3, 300), (1.0, 30), (3.0, 5)])
def test_spikes_of_full_batches_are_found_within_8_steps(height: float, lasts: float, seed: int) -> None:
    """0.3 nats and up, however fast they decay: found in every run, and at once."""
    found = find(with_spike(height, lasts, seed))
    assert found is not None
    assert found.severity == "warning"
    assert found.first_step is not None
    assert AT <= found.first_step <= AT + 8


def test_height_duration_and_the_gradient_norm_before_it_are_told() -> None:
    """A jump of 2 nats with a time constant of 20 steps, which a growing gradient norm announced."""
    steps, values = with_spike(2.0, 20)
    norms = np.where((steps > AT - 3) & (steps < AT + 3), 40.0, 0.3)
    found = rule(make_case({"train_loss": (steps, values), "grad_norm": (steps, norms)}, traits=FULL))
    assert found is not None
    assert found.title == f"Loss spike of +{float(found.title.split('+')[1].split()[0]):.2f} at step 6,000"
    assert 1.6 < float(found.title.split("+")[1].split()[0]) < 2.1
    assert any("back after" in line and "not back" not in line for line in found.evidence)
    assert "gradient norm 0.3 before; it rose 2 rows before the loss, from step 5,998 on, up to 40" in found.evidence


def test_a_norm_that_rises_with_the_loss_announces_nothing() -> None:
    """The same, but from the first high row on; and a norm of 2 times the usual is no announcement."""
    steps, values = with_spike(2.0, 20)
    for before in (0.3, 0.6):
        norms = np.where((steps >= AT) & (steps < AT + 3), 40.0, np.where(steps > AT - 9, before, 0.3))
        found = rule(make_case({"train_loss": (steps, values), "grad_norm": (steps, norms)}, traits=FULL))
        assert found is not None
        assert "gradient norm 0.3 before, up to 40 in it" in found.evidence


def test_a_spike_that_stays_for_500_steps_is_critical() -> None:
    """Not back after 499 steps is a warning, after 500 critical; the advice names a step to restart from."""
    steps, values = with_spike(0.5, 1e9)
    values[AT:] += 1.5 * np.exp(-np.arange(len(values) - AT) / 60)
    for last, severity in ((AT + 499, "warning"), (AT + 500, "critical")):
        found = find((steps[: last + 1], values[: last + 1]))
        assert found is not None
        assert found.severity == severity
        assert any("step 5,900" in line for line in found.advice)


def test_a_level_that_is_flat_at_once_is_no_damage() -> None:
    """0.6 up from one row to the next and flat for 1,000: other data; a warning that sends nobody to a checkpoint."""
    steps, values = with_spike(0.6, 1e9)
    found = find((steps[: AT + 1000], values[: AT + 1000]))
    assert found is not None
    assert found.severity == "warning"
    assert "what changed in the data" in found.advice[0]


@pytest.mark.parametrize(("after", "begin"), [(99, "Most spikes come back"), (100, "Restart from")])
def test_a_rollback_is_advised_after_a_hundred_steps(after: int, begin: str) -> None:
    """BLOOM's first spike was over in 30 steps by itself."""
    steps, values = with_spike(0.5, 1e9)
    values[AT:] += 1.5 * np.exp(-np.arange(len(values) - AT) / 60)
    found = find((steps[: AT + 1 + after], values[: AT + 1 + after]))
    assert found is not None
    assert found.advice[0].startswith(begin)


def test_zeros_that_hide_nan_are_no_level_to_jump_from() -> None:
    """344,093, 0, 0, 4.7, 4.6, ...: the loss is back, it did not jump."""
    values = [344_093.2, 0.0, 0.0, 4.68, 4.56, 4.68, 4.5, 4.6, 4.4]
    assert find((range(1, len(values) + 1), values)) is None


def test_advice_on_an_open_spike_waits_while_the_run_lives() -> None:
    """Ten steps into a spike nobody should restart; once the run is over there is nothing to wait for."""
    steps, values = with_spike(0.6, 1e9)
    train = {"train_loss": (steps[: AT + 11], values[: AT + 11])}
    for state, begin in (("running", "Most spikes come back"), ("finished", "Restart from")):
        found = rule(make_case(train, traits=FULL, state=state))
        assert found is not None
        assert found.advice[0].startswith(begin)


@pytest.mark.parametrize("before", [0.05, 0.15])
def test_a_spike_begins_where_the_loss_went_up_and_not_at_a_noisy_row_before(before: float) -> None:
    """The row before the jump is above its reference by more than a standard deviation, and is not the jump."""
    steps, values = rows()
    values[AT - 1] += before
    values[AT : AT + 30] += 2.0
    found = find((steps, values))
    assert found is not None
    assert f"at step {AT:,}" in found.title


def test_a_floor_of_012_nats_keeps_small_bumps_silent() -> None:
    """A lasting 0.08 above noise of .01 is far beyond 5 sigma and no spike; 0.2 is one."""
    assert find(with_spike(0.08, 1e9, noise=0.01)) is None
    assert find(with_spike(0.2, 1e9, noise=0.01)) is not None


@pytest.mark.parametrize("height", [0.5, 2.0, 9.0])
def test_single_bad_batches_are_no_spike(height: float) -> None:
    """One row in 50 far out, each alone: whatever its height, nothing lasts."""
    steps, values = rows()
    values[1000::50] += height
    assert find((steps, values)) is None


def test_two_bad_batches_side_by_side_count_only_when_a_nat_high() -> None:
    """2 of 3 rows 0.9 up are no spike, 2 of 3 rows 2.5 up are."""
    for height, expected in ((0.9, False), (2.5, True)):
        steps, values = rows()
        values[[AT, AT + 2]] += height
        assert (find((steps, values)) is not None) is expected


def test_micro_batch_rows_resolve_03_nats() -> None:
    """With rows of single micro-batches a lasting 0.25 is silent even at little noise, 0.5 is found."""
    nanogpt = make_case().traits
    assert find(with_spike(0.25, 1e9, noise=0.05, interval=10), nanogpt) is None
    assert find(with_spike(0.5, 1e9, noise=0.05, interval=10), nanogpt) is not None


def test_a_log_of_a_hundred_rows_needs_four_of_them() -> None:
    """log_interval = 200: one row 0.6 up is a batch, four in a row of 0.9 are a spike."""
    nanogpt = make_case().traits
    for count, height, expected in ((1, 0.6, False), (4, 0.9, True)):
        steps, values = rows(noise=0.11, interval=200, total=20_000)
        values[60 : 60 + count] += height
        assert (find((steps, values), nanogpt) is not None) is expected


def test_several_spikes_are_one_finding_that_counts_them() -> None:
    """Three jumps, the second the highest: one finding, dated by the first."""
    steps, values = rows()
    for at, height in ((3000, 0.5), (5000, 2.0), (8000, 0.7)):
        values[at : at + 20] += height
    found = find((steps, values))
    assert found is not None
    assert found.title.startswith("3 loss spikes, the worst of +")
    assert "at step 5,000" in found.title
    assert found.first_step is not None
    assert 3000 <= found.first_step <= 3008
    assert found.step == 10_000


def test_a_spike_keeps_its_first_step_as_the_log_grows() -> None:
    """Read at 6,010 steps or at the end, it began at the same step: what is told never dates back or forth."""
    steps, values = with_spike(1.0, 50)
    first = {f.first_step for n in (AT + 10, AT + 400, 10_000) if (f := find((steps[:n], values[:n]))) is not None}
    assert len(first) == 1


def test_a_jump_after_a_resume_or_a_raised_learning_rate_is_explained() -> None:
    """A segment that starts at the jump, or a cyclic schedule whose learning rate doubles there, is no spike."""
    train = with_spike(0.5, 50)
    assert find(train, segments=(0, AT)) is None
    assert find(train, segments=(0, AT - 1000)) is not None
    steps = train[0]
    rate = np.where(steps < AT, 1e-4, 3e-4)
    assert rule(make_case({"train_loss": train, "learning_rate": (steps, rate)}, traits=FULL)) is None


@pytest.mark.parametrize(("after", "fires"), [(200, False), (201, True)])
def test_a_resume_explains_the_jumps_of_200_steps(after: int, fires: bool) -> None:
    """Fresh moments and a re-warmed learning rate; what comes later is a spike."""
    assert (find(with_spike(1.0, 50), segments=(0, AT - after)) is not None) is fires


@pytest.mark.parametrize(("factor", "fires"), [(1.4, True), (1.6, False)])
def test_a_learning_rate_half_as_high_again_explains_a_jump(factor: float, fires: bool) -> None:
    """A cyclic schedule, at the jump."""
    train = with_spike(0.5, 50)
    rate = np.where(train[0] < AT, 1e-4, factor * 1e-4)
    found = rule(make_case({"train_loss": train, "learning_rate": (train[0], rate)}, traits=FULL))
    assert (found is not None) is fires


def test_a_blow_up_in_the_first_steps_is_seen() -> None:
    """12 rows after the start, while the loss still falls by 0.2 a step: 11.8 and 6.7 after 3.5 are no training."""
    values = [5.48, 5.12, 4.94, 4.58, 4.53, 4.01, 3.83, 3.62, 3.39, 3.35, 3.57, 3.48, 11.83, 6.73, 3.90, 3.67]
    found = find((range(len(values)), values), make_case().traits)
    assert found is not None
    assert found.first_step == 12
    assert "highest row 11.83" in found.evidence[0]


@pytest.mark.parametrize(("row", "height", "fires"), [(10, 6.8, True), (10, 6.2, False), (300, 6.8, False)])
def test_one_early_row_above_the_untrained_loss_is_enough(row: int, height: float, fires: bool) -> None:
    """1 nat above the first loss of 5.48 within twice the warm-up of 60 steps; later a single row is a bad batch."""
    values = 3 + 2.48 * np.exp(-np.arange(400) / 6) + np.random.default_rng(0).normal(0, 0.1, 400)
    values[row] = height
    found = rule(make_case({"train_loss": (np.arange(400), values)}, {"warmup_steps": 60, "grad_clip": 0.0}))
    assert (found is not None) is fires
    if found is not None:
        assert "halve it and set `grad_clip = 1.0`" in found.advice[0]


def test_a_fine_tune_is_not_measured_by_its_first_loss() -> None:
    """3.1 from the start: a row of 4.5 is a bad batch."""
    values = np.full(200, 3.1) + np.random.default_rng(0).normal(0, 0.1, 200)
    values[20] = 4.5
    assert find((np.arange(200), values)) is None


def test_in_the_warm_up_the_learning_rate_is_the_cause() -> None:
    """A jump before twice the warm-up asks for less of it, a later one for patience."""
    for warmup, word in ((3000, "halve it"), (500, "It came back")):
        found = rule(make_case({"train_loss": with_spike(1.0, 30)}, {"warmup_steps": warmup}, traits=FULL))
        assert found is not None
        assert word in found.advice[0]


@pytest.mark.parametrize(("height", "fires"), [(0.27, False), (0.33, True)])
def test_03_nats_are_the_least_jump_of_evals(height: float, fires: bool) -> None:
    """In both splits, above the highest of the three before."""
    evals = np.arange(0, 10_001, 500)
    level = np.full(len(evals), 3.5) + np.where(evals == 8000, height, 0.0)
    assert (rule(make_case({"val_loss": (evals, level), "eval_train_loss": (evals, level)})) is not None) is fires


def test_evals_of_both_splits_show_it_where_rows_are_few() -> None:
    """Both splits 0.5 up at one eval is a jump of the weights; validation alone is not."""
    evals = np.arange(0, 10_001, 500)
    smooth = 3.5 + 30 / np.sqrt(evals + 100.0)
    up = smooth + np.where(evals == 8000, 0.5, 0.0)
    both = rule(make_case({"val_loss": (evals, up), "eval_train_loss": (evals, up - 0.02)}))
    assert both is not None
    assert both.first_step == 8000
    assert rule(make_case({"val_loss": (evals, up), "eval_train_loss": (evals, smooth)})) is None
    # The error bar of the evals counts, too.
    series = {"val_loss": (evals, up), "eval_train_loss": (evals, up)}
    assert rule(make_case(series, eval_standard_error=0.1)) is None


@pytest.mark.parametrize("name", ["spike", "shift", "divergence"])
def test_injected_faults_of_real_small_runs_are_found_at_their_step(name: str) -> None:
    """Bad batches at step 500, other data from 500, a kick of the learning rate at 450: within 10 steps."""
    found = rule(read_case(shared(f"lab/{name}-nanogpt-11.log")))
    assert found is not None
    assert found.first_step is not None
    assert 0 <= found.first_step - (450 if name == "divergence" else 500) < 10
