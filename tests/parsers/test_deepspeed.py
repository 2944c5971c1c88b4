"""DeepSpeed's own lines: steps, the pipeline engine's losses, skipped steps."""

from __future__ import annotations

from format_checks import assert_cut_rows_give_no_wrong_number, assert_sturdy, assert_survives_noise, curves, facts
from logs_deepspeed import log

from parsers.formats.deepspeed import DeepSpeed

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


def test_the_configuration_tells_the_batch() -> None:
    """In sequences of one optimiser step."""
    assert facts(DeepSpeed, log(2)) == {"global_batch_size": 1024, "world_size": 16}


def test_it_is_never_quite_sure_since_others_train_with_it() -> None:
    """A Megatron or Hugging Face log holds the same lines."""
    assert DeepSpeed.sniff(log()) < 0.5


def test_cuts_junk_margins_and_noise_change_nothing() -> None:
    """The same points however the stream comes; no number out of a row that is cut; no exception."""
    assert_sturdy(DeepSpeed, log())
    assert_cut_rows_give_no_wrong_number(DeepSpeed, log())
    assert_survives_noise(DeepSpeed, log())
