"""Rows that are guessed: what is taken for what, which steps they belong to, and what is no row."""

from __future__ import annotations

import pytest
from format_checks import (
    Curves,
    assert_cut_rows_give_no_wrong_number,
    assert_sturdy,
    assert_survives_noise,
    curves,
    facts,
    read,
    run_of,
)
from logs_generic import log
from sample_logs import kinds, sample

from parsers.clean import clean
from parsers.formats.generic import Generic
from parsers.formats.generic_rows import guess
from parsers.records import Points, Recognised, Restart, Traits

NEMO = (
    "2026-08-10 15:55:20 | INFO | root | step 9 | epoch 0 | loss 0.6974 | grad_norm 1.5436 | lr 1.00e-05 | "
    "mem 24.90 GiB | tps 11278.56(1409.82/gpu) | num_label_tokens 21541"
)


def shown(*lines: str) -> Curves:
    """What is read of some lines, without times and empty series."""
    found = curves(Generic, "".join(f"{line}\n" for line in lines).encode())
    return {name: points for name, points in found.items() if points and name not in ("wall_seconds", "step_seconds")}


def traits(*lines: str) -> Traits:
    """What the numbers of some lines are said to mean."""
    return run_of(read(Generic, "".join(f"{line}\n" for line in lines).encode())).traits


@pytest.mark.parametrize(
    "line",
    [
        "step 10 loss 3.2 lr 1e-4",
        "step=10 loss=3.2 lr=1e-4",
        "step: 10 | loss: 3.2 | lr: 1e-4",
        "Step 10/600: loss = 3.2, lr = 1e-4",
        "[Step 10] loss: 3.2 - lr: 1e-4",
        "iter 10: loss 3.2, lr 1e-4",
        "Iteration 10, loss = 3.2, learning rate = 1e-4",
        "INFO:root:step 10 loss 3.2 lr 1e-4",
        "2025-12-11 10:00:00,123 - train - INFO - step: 10 - train_loss: 3.2 - lr: 1e-4",
        "[rank0] step 10 | loss 3.2 | lr 1e-4",
        "33step 10 loss 3.2 lr 1e-4",
        "\N{ROCKET} Step 10 | \N{CHART WITH DOWNWARDS TREND} Loss: 3.2 | LR: 1e-4",
        "lr=1e-4 loss=3.2 global_step=10",
        "Loss at step 10: 3.2, lr 1e-4",
    ],
)
def test_a_row_is_found_however_it_is_written(line: str) -> None:
    """Names before numbers, with any sign between them, behind what loggers print."""
    assert shown(line) == {"train_loss": [(10, 3.2)], "learning_rate": [(10, 1e-4)]}


def test_units_behind_numbers_count_and_unknown_names_do_not() -> None:
    """GiB are bytes; what has no name that is known gives no number."""
    found = shown(NEMO)
    assert found == {
        "train_loss": [(9, 0.6974)],
        "epoch": [(9, 0.0)],
        "grad_norm": [(9, 1.5436)],
        "learning_rate": [(9, 1e-5)],
        "memory_bytes": [(9, 24.9 * 2**30)],
        "tokens_per_second": [(9, 11278.56)],
    }
    assert list(shown("step 1 loss 3.2 acc 0.5 temp 61C foo 1.2.3 time 1.2s")) == ["train_loss"]
    assert curves(Generic, b"step 1 loss 3.2 dt: 35.21ms\n")["step_seconds"] == [(1, 35.21 * 1e-3)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("step 10 train loss 3.2 val loss 3.3", {"train_loss": 3.2, "val_loss": 3.3}),
        ("Iter: 10 Train Loss: 3.2 Val Loss: 3.3 Time: 1.2s", {"train_loss": 3.2, "val_loss": 3.3}),
        ("step: 10 | loss: 3.2 | val: 3.3", {"train_loss": 3.2, "val_loss": 3.3}),
        ("step 10 | Train: loss=3.2, acc=0.1 | Val: loss=3.3, acc=0.2", {"train_loss": 3.2, "val_loss": 3.3}),
        ("Validation: step 10, loss 3.3", {"val_loss": 3.3}),
        ("step 10 policy_loss 0.1 loss_scale 1024", {}),
        ("step 10 best loss 3.1", {}),
    ],
)
def test_a_loss_is_of_the_split_that_is_named(line: str, expected: dict[str, float]) -> None:
    """In its name, or before it on its line; losses that are no language model's are left out."""
    assert shown(line) == {name: [(10, value)] for name, value in expected.items()}


def test_epochs_are_steps_where_nothing_else_counts() -> None:
    """The traits say so; the number of epochs is planned."""
    lines = [f"Epoch {n}/5, Loss: {4 - n / 2}" for n in range(1, 4)]
    assert shown(*lines)["train_loss"] == [(1, 3.5), (2, 3.0), (3, 2.5)]
    assert traits(*lines).steps_count == "epochs"
    assert facts(Generic, "\n".join([*lines, ""]).encode()) == {"planned_epochs": 5}


def test_a_count_that_begins_anew_with_each_epoch_goes_on() -> None:
    """`Step [200/600]` of epoch 2 is step 800; nothing restarts."""
    lines = [f"Epoch [{e}/3], Step [{s}/600], Loss: 0.5" for e in (1, 2, 3) for s in (200, 400, 600)]
    text = "\n".join([*lines, ""]).encode()
    assert [step for step, _ in shown(*lines)["train_loss"]] == list(range(200, 1801, 200))
    assert facts(Generic, text) == {"planned_epochs": 3, "planned_steps": 1800}
    assert not [r for r in read(Generic, text) if isinstance(r, Restart)]


def test_a_count_of_the_whole_run_is_left_as_it_is() -> None:
    """The epoch beside it is a metric."""
    lines = [f"epoch {s // 1000} step {s}/3000 loss 0.5" for s in (900, 1100, 2100)]
    assert [step for step, _ in shown(*lines)["train_loss"]] == [900, 1100, 2100]
    assert facts(Generic, "\n".join([*lines, ""]).encode()) == {"planned_steps": 3000}


def test_batches_are_no_updates_and_counts_without_a_name_are_rows() -> None:
    """How many batches make an update is not known."""
    assert traits("Epoch 1 | Batch 100/938 | Loss 0.5").steps_count == "micro-batches"
    assert traits("[12/100] loss=3.2").steps_count == "rows"
    assert shown("[12/100] loss=3.2") == {"train_loss": [(12, 3.2)]}
    assert traits("step 12 loss=3.2").steps_count == "updates"


def test_rows_below_an_epoch_belong_to_it() -> None:
    """As many tutorials print them."""
    lines = ["Epoch 1/10", "----------", "train Loss: 0.5 Acc: 0.8", "val Loss: 0.6 Acc: 0.7", ""]
    lines += ["Epoch 2/10", "----------", "train Loss: 0.4 Acc: 0.8", "val Loss: 0.5 Acc: 0.7"]
    assert shown(*lines) == {"train_loss": [(1, 0.5), (2, 0.4)], "val_loss": [(1, 0.6), (2, 0.5)]}
    assert Generic.sniff("\n".join(lines).encode()) > 0


def test_rows_without_any_step_are_counted_where_three_are_alike() -> None:
    """A row begins where a metric comes again; two such lines say nothing."""
    lines = ["Train Loss: 0.5", "Val Loss: 0.6", "Train Loss: 0.4", "Val Loss: 0.5", "Train Loss: 0.3", "Val Loss: 0.4"]
    assert shown(*lines) == {
        "train_loss": [(1, 0.5), (2, 0.4), (3, 0.3)],
        "val_loss": [(1, 0.6), (2, 0.5), (3, 0.4)],
    }
    assert traits(*lines).steps_count == "rows"
    assert shown(*lines[:4]) == {}
    assert Generic.sniff("\n".join(lines[:4]).encode()) == 0


def test_a_validation_without_a_step_belongs_to_the_row_before_it() -> None:
    """Or to the first row, where it comes before all rows. The mean over an epoch is no loss of its last step."""
    found = shown("val loss: 10.9", "step 0 loss 10.8", "step 10 loss 9.8", "val loss: 9.9", "step 20 loss 9.0")
    assert found["val_loss"] == [(0, 10.9), (10, 9.9)]
    found = shown("step 10 loss 3.2", "step 20 loss 3.1", "Epoch 1 done. Avg loss: 3.15, val loss: 3.3")
    assert found == {"train_loss": [(10, 3.2), (20, 3.1)], "val_loss": [(20, 3.3)]}


@pytest.mark.parametrize(
    "lines",
    [
        ["| step | train loss | val loss |", "|------|-----|-----|", "| 10 | 3.2 | 3.3 |", "| 20 | 3.1 | 3.2 |"],
        ["step      train_loss  valid_loss  time", "10        3.2         3.3         00:12", "20  3.1  3.2  00:12"],
    ],
)
def test_tables_are_read_by_their_first_line(lines: list[str]) -> None:
    """With bars, or with blanks as fastai prints them; without names their rows are nothing."""
    assert shown(*lines) == {"train_loss": [(10, 3.2), (20, 3.1)], "val_loss": [(10, 3.3), (20, 3.2)]}
    assert shown(*lines[-2:]) == {}


def test_it_says_what_was_guessed_before_the_first_points() -> None:
    """In the log's own names; again only where more was guessed."""
    records = read(Generic, b"Iter 1 | Loss: 3.2\nIter 2 | Loss: 3.1\n", 1)
    said = [r for r in records if isinstance(r, Recognised)]
    assert [r.why for r in said] == ['guessed: "Loss" is taken as train_loss, "Iter" is taken as the step']
    assert records.index(said[0]) < next(at for at, r in enumerate(records) if isinstance(r, Points))


def test_the_unit_of_the_loss_is_unknown_unless_the_log_speaks_of_language() -> None:
    """Tokens, perplexity, a vocabulary; rewards are of reinforcement learning."""
    row = "step 10 loss 3.2"
    assert traits(row).loss_unit == "unknown"
    for word in ("vocab size: 50257", "loaded 338025 tokens", "training GPT-2", "perplexity 24.5"):
        assert traits(word, row).loss_unit == "nats"
        assert traits(row, word).loss_unit == "nats"
    assert traits("loaded 338025 tokens", row + " reward 0.1").loss_unit == "other"


def test_counts_from_zero_come_after_their_update() -> None:
    """Those from one are the number of updates done."""
    assert traits("step 0 loss 3.2", "step 1 loss 3.1").updates_at_train_row == 1
    assert traits("step 1 loss 3.2", "step 2 loss 3.1").updates_at_train_row == 0


def test_the_start_tells_the_model() -> None:
    """Parameters and vocabulary, where a line is just that."""
    assert facts(Generic, log()) == {"parameters": 124_475_904, "vocab_size": 50257}
    assert facts(Generic, b"number of parameters: 40.56M\nNon-trainable parameters: 0\n") == {"parameters": 40_560_000}


def test_a_loss_that_is_no_number_is_data_and_a_huge_step_is_none() -> None:
    """NaN and infinity are what the run had."""
    assert len(shown("step 10 loss nan", "step 11 loss inf")["train_loss"]) == 2
    assert shown("step 10000000000000000000000 loss 3.2") == {}


def test_steps_that_go_back_are_a_new_segment() -> None:
    """Two runs in one log."""
    assert [r.step for r in read(Generic, log(30) + log(20)) if isinstance(r, Restart)] == [0]


@pytest.mark.parametrize(
    "text",
    [
        "Step 3: the loss is 0.5.",
        "The loss was 0.5 at step 10, and 0.4 at step 20.",
        "Saved checkpoint at step 10, loss 3.2",
        "At step 10 loss 3.2",
        "train(step=10, loss=0.5)",
        "    loss = 0.5  # step 10",
        'print(f"step {step}: loss {loss:.4f}")',
        "{'loss': 3.2, 'step': 10}",
        '{"step": 10, "loss": 3.2}',
        "python train.py --step 10 --loss 3.2",
        '10.0.0.1 - - [21/Nov/2026:10:00:00 +0000] "GET /loss?step=10 HTTP/1.1" 200 5123 "-" "Mozilla/5.0"',
        "    0   250    65     -    99    80     0     0  1593  1980",
        "Downloading torch_loss-2.0-cp311.whl (3.2 MB)",
        "Successfully installed info-nce-loss-0.5 pip-24.0",
        "early stopping: loss has not improved for 3 epochs",
    ],
)
def test_prose_code_and_other_programs_are_no_rows(text: str) -> None:
    """Nor do fifty such lines tell anything."""
    assert Generic.sniff(f"{text}\n".encode() * 50) == 0
    assert shown(text) == {}
    assert guess(text.encode()) is None or not shown(*[text] * 50)


@pytest.mark.parametrize("kind", [kind for kind in kinds() if kind is not Generic], ids=lambda kind: kind.name)
def test_every_other_format_is_surer_of_its_own_log(kind: type) -> None:
    """By the margin that a format must have before the next."""
    text = clean(sample(kind))
    assert kind.sniff(text) - Generic.sniff(text) >= 0.1  # type: ignore[attr-defined]


def test_cuts_junk_margins_and_noise_change_nothing() -> None:
    """The same points however the stream comes; no number out of a row that is cut; no exception."""
    assert_sturdy(Generic, log())
    assert_cut_rows_give_no_wrong_number(Generic, log())
    assert_cut_rows_give_no_wrong_number(Generic, f"{NEMO}\n{NEMO.replace('step 9', 'step 10')}\n".encode())
    assert_survives_noise(Generic, log())
    assert_survives_noise(Generic, (NEMO + "\n").encode() * 9)
