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


def test_a_validation_after_the_last_step_stands_there() -> None:
    """It names no iteration; the one on the test data is none."""
    lines = (
        row(500, 2.4).rstrip("\n"),
        " validation loss at the end of training for val data | lm loss value: 2.5E+00 | lm loss PPL: 9.9E+00 | ",
        " validation loss at the end of training for test data | lm loss value: 2.7E+00 | lm loss PPL: 9.9E+00 | ",
    )
    assert curves(Megatron, text(*lines))["val_loss"] == [(500, 2.5)]


def test_a_validation_may_hold_other_values_first() -> None:
    """Further prediction heads have losses of their own; until 2020 it was `LM loss`."""
    lines = (
        " validation loss at iteration 10 | mtp_1 loss value: 5.0E+00 | mtp_1 loss PPL: 9.9 | lm loss value: 2.5 | ",
        " validation loss at iteration 20 | LM loss: 2.25 | LM PPL: 9.48774",
    )
    assert curves(Megatron, text(*lines))["val_loss"] == [(10, 2.5), (20, 2.25)]


def test_rows_of_2019_have_no_colons() -> None:
    """Behind the names of what they measure."""
    line = (
        " iteration      100/  320000 | elapsed time per iteration (ms): 963.3 | learning rate 3.937E-06 |"
        " lm loss 8.995377E+00 | loss scale 131072.0 |"
    )
    assert curves(Megatron, text(line)) == {
        "learning_rate": [(100, 3.937e-6)],
        "loss_scale": [(100, 131072.0)],
        "step_seconds": [(100, pytest.approx(0.9633))],
        "train_loss": [(100, 8.995377)],
    }


@pytest.mark.parametrize(
    "name",
    ["tokens per gpu per second (tgs)", "Tokens per second per GPU (Tok/s/GPU)", "tokens per GPU (tokens/s/GPU)"],
)
def test_some_forks_print_the_tokens_a_second_of_one_gpu(name: str) -> None:
    """Megatron-DeepSpeed and others."""
    line = OLD.format(loss=f"lm loss: 2.0 | {name}: 1146.733 | ")
    assert curves(Megatron, text(line))["tokens_per_second"] == [(20, 1146.733)]
    assert Megatron.traits.tokens_per_second_of == "device"


def test_memory_is_told_by_many_ranks_after_the_first_row() -> None:
    """In no fixed order: one is taken, at the step of the row before it."""
    said = [
        f"[Rank {rank}] (after 1 iterations) memory (MB) | allocated: 15492.8 | max allocated: 15492.8 |"
        " reserved: 18738.0 | max reserved: 18738.0"
        for rank in range(8)
    ]
    found = curves(Megatron, text(row(100, 2.3).rstrip("\n"), *said, row(200, 2.2).rstrip("\n"), said[0]))
    assert found["memory_bytes"] == [(100, 18738.0 * 2**20), (200, 18738.0 * 2**20)]


@pytest.mark.parametrize("lines_a_time", [None, 1, 2])
def test_the_pipelines_own_rows_count_until_megatrons_come(lines_a_time: int | None) -> None:
    """The first rank's log has no others; the job's has both, and each loss would be there twice."""
    stage = "steps: {} loss: 12.7902 iter time (s): 150.471 samples/sec: 6.805"
    lines = [stage.format(1), OLD.format(loss="lm loss: 1.2E+01 | "), stage.format(21), stage.format(22)]
    assert curves(Megatron, text(stage.format(1), stage.format(2)))["train_loss"] == [(1, 12.7902), (2, 12.7902)]
    assert curves(Megatron, text(*lines), lines_a_time)["train_loss"] == [(1, 12.7902), (20, 12.0)]


def test_source_and_prose_are_no_rows() -> None:
    """The format string, and a row that somebody quotes."""
    quoted = OLD.format(loss="lm loss: 1.2E+01 | ").strip()
    source = (
        "log_string = ' iteration {:8d}/{:8d} |'.format(iteration, args.train_iters)",
        f'print("{quoted}")',
        f"# {quoted}",
        f"The log says {quoted}",
    )
    assert curves(Megatron, text(*source)) == {}
    assert Megatron.sniff(text(*source)) == 0


def test_a_second_run_opens_a_segment() -> None:
    """The job starts again in the same file from its last checkpoint."""
    resumed = "  successfully loaded checkpoint from checkpoints [ t 1/2, p 1/1 ] at iteration 2000\n"
    again = start() + resumed + "".join(row(step, 2.0) for step in range(2100, 2600, 100))
    found = run_of(read(Megatron, log(30) + again.encode()))
    assert len(found.segments) == 2
    assert found.series("train_loss").steps[-1] == 2500
    assert "resume" in {notice.kind for notice in found.notices}


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
