"""Rule divergence: a loss that left for good, not one that comes back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import make_case
from curves import healthy_run
from raw_logs import read_case, shared

from diagnosis.finding import Finding
from diagnosis.model import Shape, size_of
from diagnosis.rules.divergence import rule
from parsers.records import Traits, Value

AT = 3000


def rows(seed: int = 0, noise: float = 0.04, interval: int = 1, total: int = 5000) -> tuple[Any, Any]:
    steps, values = healthy_run(seed, total=total, interval=interval, noise=noise).train
    return steps, values.copy()


def find(train: tuple[Any, Any], facts: dict[str, Value] | None = None, **more: Any) -> Finding | None:
    return rule(make_case({"train_loss": train}, facts, traits=Traits(), **more))


def raised(height: float, until: int = 5001, over: float = 10, **kind: Any) -> tuple[Any, Any]:
    """From step 3,000 on up by `height`, within some 30 rows (a level that is flat at once is that of other data)."""
    steps, values = rows(**kind)
    interval = int(steps[1] - steps[0])
    up = height * (1 - np.exp(-(steps - AT + 1).clip(0) / (over * interval)))
    values += np.where((steps >= AT) & (steps < until), up, 0.0)
    return steps, values


def cut(train: tuple[Any, Any], last: int) -> tuple[Any, Any]:
    return train[0][train[0] <= last], train[1][train[0] <= last]


@pytest.mark.parametrize("kind", [{}, {"interval": 10, "noise": 0.13}])
def test_a_loss_that_leaves_its_best_for_good_is_critical(kind: dict[str, Any]) -> None:
    """1 nat up and staying there: named with the step to go back to, in rows of a batch and of a micro-batch."""
    found = find(raised(1.0, **kind), {"learning_rate": 1e-3, "grad_clip": 0.0})
    assert found is not None
    assert found.severity == "critical"
    assert "`learning_rate = 0.0005` and `grad_clip = 1.0`" in found.advice[0]
    assert found.first_step is not None
    assert AT < found.first_step <= AT + 1000


def test_it_takes_most_of_a_hundred_rows_to_say_so() -> None:
    """Within 70 rows it may still come back; from 150 on it is said."""
    train = raised(1.0)
    assert find(cut(train, AT + 70)) is None
    assert find(cut(train, AT + 150)) is not None


@pytest.mark.parametrize(("height", "expected"), [(0.3, False), (0.8, True)])
def test_half_a_nat_is_the_least(height: float, expected: bool) -> None:
    """Data that are 0.3 harder are no divergence."""
    assert (find(raised(height)) is not None) is expected


def test_a_spike_that_comes_back_is_not_a_divergence() -> None:
    """3 nats for 60 steps, then down again; also while it is still on its way down."""
    train = raised(3.0, until=AT + 60)
    assert find(train) is None
    steps, values = rows()
    values[AT:] += 4 * np.exp(-np.arange(len(values) - AT) / 100)
    assert find((steps[: AT + 250], values[: AT + 250])) is None


def test_a_loss_on_its_slow_way_back_is_left_to_the_spike_rule() -> None:
    """2 nats up and back over 1,000 steps: at no point for good; but one that stays up after a partial return is."""
    steps, values = rows()
    after = np.arange(len(values) - AT)
    values[AT:] += 2 * np.exp(-after / 300)
    assert all(find(cut((steps, values), AT + n)) is None for n in range(150, 1500, 50))
    steps, values = rows()
    values[AT:] += 1.2 + np.exp(-after / 50)
    assert find(cut((steps, values), AT + 600)) is not None


def test_noise_as_large_as_the_rise_keeps_it_silent() -> None:
    """Rows with a standard deviation of 1 nat (fine-tuning, batch 1) do not make 0.7 a divergence."""
    assert find(raised(0.7, noise=1.0)) is None


def test_what_was_said_stays_said() -> None:
    """3 nats that come back after 400 rows: critical, then a warning, then a note, always since the same step."""
    train = raised(3.0, until=AT + 400)
    found = {n: find(cut(train, AT + n)) for n in (200, 300, 400, 600, 900, 1900)}
    assert all(f is not None for f in found.values())
    assert len({f.first_step for f in found.values() if f is not None}) == 1
    assert [f.severity for f in found.values() if f is not None] == ["critical"] * 3 + ["info"] * 3


def test_it_never_comes_and_goes() -> None:
    """A loss that leaves, comes back by half and leaves again, read at each 20th row from the first on."""
    steps, values = raised(1.5, over=20)
    values = values - np.where((steps > AT + 300) & (steps < AT + 700), 0.7, 0.0)
    seen = [find(cut((steps, values), last)) for last in range(AT - 200, 5001, 20)]
    there = [f is not None for f in seen]
    assert there == sorted(there)
    assert any(there)
    assert len({f.first_step for f in seen if f is not None}) == 1


def test_other_data_begin_a_new_count() -> None:
    """A level that is flat from its first row on is that of other batches; from there on 1 nat more is a divergence."""
    steps, values = rows()
    values[AT:] += 1.0
    assert find((steps, values)) is None
    values[AT + 800 :] += 1 - np.exp(-np.arange(len(values) - AT - 800) / 20)
    found = find((steps, values))
    assert found is not None
    assert found.first_step is not None
    assert found.first_step > AT + 800


def test_what_to_set_is_given_as_settings() -> None:
    """Half the learning rate, and clipping where there was none; nothing where nothing is known."""
    found = find(raised(1.0), {"learning_rate": 1e-3, "grad_clip": 0.0})
    assert found is not None
    assert found.settings == (("learning_rate", 5e-4), ("grad_clip", 1.0))
    bare = find(raised(1.0))
    assert bare is not None
    assert bare.settings == ()


@pytest.mark.parametrize(("tokens", "told"), [(200_000.0, True), (524_288.0, False), (None, False)])
def test_a_small_batch_is_shown_where_nobody_knows_the_cause(tokens: float | None, told: bool) -> None:
    """A fact, not a verdict: 124M parameters at 6e-4 with less than half of the recipe's tokens a step."""
    size = size_of(Shape(), flag_params=124e6)
    found = find(raised(1.0), {"learning_rate": 6e-4}, tokens_per_step=tokens, size=size)
    assert found is not None
    assert any("tokens a step" in line for line in found.evidence) is told


def test_a_fresh_restart_is_waited_for() -> None:
    """Within 100 rows after a restart nothing is said; later it is."""
    train = raised(1.0)
    assert find(cut(train, AT + 150), segments=(0, AT + 80)) is None
    assert find(train, segments=(0, AT)) is not None


def test_twice_the_first_loss_needs_only_eight_rows() -> None:
    """12.4, then 44 and more: critical from the 9th row on; 1.5 times the first is not enough."""
    far = find((range(10), [12.4, *[44.0 + i / 10 for i in range(9)]]))
    assert far is not None
    assert far.severity == "critical"
    assert "from the start" in far.advice[0]
    assert find((range(10), [12.4, *[18.0 + i / 10 for i in range(9)]])) is None


def test_a_log_from_the_middle_has_no_first_loss() -> None:
    """Its first row is not what the run began with."""
    assert find((range(27_800, 27_810), [3.0, *[7.0 + i / 10 for i in range(9)]])) is None


def test_overfitting_is_none_of_its_business() -> None:
    """Validation up by a nat while training falls: another rule's."""
    run = healthy_run(0, total=5000)
    val = run.val[1] + np.linspace(0, 1.5, len(run.val[1]))
    assert rule(make_case({"train_loss": run.train, "val_loss": (run.val[0], val)})) is None


def test_the_kick_of_a_real_small_run_is_seen_while_it_lasts() -> None:
    """Learning rate x 40 at step 450: 0.85 above the best at step 600, which is critical."""
    found = rule(read_case(shared("lab/divergence-nanogpt-11.log"), until=600))
    assert found is not None
    assert found.severity == "critical"
