"""nanotron's rows with suffixed numbers, old and new names."""

from __future__ import annotations

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
from logs_nanotron import log

from parsers.formats.nanotron import Nanotron

ROW = (
    "10/17/2025 16:31:56 [INFO|DP=0|PP=0|TP=0]: iteration: 327281 / 378950 | consumed_tokens: 85.8{giga} |"
    " {time}: 11.5K | tokens_per_sec: 22.8K | tokens_per_sec_per_gpu: 11.4K | global_batch_size: 64 |"
    " lm_loss: 2.38 | lr: 1e-05 | model_tflops_per_gpu: 38.3 | hardware_tflops_per_gpu: 38.3 | grad_norm: 1.25 |"
    " hd_total_memory_tb: 10.4T"
)


@pytest.mark.parametrize("giga", ["G", "B"])
@pytest.mark.parametrize("time", ["elapsed_time_per_iteration_ms", "time_per_iteration_ms"])
def test_a_row_gives_its_metrics_in_si_units(giga: str, time: str) -> None:
    """11.5K milliseconds are 11.5 seconds; G became B in 2026; the speed is that of all GPUs."""
    found = curves(Nanotron, (ROW.format(giga=giga, time=time) + "\n").encode())
    assert {name: points[0] for name, points in found.items() if name != "wall_seconds"} == {
        "tokens": (327281, pytest.approx(85.8e9)),
        "step_seconds": (327281, pytest.approx(11.5)),
        "tokens_per_second": (327281, pytest.approx(22800.0)),
        "train_loss": (327281, 2.38),
        "learning_rate": (327281, 1e-5),
        "tflops": (327281, pytest.approx(38.3e12)),
        "grad_norm": (327281, 1.25),
    }
    assert found["wall_seconds"] == [(327281, 1760718716.0)]


def test_the_start_tells_batch_and_plan() -> None:
    """global_batch_size stands in each row too, in tokens or in sequences by version: only the start is believed."""
    known = facts(Nanotron, log(2))
    assert (known["batch_size"], known["gradient_accumulation_steps"], known["planned_steps"]) == (2, 16, 378_950)
    assert (known["global_batch_size"], known["block_size"]) == (64, 2048)


def test_the_first_rows_tell_the_memory() -> None:
    """PyTorch's most reserved bytes; only the first steps print it."""
    row = ROW.format(giga="G", time="time_per_iteration_ms")
    text = f"{row} | cuda_memory_allocated: 90.9M | cuda_max_memory_reserved: 2.5G\n".encode()
    assert dict(curves(Nanotron, text)["memory_bytes"]) == pytest.approx({327281: 2.5e9})


def test_source_and_prose_are_no_rows() -> None:
    """The format string, and a row that somebody quotes."""
    row = ROW.format(giga="G", time="time_per_iteration_ms").partition("]: ")[2]
    source = f'log_rank(f"iteration: {{step}} / {{steps}} | lm_loss: 2.3")\n# {row}\nit printed {row}\n'.encode()
    assert curves(Nanotron, source) == {}
    assert Nanotron.sniff(source) == 0


def test_a_second_run_opens_a_segment() -> None:
    """The log goes on in the same file from an earlier step."""
    found = run_of(read(Nanotron, log(30) + log(40)))
    assert len(found.segments) == 2
    assert found.series("train_loss").steps[-1] == 40


def test_colours_before_the_row_do_not_hide_it() -> None:
    """The 2026 logger prints its prefix dim and italic."""
    coloured = "\x1b[2;3m" + ROW.format(giga="B", time="time_per_iteration_ms").replace("]: ", "]:\x1b[0m ") + "\n"
    assert curves(Nanotron, coloured.encode())["train_loss"] == [(327281, 2.38)]


def test_cuts_junk_margins_and_noise_change_nothing() -> None:
    """The same points however the stream comes; no number out of a row that is cut; no exception."""
    assert_sturdy(Nanotron, log())
    assert_cut_rows_give_no_wrong_number(Nanotron, log())
    assert_survives_noise(Nanotron, log())
