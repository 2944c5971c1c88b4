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
from logs_keras import SUMMARY, bar, bars, keras_2_bar, log, metrics, one_epoch
from raw_logs import published

from parsers.clean import clean
from parsers.formats.keras import Keras
from parsers.records import Notice, Points, Restart


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


def test_a_bar_within_an_epoch_that_looks_like_a_full_one_is_no_point() -> None:
    """In Keras 3 they differ in one number alone; many are read at once, which must not lose that number."""
    text = "".join(
        f"Epoch {epoch}/10\n" + one_epoch([4.0 - 0.1 * epoch - 0.01 * n for n in range(20)]) for epoch in range(1, 11)
    )
    expected = [(epoch, round(4.0 - 0.1 * epoch - 0.19, 4)) for epoch in range(1, 11)]
    for size in (None, 1, 40):
        assert curves(Keras, text.encode(), size)["train_loss"] == expected


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


def test_bars_of_one_epoch_are_rows_of_their_batches() -> None:
    """fit(epochs=1) prints no line of its epoch; a bar of batch N comes after N updates, with the mean so far."""
    losses = [9.0 - n / 8 for n in range(40)]
    records = read(Keras, one_epoch(losses, val_loss=5.5).encode())
    run = run_of(records)
    assert curves(Keras, one_epoch(losses, val_loss=5.5).encode()) == {
        "train_loss": [(n, loss) for n, loss in enumerate(losses, 1)],
        "val_loss": [(40, 5.5)],
        "step_seconds": [(n, 0.043) for n in range(1, 40)],
    }
    assert (run.traits.steps_count, run.traits.train_loss, run.traits.updates_at_train_row) == ("updates", "average", 0)
    assert run.facts["planned_steps"].value == 40
    assert not [r for r in records if isinstance(r, Restart)]


def test_bars_of_one_epoch_come_one_by_one() -> None:
    """The same points however many bars come at a time, and recognised before the first is full."""
    text = one_epoch([9.0 - n / 8 for n in range(60)], val_loss=2.0)
    assert_sturdy(Keras, text.encode())
    assert_survives_noise(Keras, text.encode())
    assert_cut_rows_give_no_wrong_number(Keras, clean(text.encode()))
    assert Keras.sniff(clean("".join(text.splitlines(keepends=True)[:3]).encode())) > 0.5


def test_a_time_of_few_digits_is_no_time() -> None:
    """1s/step is half a second to one and a half; 12s/step, 430us/step and 43ms/step are times."""
    for told, seconds in (("1s", None), ("9ms", None), ("12s", 12.0), ("430us", 430e-6), ("43ms", 0.043)):
        text = "".join("\r" + bar(n, 20, "1:02", metrics(3.0), told) for n in (1, 2)) + "\n"
        found = [value for _, value in curves(Keras, text.encode()).get("step_seconds", [])]
        assert found == pytest.approx([] if seconds is None else [seconds] * 2)


def test_keras_2_draws_bars_of_one_epoch_without_their_unit() -> None:
    """From batch 1 on they count batches; TF 1 counts samples, and its first bar is at the first batch's size."""
    text = "".join(keras_2_bar(n, 20, metrics(4 - n / 20)) for n in range(1, 20))
    text += "\b\r20/20 [==============================] - 9s 450ms/step - loss: 3.0000 - val_loss: 2.5\n"
    found = curves(Keras, text.encode())
    assert found["train_loss"] == [(n, round(4 - n / 20, 4)) for n in range(1, 21)]
    assert found["val_loss"] == [(20, 2.5)]
    samples = "".join(keras_2_bar(n, 640, metrics(4.0)) for n in range(32, 640, 32))
    assert curves(Keras, samples.encode()) == {}


def test_without_a_length_the_end_tells_how_long_the_epoch_was() -> None:
    """A generator without a length: N/Unknown, and the last bar has its own count for a target."""
    text = "".join(f"\r{n:7d}/Unknown 3s 43ms/step - loss: {4 - n / 8:.4f}" for n in range(1, 9))
    text += f"\r{bar(8, 8, '3s', metrics(3.0, 2.75))}\n"
    found = curves(Keras, text.encode())
    assert found["train_loss"] == [(n, 4 - n / 8) for n in range(1, 9)]
    assert found["val_loss"] == [(8, 2.75)]
    assert "planned_steps" not in facts(Keras, "".join(text.splitlines(keepends=True)[:8]).encode())


def test_evaluate_after_one_epoch_counts_for_nothing() -> None:
    """Its bars look the same; it has fewer batches."""
    fit = one_epoch([4 - n / 32 for n in range(32)])
    assert curves(Keras, (fit + one_epoch([9.0] * 8)).encode()) == curves(Keras, fit.encode())


def test_fit_with_more_batches_takes_over_from_evaluate() -> None:
    """A model may be evaluated before it is trained: what has more batches is fit(), and its run begins anew."""
    losses = [round(4 - n / 50, 4) for n in range(32)]
    fit = one_epoch(losses)
    records = read(Keras, (one_epoch([9.0] * 8) + fit).encode())
    assert len([r for r in records if isinstance(r, Restart)]) == 1
    assert run_of(records).series("train_loss").values.tolist() == losses
    assert run_of(records).facts["planned_steps"].value == 32
    after = one_epoch(losses, val_loss=3.0) + one_epoch([9.0] * 64)
    assert run_of(read(Keras, after.encode())).last_step == 32, "fit has told its validation, so this is evaluate"


def test_fit_of_one_epoch_in_a_loop_without_lines_is_counted_on() -> None:
    """Each fit(epochs=1) draws bars of as many batches; so do the steps go on."""
    text = "".join(one_epoch([4.0 - e - n / 32 for n in range(20)]) + "sampling\n" for e in range(3))
    for size in (None, 1, 7):
        found = curves(Keras, text.encode(), size)["train_loss"]
        assert found == [(20 * e + n + 1, round(4.0 - e - n / 32, 4)) for e in range(3) for n in range(20)]
    assert facts(Keras, text.encode())["planned_steps"] == 60


def test_a_line_of_an_epoch_makes_epochs_of_the_steps() -> None:
    """fit(epochs=1) and then fit(epochs=3) are two runs, and steps mean what they mean in the newest."""
    text = one_epoch([4.0] * 20) + bars([(3.5, 3.4), (3.0, 2.9), (2.5, 2.6)])
    reader = Keras()
    *fit, last = clean(text.encode()).splitlines(keepends=True)
    run = run_of([*reader.feed(b"".join(fit[:20])), *reader.feed(b"".join([*fit[20:], last]))])
    assert run.series("train_loss").steps.tolist() == [1, 2, 3]
    assert len(run.segments) == 2
    assert run.traits == Keras.traits
    half = one_epoch([4.0] * 20).splitlines(keepends=True)[10:]
    assert "planned_steps" not in facts(Keras, "".join(half).encode()), "whose beginning was not seen"


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
        "12/128 - 5s - loss: 3.1494",
        "epoch 12/128 - 5s - loss: 3.1494",
        "12/128 ━━━━━━━━━━━━━━━━━━━━ 5s 43ms/step",
        'print("128/128 - 5s - loss: 3.1494")',
        "the log said 128/128 - 5s - loss: 3.1494",
        " 45%|████▌     | 450/1000 [01:23<01:41,  5.41it/s, loss=3.21]",
        "step: 14  loss:  3.24405  grad_norm:  0.8319",
        "16/16 [==============================] - 0s 3ms/step",
    ],
)
def test_look_alikes_are_no_rows(text: str) -> None:
    """Counts without a bar, bars without a loss, other trainers, source code and prose."""
    assert Keras.sniff(clean(text.encode()) + b"\n") == 0
    assert curves(Keras, text.encode() + b"\n") == {}


def test_cuts_junk_margins_and_noise_change_nothing() -> None:
    """The same points however the stream comes; no number out of a row that is cut; no exception."""
    for text in (log(), bars([(4 - n / 20, 4.1 - n / 20) for n in range(60)]).encode()):
        assert_sturdy(Keras, text)
        assert_survives_noise(Keras, text)
    assert_cut_rows_give_no_wrong_number(Keras, log())
    assert_cut_rows_give_no_wrong_number(Keras, log().rpartition(b"Epoch")[0])


def test_a_published_log_of_several_models() -> None:
    """Keras 2 with verbose=2: every full bar is a row, each model's fit a segment; no notices from its tweets."""
    text = published("keras/keras_lstm_verbose2_readme.txt")
    records = read(Keras, text)
    run = run_of(records)
    assert Keras.sniff(clean(text)[-(256 << 10) :]) == 1
    rows = [line for line in text.splitlines() if b" - loss: " in line and b"step" in line]
    assert sum(len(r.steps) for r in records if isinstance(r, Points) and "train_loss" in r.columns) == len(rows)
    assert len(run.segments) == text.count(b"Epoch 1/")
    assert not [n for n in records if isinstance(n, Notice)]
