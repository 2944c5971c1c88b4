"""Megatron-LM's rows of all ages, its arguments, its validations."""

from __future__ import annotations

import math

import pytest
from format_checks import (
    assert_cut_rows_give_no_wrong_number,
    assert_sturdy,
    assert_survives_noise,
    curves,
    facts,
    read,
    run_of,
)
from logs_megatron import log, row, start

from parsers.formats import recognise
from parsers.formats.gpt_neox import GptNeoX
from parsers.formats.megatron import Megatron

OLD = (
    " iteration       20/    1000 | consumed samples:           80 | elapsed time per iteration (ms): 1572.7 |"
    " learning rate: 3.750E-05 | global batch size:     4 | {loss}loss scale: 32768.0 | grad norm: 67.033 |"
    " number of skipped iterations:   8 | number of nan iterations:   0 |"
)
BLOOM = (
    "[default7]: iteration    31216/  115311 | consumed samples:     47772592 | consumed tokens:  97838268416 |"
    " elapsed time per iteration (s): 106.40 | learning rate: 5.279E-05 | global batch size:  2048 |"
    " lm loss: 2.595213E+00 | grad norm: 2.390 | samples per second: 19.248 | TFLOPs: 147.37 |"
)
OVERFLOW = (
    "[2022-01-19 13:09:13,305] [INFO] [stage_1_and_2.py:1644:step] [deepscale] OVERFLOW! Rank 0 Skipping step."
    " Attempted loss scale: 1048576.0, reducing to 524288.0"
)


def text(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def test_a_row_gives_its_metrics_in_si_units() -> None:
    """Milliseconds become seconds, TFLOP/s FLOP/s; samples alone are no metric."""
    found = curves(Megatron, text(row(100, 2.345678).rstrip("\n")))
    assert {name: points[0][1] for name, points in found.items() if name != "wall_seconds"} == {
        "train_loss": 2.345678,
        "learning_rate": pytest.approx(2.997003e-4),
        "step_seconds": pytest.approx(0.5143),
        "tflops": pytest.approx(411.2e12),
        "loss_scale": 1.0,
        "grad_norm": 0.4,
    }
    assert found["train_loss"][0][0] == 100


@pytest.mark.parametrize("name", ["lm loss", "lm-loss", "lm_loss"])
def test_the_loss_has_had_several_names(name: str) -> None:
    """Megatron-DeepSpeed wrote it with a dash, forks with an underscore."""
    assert curves(Megatron, text(OLD.format(loss=f"{name}: 1.210588E+01 | ")))["train_loss"] == [(20, 12.10588)]


def test_a_row_without_a_loss_keeps_its_other_numbers() -> None:
    """All iterations were skipped, or the loss was no number: then there is no loss field; a NaN norm is data."""
    found = run_of(read(Megatron, text(OLD.format(loss="").replace("67.033", "nan"))))
    assert "train_loss" not in found.metrics()
    assert math.isnan(found.series("grad_norm").values[0])


def test_what_was_not_computed_is_absent() -> None:
    """DeepSpeed's engine leaves a gradient norm of 0.000 and a loss scale of -1.0."""
    line = OLD.format(loss="").replace("67.033", "0.000").replace("32768.0", "-1.0")
    assert set(curves(Megatron, text(line, line.replace("20/", "30/")))) == {"learning_rate", "step_seconds"}


def test_seconds_tokens_and_flops_of_bigscience_are_read() -> None:
    """Behind a rank's prefix; the time is in seconds, TFLOPs are of one GPU."""
    found = curves(Megatron, text(BLOOM))
    assert found["step_seconds"] == [(31216, 106.4)]
    assert found["tokens"] == [(31216, 97838268416.0)]
    assert found["tflops"][0][1] == pytest.approx(147.37e12)


def test_an_overflow_lowers_the_loss_scale_of_its_step() -> None:
    """DeepSpeed says so between two rows."""
    rows = [BLOOM.replace("grad norm", "loss scale: 1048576.0 | grad norm"), OVERFLOW]
    assert curves(Megatron, text(*rows))["loss_scale"] == [(31216, 524288.0)]


def test_validations_stand_at_their_own_iteration() -> None:
    """And those of the test split are none."""
    lines = (
        " validation loss at iteration 1000 | lm loss value: 2.300000E+00 | lm loss PPL: 9.97E+00 | ",
        " validation loss at iteration 1100 on validation set | lm loss value: 2.200000E+00 | lm loss PPL: 9.0E+00 | ",
        " validation loss at iteration 1100 on test set | lm loss value: 2.900000E+00 | lm loss PPL: 9.0E+00 | ",
    )
    assert curves(Megatron, text(*lines))["val_loss"] == [(1000, 2.3), (1100, 2.2)]


def test_the_arguments_become_facts_and_samples_tokens() -> None:
    """With the context length known, consumed samples are tokens."""
    known = facts(Megatron, log(3))
    shape = {"n_layer": 24, "n_embd": 1024, "n_head": 16, "vocab_size": 50432, "block_size": 2048}
    assert shape.items() <= known.items()
    assert known["world_size"] == 8
    assert (known["global_batch_size"], known["planned_steps"], known["schedule"]) == (256, 500_000, "cosine")
    assert known["parameters"] == 203_394_048
    assert Megatron.traits.parameters_printed == "per shard"
    assert curves(Megatron, log(3))["tokens"][0] == (100, 100 * 256 * 2048.0)


def test_a_batch_that_grows_gives_no_batch_size() -> None:
    """Tokens per step would be wrong for most of the run."""
    assert "global_batch_size" not in facts(Megatron, start(rampup_batch_size="16 16 5859375").encode())


def test_arguments_outside_the_dump_are_not_taken() -> None:
    """DeepSpeed prints a world_size of 1 of its own later."""
    later = "  world_size ................................... 1\n"
    assert facts(Megatron, (start() + later).encode())["world_size"] == 8


def test_megatron_and_neox_are_told_apart() -> None:
    """NeoX's rows hold the same words, behind samples per second."""
    neox = text(" samples/sec: 2.721 |" + OLD.format(loss="lm_loss: 1.1E+01 | ")) * 4
    assert Megatron.sniff(neox) == 0
    assert GptNeoX.sniff(log(4)) == 0
    found = recognise(text(OVERFLOW) * 20 + log(4))
    assert found is not None
    assert found[0] is Megatron


def test_cuts_junk_margins_and_noise_change_nothing() -> None:
    """The same points however the stream comes; no number out of a row that is cut; no exception."""
    assert_sturdy(Megatron, log())
    assert_cut_rows_give_no_wrong_number(Megatron, log())
    assert_survives_noise(Megatron, log())
