"""Loops of unknown make: what is taken by its name, what is left, and what is no training log at all."""

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
from logs_generic import log
from sample_logs import kinds, sample

from parsers.clean import clean
from parsers.format import Format
from parsers.formats import recognise
from parsers.formats.generic import Generic
from parsers.records import Recognised


def text(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


@pytest.mark.parametrize(
    "line",
    ["step 10 loss 3.25 lr 1e-4", "step=10 loss=3.25 lr=1e-4", "step: 10 | loss: 3.25 | lr: 1e-4",
     "Step 10/600, Loss: 3.25, lr: 1e-4", "[10/600] loss=3.25 lr=1e-4", "Iteration 10: train_loss = 3.25, lr = 1e-4",
     "2026-01-01 10:00:00,123 INFO step 10 | Train Loss: 3.25 | learning_rate 1e-4",
     "global_step 10 - loss: 3.25 - lr: 1e-4"],
)  # fmt: skip
def test_rows_by_step_are_read_however_they_are_punctuated(line: str) -> None:
    """The names decide."""
    found = curves(Generic, text(line))
    assert found["train_loss"] == [(10, 3.25)]
    assert found["learning_rate"] == [(10, 1e-4)]


def test_units_make_si() -> None:
    """Milliseconds, gibibytes, per cent; thousands commas."""
    found = curves(Generic, text("step 10 loss 3.2 | time: 512.5 ms | mem: 24.5 GiB | mfu: 41.5% | tokens/s: 18,001"))
    assert found["step_seconds"] == [(10, 0.5125)]
    assert found["memory_bytes"] == [(10, 24.5 * 2**30)]
    assert dict(found["mfu"])[10] == pytest.approx(0.415)
    assert found["tokens_per_second"] == [(10, 18001.0)]


@pytest.mark.parametrize(
    "line",
    ["step 10 policy loss: 3.2 reward: 4", "step 10 aux_loss 0.01", "step 10 accuracy 0.9", "step 10 val_acc: 3"],
)
def test_numbers_that_cannot_be_named_are_not_taken(line: str) -> None:
    """A policy loss is no training loss, and a row without a loss is none."""
    assert curves(Generic, text(line)) == {}


def test_steps_within_an_epoch_are_counted_on() -> None:
    """Where the row says how many steps an epoch has; epochs from 1 or from 0."""
    rows = [f"Epoch [{e}/3], Step [{s}/600], Loss: 0.5" for e in (1, 2, 3) for s in (200, 400, 600)]
    assert [step for step, _ in curves(Generic, text(*rows))["train_loss"]] == list(range(200, 1801, 200))
    rows = [f"epoch {e} step {s}/4 loss 0.5" for e in (0, 1) for s in (1, 2, 3, 4)]
    assert [step for step, _ in curves(Generic, text(*rows))["train_loss"]] == list(range(1, 9))


def test_rows_by_epoch_count_epochs() -> None:
    """And their traits say so, that no law takes an epoch for an update."""
    rows = text(*(f"Epoch {e}/9, Loss: {3 / e:.3f}, Val Loss: {3.1 / e:.3f}" for e in range(1, 6)))
    run = run_of(read(Generic, rows))
    assert run.series("val_loss").steps.tolist() == [1, 2, 3, 4, 5]
    assert run.traits.steps_count == "epochs"
    assert facts(Generic, rows) == {"planned_epochs": 9}


def test_the_summary_of_an_epoch_goes_with_the_step_before_it() -> None:
    """It must not send the steps back to 1."""
    rows = text(
        "step 100 loss 3.0", "step 200 loss 2.5", "Epoch 1: val_loss 2.7", "step 300 loss 2.2", "step 400 loss 2.1"
    )
    run = run_of(read(Generic, rows))
    assert len(run.segments) == 1
    assert curves(Generic, rows)["val_loss"] == [(200, 2.7)]


def test_it_says_that_it_guessed_and_what_it_took() -> None:
    """And takes the loss for a language model's only where the log speaks of one."""
    told = [r for r in read(Generic, log()) if isinstance(r, Recognised)]
    assert "guessed" in told[-1].why
    assert "train_loss" in told[-1].why
    assert told[-1].traits.loss_unit == "nats"
    unknown = [r for r in read(Generic, text("step 1 loss 3.0", "step 2 loss 2.0")) if isinstance(r, Recognised)]
    assert unknown[-1].traits.loss_unit == "unknown"


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.name)
def test_every_trainers_own_format_beats_the_guess(kind: type[Format]) -> None:
    """By the margin that recognition asks for."""
    found = recognise(clean(sample(kind)))
    assert found is not None
    assert found[0] is kind


@pytest.mark.parametrize(
    "line",
    ["At step 10 the loss of the model was 3.2 and we stopped.", 'print(f"step {step} loss {loss:.4f}")',
     "# step 10 loss 3.2",
     "    0   250    65     -    99    80     0     0  1593  1980",
     '10.0.0.1 - - [21/Nov/2026:10:00:00 +0000] "GET /loss?step=10 HTTP/1.1" 200 5123',
     "Collecting torch==2.3.0 (779.1 MB)"],
)  # fmt: skip
def test_other_text_gives_nothing(line: str) -> None:
    """Prose, code, monitors, servers and installers."""
    assert curves(Generic, text(line) * 10) == {}
    assert Generic.sniff(text(line) * 10) == 0.0


def test_cuts_junk_margins_and_noise_change_nothing() -> None:
    """The same points however the stream comes; no number out of a row that is cut; no exception."""
    assert_sturdy(Generic, log())
    assert_cut_rows_give_no_wrong_number(Generic, log())
    assert_survives_noise(Generic, log())
