"""torchtitan's rows, its start, its ranks and its prefixes."""

from __future__ import annotations

import pytest
from format_checks import (
    assert_cut_rows_give_no_wrong_number,
    assert_sturdy,
    assert_survives_noise,
    curves,
    facts,
)
from logs_torchtitan import START, log
from raw_logs import published

from parsers.formats.torchtitan import TorchTitan

ROW = "step: 14  loss:  3.24405  grad_norm:  0.8319  memory:  9.46GiB(64.99%)  tps: 7,282  tflops: 1,000.52  mfu: 0.17%"


def test_a_row_gives_its_metrics_in_si_units() -> None:
    """GiB become bytes, per cent a fraction, TFLOP/s FLOP/s; thousands commas are no decimals."""
    assert curves(TorchTitan, f"{ROW}\n".encode()) == {
        "train_loss": [(14, 3.24405)],
        "grad_norm": [(14, 0.8319)],
        "memory_bytes": [(14, 9.46 * 2**30)],
        "tokens_per_second": [(14, 7282.0)],
        "tflops": [(14, 1000.52e12)],
        "mfu": [(14, 0.17 * 0.01)],
    }


def test_an_mfu_that_is_not_known_is_absent() -> None:
    """Under fp8 torchtitan prints N/A; the row's other numbers stay."""
    found = curves(TorchTitan, ROW.replace("0.17%", "N/A").encode() + b"\n")
    assert "mfu" not in found
    assert found["tflops"] == [(14, 1000.52e12)]


def test_older_rows_without_flops_are_read() -> None:
    """Older versions print wps and neither tflops nor grad_norm."""
    found = curves(TorchTitan, b"[rank0]:2024-06-01 10:00:00,123 - root - INFO - step: 10  loss: 10.8595  wps: 5,678\n")
    assert found["train_loss"] == [(10, 10.8595)]
    assert found["tokens_per_second"] == [(10, 5678.0)]


def test_the_start_tells_the_model_the_gpu_and_the_plan() -> None:
    """What is printed before the first row becomes facts."""
    known = facts(TorchTitan, START.encode())
    assert known["parameters"] == 8_030_261_248
    assert known["gpu_name"] == "NVIDIA H100 80GB HBM3"
    assert known["tokens_per_step"] == 65536
    assert (known["planned_steps"], known["warmup_steps"], known["block_size"]) == (1000, 200, 8192)


def test_a_validation_is_no_training_row() -> None:
    """`validate step` has its own loss; it does not stand among the training losses."""
    found = curves(TorchTitan, log())
    assert [value for _, value in found["val_loss"]] == [10.5]
    assert len(found["train_loss"]) == 60


def test_of_several_ranks_that_print_one_is_read() -> None:
    """Eight processes print the same step, with their ranks or without: each step counts once, nothing restarts."""
    rows = [ROW.replace("step: 14", f"step: {step}") for step in (1, 10, 20, 30)]
    ranked = "".join(f"[rank{rank}]:{row}\n" for row in rows for rank in range(8))
    plain = "".join(f"{row}\n" * 8 for row in rows)
    for text in (ranked, plain):
        assert [step for step, _ in curves(TorchTitan, text.encode())["train_loss"]] == [1, 10, 20, 30]


def test_cuts_junk_margins_and_noise_change_nothing() -> None:
    """The same points however the stream comes; no number out of a row that is cut; no exception."""
    assert_sturdy(TorchTitan, log())
    assert_cut_rows_give_no_wrong_number(TorchTitan, log())
    assert_survives_noise(TorchTitan, log())


@pytest.mark.parametrize(
    ("name", "steps", "last"),
    [("issue_2389_all_ranks_printing.txt", [4], 7.62585), ("issue_3393_rank_prefix.txt", list(range(14, 22)), 3.00867)],
)
def test_published_rows_are_read(name: str, steps: list[int], last: float) -> None:
    """Rows of issues: one step that each of the ranks prints, and eight steps behind torchrun's prefix."""
    losses = curves(TorchTitan, published(f"torchtitan/{name}"))["train_loss"]
    assert [step for step, _ in losses] == steps
    assert losses[-1][1] == last
