"""LitGPT's rows of micro-batches, its evaluations, its older layouts and its arguments."""

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
from logs_litgpt import START, log
from raw_logs import published

from parsers.formats.litgpt import LitGPT
from parsers.records import Notice, Restart


def lines(*texts: str) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()


def row(iteration: int, step: int, loss: float, milliseconds: float, *, update: bool = False, val: str = "n/a") -> str:
    tail = " (step)" if update else ""
    return (
        f"Epoch 1 | iter {iteration} step {step} | loss train: {loss:.3f}, val: {val} |"
        f" iter time: {milliseconds:.2f} ms{tail}"
    )


def test_of_the_rows_of_a_step_the_one_with_the_update_counts() -> None:
    """Every micro-batch prints a row; the loss after the update is the mean over the micro-batches of that update."""
    found = curves(
        LitGPT,
        lines(
            row(1, 0, 3.5, 300.0),
            row(2, 1, 3.25, 100.0, update=True),
            row(3, 1, 3.2, 50.0),
            row(4, 2, 3.0, 110.0, update=True),
            row(5, 2, 2.9, 60.0),
            row(6, 3, 2.75, 120.0, update=True),
        ),
    )
    assert found["train_loss"] == [(0, 3.5), (1, 3.25), (2, 3.0), (3, 2.75)]


def test_the_seconds_of_a_step_are_those_of_its_micro_batches() -> None:
    """Where each prints its time the sum is known, from the second update on, which tells how many there are."""
    rows = [row(i, i // 4, 3.0, 100.0 + i, update=i % 4 == 0) for i in range(1, 17)]
    seconds = dict(curves(LitGPT, lines(*rows))["step_seconds"])
    sums = {step: sum(100 + i for i in range(4 * step - 3, 4 * step + 1)) / 1000 for step in (2, 3, 4)}
    assert seconds == pytest.approx(sums)


def test_seconds_are_unknown_where_micro_batches_print_no_row() -> None:
    """Pretraining prints one row an update: its time is of one micro-batch of 128."""
    rows = [row(128 * k, k, 3.0, 352.4, update=True) for k in range(1, 9)]
    found = curves(LitGPT, lines(*rows))
    assert "step_seconds" not in found
    assert [step for step, _ in found["train_loss"]] == list(range(1, 9))


def test_an_update_of_one_micro_batch_has_its_seconds() -> None:
    """Without accumulation iteration and step are the same."""
    rows = [row(i, i, 1.0, 529.46, update=True, val="1.057") for i in (961, 962, 963)]
    assert dict(curves(LitGPT, lines(*rows))["step_seconds"]) == pytest.approx(dict.fromkeys((961, 962, 963), 0.52946))


def test_the_validation_loss_that_is_repeated_is_no_new_one() -> None:
    """`val` on a training row is the last evaluation's; only the line of the evaluation counts."""
    rows = [row(2 * k, k, 3.0, 100.0, update=True, val="2.125") for k in range(2, 8)]
    assert "val_loss" not in curves(LitGPT, lines(*rows))


def test_an_evaluation_stands_at_its_step() -> None:
    """It prints the iteration; its step is known though no row of that step was printed."""
    rows = [row(8 * k, k, 3.0, 100.0, update=True) for k in (10, 20, 30)]
    found = curves(LitGPT, lines(rows[0], rows[1], "iter 200: val loss 1.7258, val time: 3778.02 ms", rows[2]))
    assert found["val_loss"] == [(25, 1.7258)]


def test_an_evaluation_before_that_is_known_takes_the_step_of_the_row_before() -> None:
    """In finetuning a row of the same iteration stands before it."""
    found = curves(LitGPT, lines(row(4, 1, 3.0, 99.0, update=True), "iter 4: val loss 1.5, val time: 10.00 ms"))
    assert found["val_loss"] == [(1, 1.5)]


def test_the_final_evaluation_stands_at_the_last_step() -> None:
    """It prints no iteration."""
    found = curves(
        LitGPT, lines(row(4, 4, 3.0, 99.0, update=True), "Final evaluation | val loss: 1.234 | val ppl: 3.435")
    )
    assert found["val_loss"] == [(4, 1.234)]


def test_rows_of_2023_count_their_iterations_from_0() -> None:
    """lit-gpt: `iter 77 step 39` ends update 39 of two micro-batches; unit and number are glued."""
    texts = [
        f"iter {i} step {(i + 1) // 2}: loss 10.8259, iter time: {197.87 + i:.2f}ms"
        + (" (optimizer.step)" if i % 2 else "")
        for i in range(76, 90)
    ]
    found = curves(LitGPT, lines(*texts, "step 89: val loss 10.5, val time: 100.00ms"))
    assert [step for step, _ in found["train_loss"]] == [38, *range(39, 46)]
    assert found["val_loss"] == [(45, 10.5)]
    assert dict(found["step_seconds"])[39] == pytest.approx((197.87 + 76 + 197.87 + 77) / 1000)


def test_rows_of_early_2024_and_of_pretraining_in_2023_are_read() -> None:
    """A bar between iteration and step; the whole number of steps behind it; the days that remain."""
    found = curves(
        LitGPT,
        lines(
            "iter 4840 | step 605: loss 0.2609, iter time: 153.14 ms (optimizer.step)",
            "iter 4850 | step 606: loss 0.3222, iter time: 61.86 ms",
            "iter 9700/99999 step 1212/12500: loss 0.2500, iter time: 61.86ms remaining time: 1.52 hours. ",
        ),
    )
    assert found["train_loss"] == [(605, 0.2609), (606, 0.3222), (1212, 0.25)]


def test_lit_llamas_rows_have_no_step() -> None:
    """Their iteration stands for it; the speed is of one device, and "-" while gradients are accumulated."""
    found = curves(
        LitGPT,
        lines(
            "iter 1: loss 11.0666, time: 13381.00ms, speed: - toks/s/device",
            "iter 2: loss 11.0601, time: 13381.00ms, speed: 306 toks/s/device",
        ),
    )
    assert found == {"train_loss": [(1, 11.0666), (2, 11.0601)], "tokens_per_second": [(2, 306.0)]}


def test_the_start_tells_the_arguments_and_the_parameters() -> None:
    """Arguments stand on several lines or on one; None is unknown, and so is how long the samples are."""
    known = facts(LitGPT, START.encode())
    assert (known["global_batch_size"], known["batch_size"], known["warmup_steps"]) == (16, 8, 100)
    assert (known["planned_epochs"], known["grad_clip"], known["min_lr"]) == (5, 1.0, 6e-05)
    assert known["parameters"] == 162_322_944
    assert not {"planned_tokens", "block_size"} & known.keys()
    one_line = b" 'train': TrainArgs(save_interval=1000, micro_batch_size=4, max_tokens=3000000000000)}\n"
    assert facts(LitGPT, one_line) == {"batch_size": 4, "planned_tokens": 3_000_000_000_000}


def test_loras_parameters_are_the_sum_of_both_counts() -> None:
    """LoRA prints trainable and frozen parameters on lines of their own; pretraining prints the total."""
    lora = lines("Number of trainable parameters: 4,194,304", "Number of non trainable parameters: 6,738,415,616")
    assert facts(LitGPT, lora) == {"parameters": 6_742_609_920}
    assert facts(LitGPT, b"Total parameters: 1,100,048,384\n") == {"parameters": 1_100_048_384}


def test_checkpoints_resumes_and_the_end_are_noticed() -> None:
    """Each with the step that was printed before it."""
    text = lines(
        row(2, 1, 3.0, 99.0, update=True),
        "Saving checkpoint to '/out/step-00001000/lit_model.pth'",
        "Saving LoRA weights to 'out/final/lit_model.pth.lora'",
        "Training time: 583.36s",
        "Resuming training from out/step-00001000/lit_model.pth",
    )
    notices = [(r.kind, r.step) for r in read(LitGPT, text) if isinstance(r, Notice)]
    assert notices == [("checkpoint", 1), ("checkpoint", 1), ("end", 1), ("resume", 1)]


def test_look_alikes_give_nothing() -> None:
    """Rows of nanoGPT have neither colon nor step; the trainer's own source and prose are no rows."""
    text = (
        b"iter 200: loss 6.2977, time 3917.80ms, mfu 12.87%\n"
        b"step 500: train loss 5.4354, val loss 5.5328\n"
        b"    f\"iter {metrics['iter']} step {metrics['step']}: loss {loss:.4f}, iter time: {dt:.2f} ms\"\n"
        b'print("iter 4 step 1: loss 2.5, iter time: 10.00 ms")\n'
        b"Epoch 3/100 | Loss Train: 1.2345 | Loss Val: 1.1234\n"
        b"it printed iter 4 step 1\n"
    )
    assert curves(LitGPT, text) == {}
    assert LitGPT.sniff(text) == 0.0


def test_a_second_run_in_the_same_log_opens_a_segment() -> None:
    """Two runs appended to one file; what was known of the first one's micro-batches does no harm."""
    records = read(LitGPT, log(20) + log(10))
    assert len([r for r in records if isinstance(r, Restart)]) == 1
    run = run_of(records)
    assert run.series("train_loss").steps.tolist() == list(range(11))
    assert run.series("val_loss").steps.tolist() == [10]


def test_cuts_junk_margins_and_noise_change_nothing() -> None:
    """The same points however the stream comes; no number out of a row that is cut; no exception."""
    assert_sturdy(LitGPT, log())
    assert_cut_rows_give_no_wrong_number(LitGPT, log())
    assert_survives_noise(LitGPT, log())


@pytest.mark.parametrize(("name", "rows"), [("issue_1042_old_format.txt", 5), ("issue_125_falcon_flat_loss.txt", 2)])
def test_real_logs_are_read(name: str, rows: int) -> None:
    """Fragments of issues: the layout of early 2024, and lit-parrot's."""
    text = published(f"litgpt/{name}")
    assert len(curves(LitGPT, text)["train_loss"]) == rows
    assert LitGPT.sniff(text) > 0.3
