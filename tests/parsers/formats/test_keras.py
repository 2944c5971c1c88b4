"""Keras' lines of fit(): an epoch is a step, and only full bars count."""

from __future__ import annotations

import math

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
from logs_keras import SUMMARY, bars, log, metrics
from raw_logs import CORPUS

from parsers.clean import clean
from parsers.formats.keras import Keras
from parsers.records import Notice, Points, Restart

LOGS = CORPUS / "keras"


@pytest.mark.parametrize(
    "line",
    [
        "128/128 - 5s - 43ms/step - accuracy: 0.1463 - loss: 3.1494 - val_loss: 3.0517",
        "128/128 - 5s - loss: 3.1494 - accuracy: 0.1463 - val_loss: 3.0517 - 5s/epoch - 43ms/step",
        "128/128 - 5s - loss: 3.1494 - val_loss: 3.0517",
        "128/128 [==============================] - 5s 43ms/step - loss: 3.1494 - val_loss: 3.0517",
        "25000/25000 [==============================] - 5s 200us/sample - loss: 3.1494 - val_loss: 3.0517",
        " - 5s - loss: 3.1494 - val_loss: 3.0517",
        "128/128 ━━━━━━━━━━━━━━━━━━━━ 5s 43ms/step - accuracy: 0.1463 - loss: 3.1494 - val_loss: 3.0517",
    ],
)
def test_a_row_of_each_version(line: str) -> None:
    """Keras 3, Keras 2 and older ones, with bars and with verbose=2."""
    assert curves(Keras, f"Epoch 3/100\n{line}\n".encode()) == {
        "train_loss": [(3, 3.1494)],
        "val_loss": [(3, 3.0517)],
        "step_seconds": [(3, 5.0)],
    }


def test_of_bars_that_are_drawn_over_each_other_only_full_ones_count() -> None:
    """The running mean within an epoch is no point; the validation comes with the last bar."""
    found = curves(Keras, bars([(3.5, 3.4), (3.0, 2.9), (2.5, 2.6)]).encode())
    assert found["train_loss"] == [(1, 3.5), (2, 3.0), (3, 2.5)]
    assert found["val_loss"] == [(1, 3.4), (2, 2.9), (3, 2.6)]
    assert found["step_seconds"] == [(1, 5.0), (2, 5.0), (3, 5.0)]


def test_what_evaluate_draws_is_no_row() -> None:
    """Its bar has the same names and belongs to no epoch."""
    text = bars([(3.5, 3.4), (3.0, 2.9)]) + "16/16 ━━━━━━━━━━━━━━━━━━━━ 0s 3ms/step - accuracy: 0.2 - loss: 9.0\n"
    assert curves(Keras, text.encode())["train_loss"] == [(1, 3.5), (2, 3.0)]


def test_a_small_and_a_missing_number() -> None:
    """Below 1e-3 Keras prints an exponent; NaN is data; 0 s is no time."""
    text = f"Epoch 1/2\n5/5 - 0s - 1ms/step{metrics(5e-4)}\nEpoch 2/2\n5/5 - 0s - 1ms/step - loss: nan\n"
    run = run_of(read(Keras, text.encode()))
    values = run.series("train_loss").values.tolist()
    assert values[0] == 5e-4
    assert math.isnan(values[1])
    assert "step_seconds" not in run.metrics()


def test_a_long_epoch_is_a_row() -> None:
    """The last bar but one shows what is left of it, in hours and minutes too."""
    line = "128/128 ━━━━━━━━━━━━━━━━━━━━ 1:02:03 43s/step - loss: 3.1494\n"
    assert curves(Keras, b"Epoch 1/2\n" + line.encode())["train_loss"] == [(1, 3.1494)]


def test_the_learning_rate_of_a_callback() -> None:
    """ReduceLROnPlateau adds it: lr in Keras 2, learning_rate in Keras 3."""
    for name in ("lr", "learning_rate"):
        text = f"Epoch 1/9\n5/5 - 2s - 1ms/step - loss: 2.5 - {name}: 1.0000e-04\n"
        assert curves(Keras, text.encode())["learning_rate"] == [(1, 1e-4)]


def test_two_calls_of_fit_are_two_segments() -> None:
    """The epochs begin at 1 again."""
    records = read(Keras, log(5) + log(4))
    assert len([r for r in records if isinstance(r, Restart)]) == 1
    assert run_of(records).last_step == 4


def test_fit_of_one_epoch_in_a_loop_is_counted_on() -> None:
    """Old examples call fit(epochs=1) again and again; each prints Epoch 1/1."""
    text = "".join(f"Epoch 1/1\n - 5s - loss: {4 - n / 2}\n" for n in range(4))
    assert curves(Keras, text.encode())["train_loss"] == [(1, 4.0), (2, 3.5), (3, 3.0), (4, 2.5)]
    assert "planned_epochs" not in facts(Keras, text.encode())


def test_the_summary_and_the_epochs_are_facts() -> None:
    """All parameters, and how many epochs are planned."""
    assert facts(Keras, log(5)) == {"parameters": 39_344, "planned_epochs": 5}
    assert facts(Keras, SUMMARY.replace("Total", "Trainable").encode()) == {}
    assert [n.kind for n in run_of(read(Keras, log(5))).notices] == ["checkpoint", "end"]


def test_a_loss_is_a_language_loss_where_a_perplexity_says_so() -> None:
    """Most models of Keras are no language models."""
    assert run_of(read(Keras, log(3))).traits.loss_unit == "unknown" or Keras.traits.loss_unit == "unknown"
    text = b"Epoch 1/2\n5/5 - 2s - 1ms/step - loss: 2.5 - perplexity: 12.1825\n"
    assert run_of(read(Keras, text)).traits.loss_unit == "nats"


@pytest.mark.parametrize(
    "text",
    [
        "Epoch 3/100",
        "12/128 ━━━━━━━━━━━━━━━━━━━━ 5s 43ms/step - loss: 3.1494",
        "128/128 [==============================] - ETA: 0s - loss: 3.1494",
        'print("128/128 - 5s - loss: 3.1494")',
        "the log said 128/128 - 5s - loss: 3.1494",
        " 45%|████▌     | 450/1000 [01:23<01:41,  5.41it/s, loss=3.21]",
        "step: 14  loss:  3.24405  grad_norm:  0.8319",
        "16/16 [==============================] - 0s 3ms/step",
    ],
)
def test_look_alikes_are_no_rows(text: str) -> None:
    """Bars that are not full, other trainers, source code and prose."""
    assert Keras.sniff(clean(text.encode()) + b"\n") == 0
    assert curves(Keras, text.encode() + b"\n") == {}


def test_cuts_junk_margins_and_noise_change_nothing() -> None:
    """The same points however the stream comes; no number out of a row that is cut; no exception."""
    for text in (log(), bars([(4 - n / 20, 4.1 - n / 20) for n in range(60)]).encode()):
        assert_sturdy(Keras, text)
        assert_survives_noise(Keras, text)
    assert_cut_rows_give_no_wrong_number(Keras, log())
    assert_cut_rows_give_no_wrong_number(Keras, log().rpartition(b"Epoch")[0])


@pytest.mark.skipif(not LOGS.is_dir(), reason="needs the corpus of published logs")
def test_a_published_log_of_several_models() -> None:
    """Keras 2 with verbose=2: every full bar is a row, each model's fit a segment; no notices from its tweets."""
    text = (LOGS / "keras_lstm_verbose2_readme.txt").read_bytes()
    records = read(Keras, text)
    run = run_of(records)
    assert Keras.sniff(clean(text)[-(256 << 10) :]) == 1
    rows = [line for line in text.splitlines() if b" - loss: " in line and b"step" in line]
    assert sum(len(r.steps) for r in records if isinstance(r, Points) and "train_loss" in r.columns) == len(rows)
    assert len(run.segments) == text.count(b"Epoch 1/")
    assert not [n for n in records if isinstance(n, Notice)]
