"""build-nanogpt's standard output and its log.txt, whose rows are short enough to look like anybody's."""

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
from logs_build_nanogpt import START, log, log_txt
from raw_logs import published

from parsers.formats.build_nanogpt import BuildNanoGPT

ROW = "step  1000 | loss: 4.162544 | lr 5.8923e-04 | norm: 0.4840 | dt: 17826.65ms | tok/sec: 29410.34"


def test_a_row_gives_its_metrics_in_si_units() -> None:
    """Milliseconds become seconds; all else is as printed."""
    assert curves(BuildNanoGPT, f"{ROW}\n".encode()) == {
        "train_loss": [(1000, 4.162544)],
        "learning_rate": [(1000, 5.8923e-4)],
        "grad_norm": [(1000, 0.484)],
        "step_seconds": [(1000, 17826.65 * 1e-3)],
        "tokens_per_second": [(1000, 29410.34)],
    }


@pytest.mark.parametrize(
    ("row", "metrics"),
    [
        ("step    7 | loss: 6.112 | norm: 0.91 | dt: 93.12ms | tok/sec: 175934.2", 4),
        ("step 7 | loss: 6.112 | dt: 93.12ms | tok/sec: 175934.2", 3),
        ("step 7 | loss: 6.112 | dt: 93.12ms | tok/sec: 175934.2 | norm: 0.91 | lr: 0.000868", 5),
        ("[rank0]:step 7 | loss: 6.112 | norm: 0.91 | dt: 93.12ms | tok/sec: 175934.2", 4),
    ],
)
def test_the_steps_of_the_course_before_the_last_are_read(row: str, metrics: int) -> None:
    """The course prints fewer fields at first, and its followers print them in another order."""
    found = curves(BuildNanoGPT, f"{row}\n".encode())
    assert len(found) == metrics
    assert found["train_loss"] == [(7, 6.112)]
    assert found["step_seconds"] == [(7, 93.12 * 1e-3)]


def test_a_loss_that_is_not_a_number_is_kept() -> None:
    """NaN is data in both logs."""
    for text in (ROW.replace("4.162544", "nan"), "1000 train nan"):
        found = run_of(read(BuildNanoGPT, f"{text}\n".encode())).series("train_loss")
        assert found.steps.tolist() == [1000]
        assert found.values.tolist() != found.values.tolist()


def test_a_validation_belongs_to_the_row_after_it() -> None:
    """`validation loss` prints no step: it is measured before the update whose row comes next."""
    found = curves(BuildNanoGPT, log(60))
    assert [step for step, _ in found["val_loss"]] == [0, 25, 50, 59]
    assert [step for step, _ in found["train_loss"]] == list(range(60))


def test_both_logs_of_a_run_tell_the_same_losses() -> None:
    """log.txt has the same steps; its HellaSwag scores are no losses."""
    from_stdout, from_file = curves(BuildNanoGPT, log(60)), curves(BuildNanoGPT, log_txt(60))
    assert set(from_file) == {"train_loss", "val_loss"}
    assert from_file["train_loss"] == from_stdout["train_loss"]
    assert from_file["val_loss"] == from_stdout["val_loss"]


def test_the_start_tells_the_batch_and_the_parameters() -> None:
    """Both kinds of parameters together are all of them."""
    assert facts(BuildNanoGPT, START.encode()) == {
        "device": "cuda",
        "world_size": 1,
        "tokens_per_step": 524288,
        "gradient_accumulation_steps": 8,
        "parameters_decayed": 124_354_560,
        "parameters_non_decayed": 121_344,
    }
    assert facts(BuildNanoGPT, b"loading weights from pretrained gpt: gpt2-xl\n") == {"init_from": "gpt2-xl"}


def test_the_time_of_a_step_may_contain_an_evaluation() -> None:
    """The clock starts before the evaluation: the rules must know."""
    assert BuildNanoGPT.traits.step_seconds_contain_eval
    times = dict(curves(BuildNanoGPT, log(60))["step_seconds"])
    assert times[25] > 10 * times[24]


@pytest.mark.parametrize("text", [log(60), log_txt(60)])
def test_a_second_run_in_the_file_opens_a_segment(text: bytes) -> None:
    """Its steps begin again, and its first validation is its own."""
    records = read(BuildNanoGPT, text + text)
    assert [segment.first_step for segment in run_of(records).segments] == [0, 0]
    assert curves(BuildNanoGPT, text + text) == curves(BuildNanoGPT, text)


@pytest.mark.parametrize(
    "line",
    [
        'print(f"step {step:5d} | loss: {loss_accum.item():.6f} | lr {lr:.4e} | norm: {norm:.4f}")',
        'f.write(f"{step} train {loss_accum.item():.6f}\\n")',
        f'"{ROW}"',
        "# 250 val 6.1631",
        "step 10 | loss: 2.5000",
        "step 7 | loss: 6.112 | accuracy: 0.5",
        "step 01999/05000 (39.98%) | loss: 3.708102 | lrm: 0.93 | dt: 316.95ms | tok/sec: 103,385 | bf16_mfu: 0.00",
        "0 train 100",
        "10 train 0.5 val 0.6",
        "epoch 3 train 2.123456",
        "  250 val 6.1631",
        "   1    val 2.086    17.18s",
        "3 val 0.61",
        "1000 val examples, 90000 train examples",
        "250 train 6.128294 2.1",
        "rank 1 sample 3: Hello, I'm a language model, 250 train 6.128294",
        "HellaSwag accuracy: 2508/10042=0.2498",
    ],
)
def test_code_prose_and_other_logs_are_no_rows(line: str) -> None:
    """They give no points, and the log is not taken for build-nanogpt's."""
    text = f"{line}\n".encode()
    assert curves(BuildNanoGPT, text) == {}
    assert BuildNanoGPT.sniff(text) == 0.0


def test_a_validation_loss_alone_does_not_tell_whose_log_it_is() -> None:
    """Many trainers print these words; without a row they have no step either."""
    text = b"validation loss: 3.0843\n"
    assert BuildNanoGPT.sniff(text) == 0.0
    assert curves(BuildNanoGPT, text) == {}
    assert BuildNanoGPT.sniff(b"num decayed parameter tensors: 50, with 124,354,560 parameters\n") == 0.0


def test_both_logs_are_recognised() -> None:
    """A few rows leave no doubt."""
    assert BuildNanoGPT.sniff(log(5)) == 1.0
    assert BuildNanoGPT.sniff(log_txt(5)) == 1.0
    assert BuildNanoGPT.sniff(START.encode()) >= 0.5


@pytest.mark.parametrize("text", [log(), log_txt()])
def test_cuts_junk_margins_and_noise_change_nothing(text: bytes) -> None:
    """The same points however the stream comes; no number out of a row that is cut; no exception."""
    assert_sturdy(BuildNanoGPT, text)
    assert_cut_rows_give_no_wrong_number(BuildNanoGPT, text)
    assert_survives_noise(BuildNanoGPT, text)


@pytest.mark.parametrize(
    ("path", "train", "val"),
    [
        ("log.log.txt", 95, 1),
        ("log_bigger.log.txt", 19073, 78),
        ("log_bigger.stdout.out", 19073, 78),
        ("log_group_weight_g2.log.txt", 19073, 78),
        ("log_half_dataset.log.txt", 19073, 78),
        ("log_shuffled.log.txt", 19073, 78),
        ("shakespeare_forge_mps_log.md", 26, 0),
    ],
)
def test_real_logs_are_read_to_the_last_row(path: str, train: int, val: int) -> None:
    """Real runs give each of their rows, in one segment."""
    run = run_of(read(BuildNanoGPT, published(f"build-nanogpt/{path}")))
    assert (len(run.series("train_loss")), len(run.series("val_loss"))) == (train, val)
    assert len(run.segments) == 1
