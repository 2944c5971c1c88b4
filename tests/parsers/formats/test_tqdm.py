"""Losses in and beside tqdm's bars: where the loop is, and what counts."""

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
from logs_tqdm import bar, epochs, log
from raw_logs import CORPUS

from parsers.clean import clean
from parsers.formats.tqdm import Tqdm
from parsers.records import Restart

LOGS = CORPUS / "tqdm"


def losses(text: str) -> list[tuple[int, float]]:
    """The training losses by step."""
    return curves(Tqdm, text.encode()).get("train_loss", [])


@pytest.mark.parametrize(
    "postfix",
    ["loss=3.21, lr=1e-4", "lr=0.0001, loss=3.21", "loss: 3.21, lr: 1.0e-04", "train_loss=3.21, v_num=x7a, lr=1e-4"],
)
def test_a_postfix_gives_its_metrics(postfix: str) -> None:
    """set_postfix writes name=value in any order; set_postfix_str whatever its caller wrote."""
    found = curves(Tqdm, (bar(450, 1000, postfix) + "\n").encode())
    assert found == {"train_loss": [(450, 3.21)], "learning_rate": [(450, 1e-4)], "step_seconds": [(450, 0.2)]}


def test_speed_and_norm_are_read_and_others_are_not() -> None:
    """Names of the contract only; a mean over the epoch does not stand among losses of batches."""
    text = bar(450, 1000, "loss=3.21, grad_norm=0.5, tok/s=1.2e+4, acc=0.31, train_loss_epoch=3.5, mem=12") + "\n"
    assert curves(Tqdm, text.encode()) == {
        "train_loss": [(450, 3.21)],
        "grad_norm": [(450, 0.5)],
        "tokens_per_second": [(450, 1.2e4)],
        "step_seconds": [(450, 0.2)],
    }


@pytest.mark.parametrize(
    ("rate", "seconds"),
    [(" 4.00it/s", 0.25), (" 1.25s/it", 1.25), ("4.00batch/s", 0.25), ("4.00 steps/s", 0.25), ("512ex/s", None)],
)
def test_the_speed_of_the_bar_is_the_time_of_a_batch(rate: str, seconds: float | None) -> None:
    """Slow loops are shown in seconds a batch; what does not count batches tells nothing."""
    text = bar(450, 1000, "loss=3.21").replace(" 5.00it/s", rate) + "\n"
    assert curves(Tqdm, text.encode()).get("step_seconds") == (None if seconds is None else [(450, seconds)])


def test_a_bar_without_a_speed_is_a_row_too() -> None:
    """Before the second drawing tqdm shows a question mark."""
    assert losses(bar(0, 1000, "loss=9.5").replace(" 5.00it/s", " ?it/s") + "\n") == [(0, 9.5)]


@pytest.mark.parametrize(
    ("described", "loss", "rate"),
    [
        ("epoch 1 iter 233: train loss 2.12345. lr 5.999000e-04", 2.12345, 5.999e-4),
        ("Training Epoch: 1/3, step 233/1000 completed (loss: 2.5)", 2.5, None),
        ("loss=2.5", 2.5, None),
    ],
)
def test_a_loss_in_the_description(described: str, loss: float, rate: float | None) -> None:
    """As minGPT and llama-recipes write it."""
    found = curves(Tqdm, (bar(234, 1000, "", described) + "\n").encode())
    assert found["train_loss"] == [(234, loss)]
    assert found.get("learning_rate") == (None if rate is None else [(234, rate)])


def test_steps_go_on_over_the_epochs_of_lightning() -> None:
    """Lightning counts epochs from 0, batches from 0 in each; the validation loss stays until it changes."""
    last = "v_num=10, train_loss=2.31"
    text = bar(40, 100, "v_num=10, train_loss=2.50", "Epoch 0") + bar(100, 100, last, "Epoch 0")
    text += bar(100, 100, last + ", val_loss=2.20", "Epoch 0") + bar(40, 100, last + ", val_loss=2.20", "Epoch 1")
    found = curves(Tqdm, (text + bar(100, 100, last + ", val_loss=2.10", "Epoch 1") + "\n").encode())
    assert found["train_loss"] == [(40, 2.5), (100, 2.31), (140, 2.31), (200, 2.31)]
    assert found["val_loss"] == [(100, 2.2), (200, 2.1)]


def test_of_bars_at_the_same_place_the_last_counts() -> None:
    """Lightning draws a bar with the old values first, and an empty one with the name of the epoch that ended."""
    told = "train_loss=2.50, val_loss=2.70"
    text = bar(5, 10, "train_loss=3.50", "Epoch 0") + bar(10, 10, "train_loss=3.50", "Epoch 0")
    text += bar(10, 10, "train_loss=2.50", "Epoch 0") + bar(10, 10, told, "Epoch 0") + bar(0, 10, told, "Epoch 0")
    text += bar(0, 10, told, "Epoch 1") + bar(5, 10, told, "Epoch 1") + bar(5, 10, "train_loss=1.50", "Epoch 1") + "\n"
    for lines in (None, 1, 2):
        found = curves(Tqdm, text.encode(), lines)
        assert found["train_loss"] == [(5, 3.5), (10, 2.5), (15, 1.5)]
        assert found["val_loss"] == [(10, 2.7)]
    assert not [r for r in read(Tqdm, text.encode()) if isinstance(r, Restart)]


def test_lightning_says_behind_its_bar_that_it_is_done() -> None:
    """The last line of a run."""
    text = bar(10, 10, "train_loss=2.50", "Epoch 0") + "`Trainer.fit` stopped: `max_epochs=1` reached.\n"
    assert [n.kind for n in run_of(read(Tqdm, text.encode())).notices] == ["end"]
    assert losses(text) == [(10, 2.5)]


def test_an_epoch_that_is_seen_first_gives_the_batches_before_it() -> None:
    """A log whose beginning is missing."""
    assert losses(bar(40, 100, "loss=2.5", "Epoch 3/5") + "\n") == [(240, 2.5)]
    assert losses(bar(40, 100, "v_num=1, train_loss=2.5", "Epoch 3") + "\n") == [(340, 2.5)]


def test_a_bar_that_runs_on_over_the_epochs_counts_all_steps() -> None:
    """Some loops have one bar and change its description."""
    text = bar(90, 300, "loss=2.5", "Epoch 1/3") + bar(110, 300, "loss=2.4", "Epoch 2/3")
    assert losses(text + bar(210, 300, "loss=2.3", "Epoch 3/3") + "\n") == [(90, 2.5), (110, 2.4), (210, 2.3)]


def test_bars_without_an_epoch_follow_each_other() -> None:
    """A full bar ended an epoch; one that was left half-way is a run that was begun anew."""
    text = bar(50, 100, "loss=3.0") + bar(100, 100, "loss=2.5") + "\n" + bar(50, 100, "loss=2.0") + "\n"
    assert losses(text) == [(50, 3.0), (100, 2.5), (150, 2.0)]
    again = bar(50, 100, "loss=3.0") + "\n" + bar(20, 100, "loss=2.9") + "\n"
    assert [r.step for r in read(Tqdm, again.encode()) if isinstance(r, Restart)] == [20]


def test_what_is_printed_after_an_epoch_belongs_to_its_last_step() -> None:
    """Train and Valid Loss, and the learning rate; the bar of the validation gives no point.

    The full bar's loss counts until it is known that the epoch's mean is printed too.
    """
    found = curves(Tqdm, epochs().encode())
    assert found["val_loss"] == [(100, 6.6), (200, 6.1), (300, 5.6)]
    assert found["train_loss"] == [(50, 6.5), (100, 6.0), (150, 6.0), (200, 6.0), (250, 5.5), (300, 5.5)]
    assert found["learning_rate"] == [(100, 1e-4), (200, 5e-5), (300, 3.33e-5)]
    assert facts(Tqdm, epochs().encode()) == {"planned_epochs": 3, "planned_steps": 300}


def test_printed_losses_need_no_loss_in_the_bar() -> None:
    """The bar tells where the loop is."""
    text = bar(100, 100, "", "Epoch 1/2") + "\nEpoch 1/2, train_loss: 3.5, val_loss: 3.4\n"
    found = curves(Tqdm, text.encode())
    assert (found["train_loss"], found["val_loss"]) == ([(100, 3.5)], [(100, 3.4)])


def test_a_perplexity_says_that_the_loss_is_of_a_language_model() -> None:
    """Without one nothing does."""
    assert run_of(read(Tqdm, epochs().encode())).traits.loss_unit == "nats"
    assert Tqdm.traits.loss_unit == "unknown"
    assert all("perplexity" not in str(record) for record in read(Tqdm, log()))


@pytest.mark.parametrize(
    "text",
    [
        bar(450, 1000),
        bar(4, 10, "loss=2.5", "Validation"),
        bar(4, 10, "val_loss=2.5", "Validation DataLoader 0"),
        bar(4, 10, "loss=2.5", "Sanity Checking"),
        bar(4, 10, "", "Loading checkpoint shards"),
        "Train Loss: 6.4938 - Train Perplexity: 661.02",
        "{'loss': 1.6228, 'epoch': 0.16}",
        "12/128 ━━━━━━━━━━━━━━━━━━━━ 5s 43ms/step - loss: 3.1494",
        "pbar.set_postfix(loss=loss.item())",
    ],
)
def test_look_alikes_are_not_taken_for_a_loop(text: str) -> None:
    """Bars without a loss or of a part of the validation set, other trainers, source code."""
    assert Tqdm.sniff(clean(text.encode()) + b"\n") == 0
    assert curves(Tqdm, text.encode() + b"\n") == {}


def test_cuts_junk_margins_and_noise_change_nothing() -> None:
    """The same points however the stream comes; no number out of a row that is cut; no exception."""
    for text in (log(), epochs(12).encode()):
        assert_sturdy(Tqdm, text)
        assert_survives_noise(Tqdm, text)
    assert_cut_rows_give_no_wrong_number(Tqdm, log())


@pytest.mark.skipif(not LOGS.is_dir(), reason="needs the corpus of published logs")
def test_a_published_log_of_epochs() -> None:
    """Twenty epochs of 935 batches; the first one's bar is missing, its losses stand before the second one's."""
    text = (LOGS / "slm_classic_tqdm_epochs.txt").read_bytes()
    found = curves(Tqdm, text)
    assert [step for step, _ in found["val_loss"]] == list(range(935, 20 * 935 + 1, 935))
    assert found["train_loss"][0] == (935, 7.4976)
    assert found["val_loss"][-1] == (18700, 5.3239)
