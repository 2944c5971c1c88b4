"""LLaMA-Factory's trainer_log.jsonl."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pytest
from format_checks import assert_sturdy, assert_survives_noise, curves, facts, read
from logs_llamafactory import clock, log
from polled import only

from parsers.formats.jsonl import Jsonl
from parsers.formats.llamafactory import LlamaFactory
from parsers.records import Recognised, Restart

HEAD = {
    "current_steps": 10,
    "total_steps": 500,
    "percentage": 2.0,
    "elapsed_time": "0:00:30",
    "remaining_time": "0:25:00",
}


def lines(*rows: Mapping[str, object]) -> bytes:
    return "".join(json.dumps({**HEAD, **row}) + "\n" for row in rows).encode()


def test_rows_of_training_and_evaluation() -> None:
    """The steps are updates done, the plan is a fact, and the last row, which has no loss, adds none."""
    found = curves(LlamaFactory, log(40))
    assert found["train_loss"] == [(10 * row, round(2.5 - 0.01 * row, 4)) for row in range(1, 41)]
    assert found["learning_rate"][0] == (10, 1e-6)
    assert found["val_loss"] == [(200, 2.6 - 0.2), (400, 2.6 - 0.4)]
    assert facts(LlamaFactory, log(40)) == {"planned_steps": 400}
    assert not only(Restart, read(LlamaFactory, log(40)))


def test_seconds_of_a_step() -> None:
    """The growth of elapsed_time over the steps between, without the evaluations that lie between rows."""
    seconds = curves(LlamaFactory, log(40))["step_seconds"]
    assert [step for step, _ in seconds] == list(range(20, 401, 10))
    assert np.allclose([value for _, value in seconds], 3.1)


def test_seconds_of_a_fast_step_are_a_mean_over_twenty_seconds() -> None:
    """Whole seconds say little about a row that took one."""
    rows = [{"current_steps": 10 * n, "loss": 2.5, "elapsed_time": clock(n)} for n in range(1, 51)]
    assert curves(LlamaFactory, lines(*rows))["step_seconds"] == [(210, 0.1), (410, 0.1)]
    assert curves(LlamaFactory, lines(*rows), 1)["step_seconds"] == [(210, 0.1), (410, 0.1)]


def test_elapsed_time_over_a_day() -> None:
    """Python writes the days before the hours."""
    rows = [{"current_steps": n, "loss": 2.5, "elapsed_time": clock(86400 * n - 40)} for n in range(1, 4)]
    assert json.loads(lines(rows[2]))["elapsed_time"] == "2 days, 23:59:20"
    assert curves(LlamaFactory, lines(*rows))["step_seconds"] == [(2, 86400.0), (3, 86400.0)]


def test_the_older_schema() -> None:
    """Before 2024 the rate was learning_rate and what was not measured was null."""
    row = {"loss": 2.5, "eval_loss": None, "predict_loss": None, "reward": None, "learning_rate": 1e-4, "epoch": 0.1}
    found = curves(LlamaFactory, lines(row, {**row, "current_steps": 20, "loss": None, "eval_loss": 2.75}))
    assert found["train_loss"] == [(10, 2.5)]
    assert found["learning_rate"] == [(10, 1e-4), (20, 1e-4)]
    assert found["val_loss"] == [(20, 2.75)]


def test_tokens_and_memory() -> None:
    """The growth of the tokens in that of the time; vram_reserved is GiB."""
    rows = [
        {
            "current_steps": n,
            "loss": 2.5,
            "total_tokens": 65536 * n,
            "vram_reserved": 20.5,
            "elapsed_time": clock(4 * n),
        }
        for n in (10, 20)
    ]
    found = curves(LlamaFactory, lines(*rows))
    assert found["tokens_per_second"] == [(20, 65536 / 4)]
    assert found["memory_bytes"] == [(10, 20.5 * 2**30), (20, 20.5 * 2**30)]
    assert found["tokens"] == [(20, 65536 * 20)]


def test_a_resumed_process_is_not_as_fast_as_all_its_tokens_say() -> None:
    """Its throughput divides the tokens of all processes by its own time; its clock begins at 0 again."""
    rows = [
        {"current_steps": n, "loss": 2.5, "total_tokens": 1000 * n, "elapsed_time": clock(second), "throughput": 1e6}
        for n, second in ((990, 990), (1000, 1000), (1010, 30), (1040, 60))
    ]
    found = curves(LlamaFactory, lines(*rows))
    assert found["tokens_per_second"] == [(1040, 1000.0)]
    assert found["step_seconds"] == [(1040, 1.0)]


def test_rows_of_a_prediction() -> None:
    """They count other steps than the training: no point, no plan, no restart."""
    text = log(20) + lines({"current_steps": 5, "total_steps": 62})
    assert curves(LlamaFactory, text) == curves(LlamaFactory, log(20))
    assert facts(LlamaFactory, text) == {"planned_steps": 200}


def test_rewards_say_that_the_loss_is_none_of_language() -> None:
    """A preference loss is logged by the same callback, with rewards beside it."""
    text = lines({"loss": 0.69, "reward": 0.1, "accuracy": 0.5, "lr": 1e-6})
    assert [r.traits.loss_unit for r in only(Recognised, read(LlamaFactory, text))] == ["other"]
    assert not only(Recognised, read(LlamaFactory, log()))


def test_it_is_sturdy() -> None:
    """Cuts, junk, other line ends and a terminal's margin change no point; random bytes raise nothing."""
    assert_sturdy(LlamaFactory, log())
    assert_survives_noise(LlamaFactory, log())


@pytest.mark.parametrize("text", [log(), log(1), lines({"loss": 2.5})])
def test_it_is_surer_than_plain_json(text: bytes) -> None:
    """By the margin that a choice needs."""
    assert LlamaFactory.sniff(text) - Jsonl.sniff(text) >= 0.1
