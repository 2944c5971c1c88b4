"""MaxText's rows, the timings that mean nothing, its evaluations and its config."""

from __future__ import annotations

from format_checks import (
    assert_cut_rows_give_no_wrong_number,
    assert_sturdy,
    assert_survives_noise,
    curves,
    facts,
    read,
    run_of,
)
from logs_maxtext import START, log
from raw_logs import published

from parsers.formats.maxtext import MaxText
from parsers.records import Notice


def rows(*steps: int, seconds: float = 5.668) -> bytes:
    return "".join(
        f"completed step: {step}, seconds: {seconds:.3f}, TFLOP/s/device: 134.924, Tokens/s/device: 8672.758,"
        f" total_weights: 196608, loss: 10.374\n"
        for step in steps
    ).encode()


def test_a_row_gives_its_metrics_in_si_units() -> None:
    """TFLOP/s become FLOP/s; the tokens of the step are no running total and are left out."""
    found = curves(MaxText, rows(0, 1, 9))
    assert {name: points[-1] for name, points in found.items()} == {
        "step_seconds": (9, 5.668),
        "tflops": (9, 134.924e12),
        "tokens_per_second": (9, 8672.758),
        "train_loss": (9, 10.374),
    }


def test_the_first_two_rows_of_a_start_have_no_timings() -> None:
    """The first contains the compilation, the second is the dispatch alone: 2400 TFLOP/s. Their losses count."""
    found = curves(MaxText, rows(*range(6)))
    assert [step for step, _ in found["train_loss"]] == list(range(6))
    for name in ("step_seconds", "tflops", "tokens_per_second"):
        assert [step for step, _ in found[name]] == [2, 3, 4, 5]


def test_a_run_that_goes_on_from_a_checkpoint_has_two_such_rows_too() -> None:
    """After a restart at step 500, and in a log that begins there."""
    assert [step for step, _ in curves(MaxText, rows(*range(500, 505)))["step_seconds"]] == [502, 503, 504]
    both = curves(MaxText, rows(*range(20)) + rows(*range(10, 15)))
    assert [step for step, _ in both["step_seconds"]] == [*range(2, 10), 12, 13, 14]


def test_several_hosts_that_print_the_same_rows_are_one() -> None:
    """Each host prints; the copies are no further rows of a start."""
    text = b"".join(rows(step) * 4 for step in range(5))
    found = curves(MaxText, text)
    assert [step for step, _ in found["train_loss"]] == list(range(5))
    assert [step for step, _ in found["step_seconds"]] == [2, 3, 4]


def test_an_evaluation_belongs_to_the_step_that_it_names() -> None:
    """It may stand before that step's row, which is printed one step late; nothing restarts."""
    text = rows(3) + b"eval metrics after step: 4, loss=9.855, total_weights=75264.0\n" + rows(4, 5)
    run = run_of(read(MaxText, text))
    assert run.series("val_loss").steps.tolist() == [4]
    assert run.series("val_loss").values.tolist() == [9.855]
    assert len(run.segments) == 1


def test_rows_of_other_versions_are_read() -> None:
    """Without tokens in 2023; without speed while the batch ramps up; without seconds at the profiler's edges."""
    found = curves(
        MaxText,
        rows(0, 1)
        + b"completed step: 2, seconds: 1.500, TFLOP/s/device: 100.000, loss: 9.000\n"
        + b"[Rampup Batch Size Phase], completed step: 3, seconds: 1.250, total_weights: 4096, loss: 8.000\n"
        + b"completed profiler activation/deactivation step: 4, total_weights: 4096.0, loss: 7.500\n"
        + b"completed profiler activation/deactivation step: 5, total_weights: 4096.0, loss: 7.250, lr: 1.500e-04\n",
    )
    assert found["learning_rate"] == [(5, 1.5e-4)]
    assert found["step_seconds"] == [(2, 1.5), (3, 1.25)]
    assert "tokens_per_second" not in found
    assert [step for step, _ in found["train_loss"]] == list(range(6))


def test_the_start_tells_the_plan_and_the_model() -> None:
    """What is switched off, -1, is unknown; the width that the base is scaled to is the model's."""
    known = facts(MaxText, START.encode())
    assert (known["planned_steps"], known["global_batch_size"], known["block_size"]) == (150001, 96, 2048)
    assert (known["n_embd"], known["n_layer"], known["vocab_size"]) == (4096, 27, 102400)
    assert (known["learning_rate"], known["beta2"], known["weight_decay"]) == (3e-05, 0.95, 0.1)
    assert (known["dataset"], known["optimizer"], known["dtype"]) == ("synthetic", "adamw", "bfloat16")
    assert (known["parameters"], known["batch_size"]) == (15_933_000_000, 24)
    assert "eval_interval" not in known


def test_checkpoints_and_resumes_are_noticed() -> None:
    """In the words of several versions."""
    text = rows(7) + b"Saved a checkpoint at step 7.\nStarted an asynchronous checkpoint save for step 7\n"
    text += b"restoring from this run's directory latest step 7\n"
    notices = [(r.kind, r.step) for r in read(MaxText, text) if isinstance(r, Notice)]
    assert notices == [("checkpoint", 7), ("checkpoint", 7), ("resume", 7)]


def test_look_alikes_give_nothing() -> None:
    """The logger's own source, other programs' steps and prose are no rows."""
    text = (
        b"    f\"completed step: {step}, seconds: {metrics['scalar']['perf/step_time_seconds']:.3f}, \"\n"
        b'print("completed step: 5, seconds: 1.0, loss: 2.0")\n'
        b"Completed step: 3\n"
        b"completed step: 3, seconds: 4\n"
        b"it says completed step: 3, seconds: 4.0, loss: 2.0\n"
    )
    assert curves(MaxText, text) == {}
    assert MaxText.sniff(text) == 0.0


def test_cuts_junk_margins_and_noise_change_nothing() -> None:
    """The same points however the stream comes; no number out of a row that is cut; no exception."""
    assert_sturdy(MaxText, log())
    assert_cut_rows_give_no_wrong_number(MaxText, log())
    assert_survives_noise(MaxText, log())


def test_a_real_log_is_read() -> None:
    """The documentation's run of ten steps, without absl's prefix."""
    text = published("maxtext/deepseek2_16b_tpu_v5p.log")
    found = curves(MaxText, text)
    assert len(found["train_loss"]) == 10
    assert len(found["step_seconds"]) == 8
    assert facts(MaxText, text)["planned_steps"] == 10
