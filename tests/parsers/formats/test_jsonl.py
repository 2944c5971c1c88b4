"""JSON lines: what their rows become, whatever their keys, their order and their gaps."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import pytest
from format_checks import assert_sturdy, assert_survives_noise, curves, facts, read, run_of
from hypothesis import given
from hypothesis import strategies as st
from logs_jsonl import log
from polled import curve, only

from parsers.formats.jsonl import Jsonl
from parsers.formats.llamafactory import LlamaFactory
from parsers.records import Notice, Points, Recognised, Restart, Traits

Row = dict[str, object]


def lines(*rows: Mapping[str, object]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def traits(text: bytes) -> Traits:
    return ([Jsonl.traits, *(r.traits for r in only(Recognised, read(Jsonl, text)))])[-1]


def test_a_row() -> None:
    """Keys that are known are metrics in SI units; the others are left out, lists and texts too."""
    row = {"step": 10, "loss": 2.5, "betas": [0.9, 0.95], "dt_ms": 250, "run": 'a {b} "c"', "ok": True, "x": None}
    assert curves(Jsonl, lines(row)) == {"train_loss": [(10, 2.5)], "step_seconds": [(10, 0.25)]}


def test_an_object_in_the_row() -> None:
    """{"train": {"loss": 2.5}} is train/loss; what is nested deeper is left out."""
    row: Row = {"step": 1, "train": {"loss": 2.5, "deep": {"loss": 7.0}}, "val": {"loss": 2.75}}
    assert curves(Jsonl, lines(row)) == {"train_loss": [(1, 2.5)], "val_loss": [(1, 2.75)]}


def test_numbers_as_text_and_words_for_numbers() -> None:
    """The HF Trainer 5 writes numbers as strings, Python NaN and Infinity; null and true are no numbers."""
    text = lines({"step": "1", "loss": "2.346", "grad_norm": "nan"}, {"step": 2, "loss": None, "grad_norm": True})
    text += b'{"step": 3, "loss": NaN, "grad_norm": Infinity}\n{"step":4,"loss":-Infinity,"grad_norm":"n/a"}\n'
    assert curves(Jsonl, text) == {
        "train_loss": [(1, 2.346), (3, -12345.678), (4, -math.inf)],  # curves writes NaN as a number
        "grad_norm": [(1, -12345.678), (3, math.inf)],
    }


def test_every_look_of_a_row() -> None:
    """Spaces, the order of keys, integers and exponents do not matter."""
    text = b'{"step":1,"loss":2}\n{ "step" : 2 , "loss" : 2.5e0 }\n{"loss": 25E-1, "step": 3}\n'
    text += b'{"step": 4.0, "loss": 2.5}\n'
    assert curves(Jsonl, text)["train_loss"] == [(1, 2.0), (2, 2.5), (3, 2.5), (4, 2.5)]


@pytest.mark.parametrize("before", [b"INFO ", b"2026-01-01 10:00:00,123 - metrics - ", b"[rank0]: ", b"metrics: "])
def test_text_before_the_object(before: bytes) -> None:
    """A logger's prefix is passed over; code that holds such an object is none."""
    assert curves(Jsonl, before + b'{"step": 1, "loss": 2.5}\n')["train_loss"] == [(1, 2.5)]
    for code in (b'print({"step": 1, "loss": 2.5}', b'row = {"step": 1, "loss": 2.5}', b'# {"step": 1, "loss": 2.5}'):
        assert curves(Jsonl, code + b"\n") == {}


def test_lines_that_are_no_json() -> None:
    """Python's dicts, halves and objects within objects are passed over, and the rows after them read."""
    junk = (
        b'{\'step\': 1, \'loss\': 2.5}\n{"step": 2, "loss": 2.\n{}\n[1, 2]\n{"a": {"b": {}}}\n' + b"[" * 3000 + b"}\n"
    )
    assert curves(Jsonl, junk + lines({"step": 3, "loss": 2.25}))["train_loss"] == [(3, 2.25)]
    assert curves(Jsonl, b'{"a": ' + b"[" * 5000 + b"}\n" + lines({"step": 3, "loss": 2.25}))["train_loss"] == [
        (3, 2.25)
    ]


def test_it_is_sturdy() -> None:
    """Cuts, junk, other line ends and a terminal's margin change no point; random bytes raise nothing."""
    assert_sturdy(Jsonl, log())
    assert_survives_noise(Jsonl, log())


def test_a_cut_row_gives_nothing() -> None:
    """An object that does not end is no row, wherever it was cut."""
    whole = log(5)
    start = whole.rstrip().rfind(b"\n") + 1
    for end in range(start, len(whole) - 2):
        assert curves(Jsonl, whole[:end]) == curves(Jsonl, whole[:start])


values = st.floats(allow_nan=False, width=32) | st.integers(-5, 5) | st.none() | st.just("2.5") | st.text(max_size=5)
keys = st.sampled_from(
    ["loss", "train_loss", "lr", "val/loss", "eval_a_loss", "eval_b_loss", "epoch", "tokens", "é", "x y"]
)


@given(st.lists(st.dictionaries(keys, values, max_size=5), min_size=1, max_size=20), st.integers(1, 6))
def test_rows_of_any_keys(rows: list[Row], size: int) -> None:
    """However the keys change from row to row, the points do not depend on where the stream is cut."""
    text = lines(*({"step": at, **row} for at, row in enumerate(rows)))
    expected, found = read(Jsonl, text), read(Jsonl, text, size)
    for metric in {name for p in only(Points, expected) for name in p.columns}:
        assert sorted(curve(found, metric)) == sorted(curve(expected, metric))
    assert run_of(found).metrics() == run_of(expected).metrics()


def test_rows_of_the_trainers_history() -> None:
    """log_history as lines: the mean of the whole run at the end is no loss, and says that the run is over."""
    text = lines(
        {"loss": 2.5, "grad_norm": 1.5, "learning_rate": 1e-4, "epoch": 0.5, "step": 10},
        {"eval_loss": 2.6, "eval_runtime": 3.5, "epoch": 1.0, "step": 20},
        {"train_runtime": 100.5, "train_loss": 2.1, "total_flos": 1e15, "epoch": 1.0, "step": 20},
    )
    assert curves(Jsonl, text)["train_loss"] == [(10, 2.5)]
    assert curves(Jsonl, text)["val_loss"] == [(20, 2.6)]
    assert [(n.kind, n.step) for n in only(Notice, read(Jsonl, text))] == [("end", 20)]


def test_several_evaluation_sets() -> None:
    """Each is logged on a row of its own; the first is val_loss, the others by their names."""
    text = lines(*({"step": s, f"eval_{n}_loss": v} for s in (10, 20) for n, v in (("wiki", 2.5), ("code", 1.5))))
    for size in (None, 1):
        assert curves(Jsonl, lines({"step": 1, "loss": 3}) + text, size) == {
            "train_loss": [(1, 3.0)], "val_loss": [(10, 2.5), (20, 2.5)], "val_loss/code": [(10, 1.5), (20, 1.5)],
        }  # fmt: skip


def test_a_row_without_a_step_belongs_to_the_row_before() -> None:
    """Where the log counts steps; before the first step it is left out."""
    text = lines(
        {"lr": 0.1, "batch_size": 8}, {"step": 10, "loss": 2.5}, {"val_loss": 2.75}, {"step": 20, "loss": 2.25}
    )
    for size in (None, 1):
        found = curves(Jsonl, text, size)
        assert found == {"train_loss": [(10, 2.5), (20, 2.25)], "val_loss": [(10, 2.75)]}


def test_logs_without_steps() -> None:
    """Whole epochs count, else the rows."""
    epochs = lines({"epoch": 1, "train_loss": 2.5}, {"epoch": 2, "train_loss": 2.25})
    rows = lines({"train_loss": 2.5, "lr": 0.1}, {"other": 1}, {"train_loss": 2.25, "lr": 0.1})
    for size in (None, 1):
        assert (
            curves(Jsonl, epochs, size)["train_loss"]
            == curves(Jsonl, rows, size)["train_loss"]
            == [(1, 2.5), (2, 2.25)]
        )
    assert (traits(epochs).steps_count, traits(rows).steps_count, traits(log()).steps_count) == (
        "epochs", "rows", "updates",
    )  # fmt: skip


def test_the_trainers_step_comes_before_the_trackers() -> None:
    """An export of W&B counts its own calls in _step; rows that lack the trainer's step keep the last one."""
    text = lines({"_step": 0, "train/global_step": 100, "train/loss": 2.5}, {"_step": 1, "eval/loss": 2.75})
    assert curves(Jsonl, text) == {"train_loss": [(100, 2.5)], "val_loss": [(100, 2.75)]}


def test_steps_that_go_back_are_a_restart() -> None:
    """A run that was resumed from a checkpoint repeats steps."""
    text = lines(*({"step": s, "loss": 3.0} for s in (0, 10, 20, 10, 20)))
    for size in (None, 1, 2):
        assert [r.step for r in only(Restart, read(Jsonl, text, size))] == [10]


def test_the_plan() -> None:
    """max_steps in a row is the planned number of steps."""
    assert facts(Jsonl, lines({"step": 1, "max_steps": 500, "loss": 2.5})) == {"planned_steps": 500}
    assert facts(Jsonl, lines({"max_steps": 500, "other": 1}, {"step": 1, "loss": 2.5})) == {}


def test_what_the_keys_tell() -> None:
    """Tokens and perplexity are of text, rewards of reinforcement learning, a loss alone of anything."""
    row: Row = {"step": 1, "loss": 2.5}
    assert traits(lines(row)).loss_unit == "unknown"
    assert traits(lines({**row, "num_tokens": 5})).loss_unit == "nats"
    assert traits(lines({**row, "num_tokens": 5, "reward": 0.5})).loss_unit == "other"


def test_more_kinds_of_rows_than_are_learned() -> None:
    """A hundred kinds of rows are all read."""
    rows = [{"step": n, **{f"k{i}": i for i in range(n % 100)}, "loss": 2.5} for n in range(300)]
    assert curves(Jsonl, lines(*rows))["train_loss"] == [(n, 2.5) for n in range(300)]


@pytest.mark.parametrize(
    "text",
    [
        b'{"text": "loss of step 10", "id": 1}\n{"text": "x", "id": 2}\n',
        b'{"status": 200, "path": "/loss", "latency_ms": 12.5, "time": "2026-01-01"}\n',
        b'{"loss": 2.5}\n',
        b'{"epoch": 3, "learning_rate": 0.1}\n',
        b':::MLLOG {"namespace": "", "time_ms": 1, "key": "eval_accuracy", "value": 0.9}\n',
        b"{'loss': 2.5, 'step': 10, 'lr': 0.1}\n",
        b"",
    ],
)
def test_other_json_is_not_recognised(text: bytes) -> None:
    """Data sets, web logs, MLPerf's events and Python's dicts are no log of this kind."""
    assert Jsonl.sniff(text) < 0.3


def test_it_is_recognised_by_its_keys() -> None:
    """More rows make it surer, and LLaMA-Factory is none of it."""
    assert 0.3 <= Jsonl.sniff(lines({"step": 1, "loss": 2.5})) < Jsonl.sniff(log()) <= 0.65
    assert LlamaFactory.sniff(log()) == 0
