"""DeepSpeed's own lines: steps, the pipeline engine's losses, skipped steps."""

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
from logs_deepspeed import log

from parsers.formats import recognise
from parsers.formats.deepspeed import DeepSpeed
from parsers.formats.generic import Generic
from parsers.records import Restart

STEP = b"[Rank 0] step=2, skipped=0, lr=[2.4e-09, 2.5e-09], mom=[[0.9, 0.95], [0.9, 0.95]]\n"
PIPE = b"steps: 1 loss: 12.7902 iter time (s): 150.471 samples/sec: 6.805\n"


def test_the_first_groups_learning_rate_is_taken() -> None:
    """There is a list, one for each parameter group; one group has no comma."""
    assert curves(DeepSpeed, STEP) == {"learning_rate": [(2, 2.4e-9)]}
    assert curves(DeepSpeed, STEP.replace(b", 2.5e-09", b"")) == {"learning_rate": [(2, 2.4e-9)]}


def test_the_pipeline_engine_prints_a_loss() -> None:
    """With the seconds of an iteration."""
    assert curves(DeepSpeed, PIPE) == {"train_loss": [(1, 12.7902)], "step_seconds": [(1, 150.471)]}


def test_a_skipped_step_tells_the_next_loss_scale() -> None:
    """Old versions call themselves deepscale; where only the hysteresis falls, the scale stays."""
    skip = b"[deepscale] OVERFLOW! Rank 0 Skipping step. Attempted loss scale: 1048576, reducing to 524288\n"
    kept = b"[deepspeed] OVERFLOW! Rank 0 Skipping step. Attempted loss scale: 65536, but hysteresis is 2. Reducing"
    assert curves(DeepSpeed, STEP + skip)["loss_scale"] == [(2, 524288.0)]
    assert "loss_scale" not in curves(DeepSpeed, STEP + kept + b" hysteresis to 1\n")


@pytest.mark.parametrize(
    "said",
    [
        "[loss_scaler.py:183:update_scale] [deepspeed] OVERFLOW! Rank 0 Skipping step.",
        "[unfused_optimizer.py:207:step] [deepspeed] fp16 dynamic loss scale overflow! Skipping step.",
        "[logging.py:96:log_dist] [Rank 0] Overflow detected. Skipping step.",
    ],
)
def test_each_of_its_optimisers_says_it_in_its_own_words(said: str) -> None:
    """ZeRO, the unfused and the fused one."""
    line = f"[2023-08-02 00:41:17,935] [INFO] {said} Attempted loss scale: 65536.0, reducing to 32768.0\n".encode()
    assert curves(DeepSpeed, STEP + line)["loss_scale"] == [(2, 32768.0)]


def test_an_overflow_before_the_first_row_stands_at_its_step() -> None:
    """Large first scales overflow in each of the first steps: the last one counts."""
    skip = b"[deepspeed] OVERFLOW! Rank 0 Skipping step. Attempted loss scale: %d, reducing to %d\n"
    assert curves(DeepSpeed, skip % (8, 4) + skip % (4, 2) + STEP)["loss_scale"] == [(2, 2.0)]


def test_memory_takes_the_step_of_the_row_before() -> None:
    """The timer counts from 0 again when a run is resumed: its own step is not used. GB are GiB."""
    timer = (
        b"[timer.py:260:stop] epoch=0/micro_step=4/global_step=1, RunningAvgSamplesPerSec=25.02, "
        b"CurrSamplesPerSec=25.7, MemAllocated=4.32GB, MaxMemAllocated=38.49GB\n"
    )
    assert dict(curves(DeepSpeed, STEP + timer)["memory_bytes"]) == pytest.approx({2: 38.49 * 2**30})


def test_further_losses_of_the_pipeline_engine_are_passed_over() -> None:
    """A mixture of experts prints its parts."""
    row = b"steps: 200 loss: 5.5508 lm loss: 5.5103 moe loss: 0.0405 iter time (s): 0.936 samples/sec: 136.706\n"
    assert curves(DeepSpeed, row) == {"train_loss": [(200, 5.5508)], "step_seconds": [(200, 0.936)]}


def test_a_checkpoint_is_noticed() -> None:
    """Once, by rank 0."""
    line = b"[2023-08-02 00:41:17,937] [INFO] [logging.py:96:log_dist] [Rank 0] [Torch] Checkpoint global_step10"
    found = run_of(read(DeepSpeed, STEP + line + b" is about to be saved!\n"))
    assert [(n.kind, n.step) for n in found.notices] == [("checkpoint", 2)]


def test_a_loop_that_prints_losses_beside_it_is_read_as_such() -> None:
    """Its own step lines have no loss, so whoever prints them says more; without them it is DeepSpeed's log."""
    own = b"".join(b"step: %d, loss: 3.2%d\n" % (n, n) for n in range(9))
    found = recognise(STEP * 9 + own)
    assert found is not None
    assert found[0] is Generic
    alone = recognise(STEP * 9)
    assert alone is not None
    assert alone[0] is DeepSpeed


def test_source_and_prose_are_no_rows() -> None:
    """The format string, and a row that somebody quotes."""
    source = (
        b"log_dist(f'step={step}, skipped={skipped}, lr={lr}')\nit printed step=2, skipped=0, lr=[2.4e-09], mom=1\n"
    )
    assert curves(DeepSpeed, source) == {}
    assert DeepSpeed.sniff(source) == 0


def test_the_configuration_tells_the_batch() -> None:
    """In sequences of one optimiser step."""
    assert facts(DeepSpeed, log(2)) == {
        "gradient_accumulation_steps": 4,
        "grad_clip": 1.0,
        "optimizer": "adamw",
        "global_batch_size": 1024,
        "batch_size": 16,
        "world_size": 16,
    }
    unset = b"  optimizer_name ............... None\n  train_batch_size ............. None\n"
    assert facts(DeepSpeed, unset) == {}


def test_it_is_never_quite_sure_since_others_train_with_it() -> None:
    """A Megatron or Hugging Face log holds the same lines."""
    assert DeepSpeed.sniff(log()) < 0.5


def test_cuts_junk_margins_and_noise_change_nothing() -> None:
    """The same points however the stream comes; no number out of a row that is cut; no exception."""
    assert_sturdy(DeepSpeed, log())
    assert_cut_rows_give_no_wrong_number(DeepSpeed, log())
    assert_survives_noise(DeepSpeed, log())


def test_each_engine_begins_a_run() -> None:
    """Its configuration is printed by a function that is called print, as code would be."""
    start = b"[2021-05-26 04:38:20,031] [INFO] [config.py:748:print] DeepSpeedEngine configuration:\n"
    row = b"[Rank 0] step=%d, skipped=0, lr=[2.4e-09], mom=[[0.9, 0.95]]\n"
    rows = b"".join(row % step for step in range(10, 60, 10))
    assert not [r for r in read(DeepSpeed, rows + row % 60) if isinstance(r, Restart)]
    assert [r.step for r in read(DeepSpeed, rows + start + row % 20) if isinstance(r, Restart)] == [20]
    assert [r.step for r in read(DeepSpeed, rows + start + row % 60) if isinstance(r, Restart)] == [60]
