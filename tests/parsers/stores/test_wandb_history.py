"""What the messages of a `.wandb` file mean: names, steps, values, config, end."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polled import curve, facts, only, poll_out
from raw_logs import CORPUS
from wandb_files import (
    HEADER,
    HISTORY,
    chunk,
    config,
    count,
    ended,
    history,
    item,
    metric,
    rows,
    run,
    text,
    varint,
    write,
)

from parsers.formats.wandb import Wandb
from parsers.records import Notice, Recognised, Restart

LOGS = CORPUS / "wandb-offline"


def test_old_clients_name_values_by_key(tmp_path: Path) -> None:
    """Rows with `key` (clients before wandb-core) read the same as rows with `nested_key`, mixed in one file too."""
    made = [history({"loss": 3.0 - n, "_step": n}, flat=bool(n % 2)) for n in range(4)]
    assert curve(poll_out(Wandb(write(tmp_path / "r.wandb", made))), "train_loss") == [(n, 3.0 - n) for n in range(4)]


def test_typed_values_and_the_step_field_are_read(tmp_path: Path) -> None:
    """A client that writes typed numbers and gives the step beside the items loses nothing; a zero is a number."""

    def zigzag(number: int) -> bytes:
        return varint(5 << 3) + varint(number << 1 ^ number >> 63)

    values = [b"\x31" + np.float64(2.5).tobytes(), zigzag(0), zigzag(-3), text(7, "words"), text(8, "NaN")]
    made = [
        text(HISTORY, text(1, text(2, "loss") + value) + text(2, count(1, 10 * n))) for n, value in enumerate(values)
    ]
    found = curve(poll_out(Wandb(write(tmp_path / "r.wandb", made))), "train_loss")
    assert found[:3] == [(0, 2.5), (10, 0.0), (20, -3.0)]
    assert [step for step, _ in found] == [0, 10, 20, 40]
    assert math.isnan(found[3][1])


def test_values_in_both_encodings_are_read_in_either_order(tmp_path: Path) -> None:
    """A typed value before or behind the JSON, or no value at all, changes nothing of the others."""
    typed = b"\x31" + np.float64(7.0).tobytes()
    name, said = text(2, "loss"), [text(16, "1.5"), typed + text(16, "1.5"), text(16, "1.5") + typed, b""]
    made = [
        text(HISTORY, text(1, name + value) + text(1, item("_step", n)))
        for n, value in enumerate([said[at] for at in (0, 1, 2, 3, 2, 1, 0)])
    ]
    found = curve(poll_out(Wandb(write(tmp_path / "r.wandb", made))), "train_loss")
    assert found == [(step, 1.5) for step in (0, 1, 2, 4, 5, 6)]


def test_nan_is_data_and_what_is_no_number_is_left_out(tmp_path: Path) -> None:
    """NaN and infinity stay, however they are spelt; words, truth values, nulls, lists and histograms give no point."""
    said = ["raw:NaN", "raw:Infinity", 'raw:"NaN"', "raw:-Infinity", "words", True, None, [1, 2], "raw:", 1.5]
    made = [history({"loss": value, "_step": n, "flag": True}) for n, value in enumerate(said)]
    made.append(text(HISTORY, text(1, item(("loss", "values"), [1.0])) + text(1, item("_step", 10))))
    found = curve(poll_out(Wandb(write(tmp_path / "r.wandb", made))), "train_loss")
    assert [step for step, _ in found] == [0, 1, 2, 3, 9]
    assert np.array_equal([v for _, v in found], [math.nan, math.inf, math.nan, -math.inf, 1.5], equal_nan=True)


def test_a_key_as_long_as_the_tag_of_a_value_is_no_trap(tmp_path: Path) -> None:
    """A name of 130 bytes has the bytes of the value's tag before it; it hides neither itself nor other values."""
    long = "train/" + "x" * 124
    made = [history({long: 9.0, "loss": float(n), "_step": n}) for n in range(3)]
    assert curve(poll_out(Wandb(write(tmp_path / "r.wandb", made))), "train_loss") == [(n, float(n)) for n in range(3)]


def test_the_users_own_step_counts(tmp_path: Path) -> None:
    """Where the code logs its iteration that is the step, a row without it belongs to the one before."""
    made = []
    for n in range(3):
        made += [history({"train/loss": 3.0, "iter": n * 100, "_step": 2 * n})]
        made += [history({"val/loss": 4.0, "_step": 2 * n + 1})]
    records = poll_out(Wandb(write(tmp_path / "r.wandb", made)))
    assert [step for step, _ in curve(records, "train_loss")] == [0, 100, 200]
    assert [step for step, _ in curve(records, "val_loss")] == [0, 100, 200]
    assert "'iter'" in only(Recognised, records)[0].why


def test_a_declared_step_counts(tmp_path: Path) -> None:
    """define_metric("*", step_metric=NAME) decides, whatever the name is, but a count of epochs is no step."""
    made = [history({"loss": 1.0, "tick": n * 7, "epoch": n, "_step": n}) for n in range(3)]
    ticks = poll_out(Wandb(write(tmp_path / "a.wandb", [metric("*", "tick"), *made])))
    assert [step for step, _ in curve(ticks, "train_loss")] == [0, 7, 14]
    epochs = poll_out(Wandb(write(tmp_path / "b.wandb", [metric("*", "epoch"), *made])))
    assert [step for step, _ in curve(epochs, "train_loss")] == [0, 1, 2]


def test_w_and_bs_own_steps_are_calls_unless_they_leave_numbers_out(tmp_path: Path) -> None:
    """_step without gaps counts calls of wandb.log ("rows"); steps 0, 50, 100 were passed by the code ("updates")."""
    kinds = []
    for stride in (1, 50):
        made = [history({"loss": 1.0, "_step": n * stride}) for n in range(4)]
        (told,) = only(Recognised, poll_out(Wandb(write(tmp_path / f"{stride}.wandb", made))))
        kinds.append(told.traits.steps_count)
    assert kinds == ["rows", "updates"]


def test_a_step_that_is_none_gives_no_point(tmp_path: Path) -> None:
    """A step that is a fraction, not finite or beyond all counting is none; before the first no row has a point."""
    said = [0.5, "raw:NaN", 3, 1e300]
    made = [history({"loss": float(n), "iter": step, "_step": n}) for n, step in enumerate(said)]
    assert curve(poll_out(Wandb(write(tmp_path / "r.wandb", made))), "train_loss") == [(3, 2.0), (3, 3.0)]


def test_config_gives_facts_and_changes_are_told(tmp_path: Path) -> None:
    """The config of the start and its updates are facts of origin config; only what changed is told again."""
    made = [run({"n_layer": 12, "_wandb": {}}, name="wide-125M"), config({"max_steps": 500}), *rows(0, 2)]
    records = poll_out(Wandb(write(tmp_path / "r.wandb", made)))
    known = facts(records)
    assert (known["n_layer"], known["planned_steps"], known["run_name"]) == (12, 500, "wide-125M")


def test_a_reward_beside_the_loss_makes_it_none_of_tokens(tmp_path: Path) -> None:
    """Nobody knows what the loss of an unknown loop is; that of reinforcement learning is no language model's."""
    units = []
    for more in ({}, {"reward": 0.5}):
        made = [run({}), history({"loss": 0.1, "_step": 0, **more})]
        told = only(Recognised, poll_out(Wandb(write(tmp_path / f"{len(more)}.wandb", made))))
        units.append(told[-1].traits.loss_unit)
    assert units == ["unknown", "other"]


@pytest.mark.parametrize(("code", "kind"), [(0, "end"), (1, "traceback"), (255, "traceback")])
def test_the_exit_record_ends_the_run(tmp_path: Path, code: int, kind: str) -> None:
    """An exit code of 0 is the end, another one an error, at the last step; nothing can come after it."""
    store = Wandb(write(tmp_path / "r.wandb", [*rows(0, 3), ended(code)]))
    (notice,) = only(Notice, poll_out(store))
    assert (notice.kind, notice.step, store.done) == (kind, 2, True)


def test_a_resumed_run_is_a_restart(tmp_path: Path) -> None:
    """The file of a resumed run begins with a Restart that says where."""
    records = poll_out(Wandb(write(tmp_path / "r.wandb", [run({}, starting_step=40), *rows(40, 43)])))
    assert [r.why for r in only(Restart, records)] == ["W&B resumed the run at its step 40"]
    assert isinstance(records[0], Recognised)
    assert [n.kind for n in only(Notice, records)] == ["resume"]


def test_the_users_steps_may_go_back(tmp_path: Path) -> None:
    """Steps of one metric that go back begin a new segment; an evaluation logged a step late does not."""
    made, row = [], 0
    for step in (*range(10), *range(4, 8)):
        made.append(history({"loss": 1.0, "step": step, "_step": row}))
        made.append(history({"val_loss": 2.0, "step": max(step - 1, 0), "_step": row + 1}))
        row += 2
    records = poll_out(Wandb(write(tmp_path / "r.wandb", made)))
    assert [(r.step, r.why) for r in only(Restart, records)] == [(4, "the steps went back from 9 to 4")]
    at = next(n for n, r in enumerate(records) if isinstance(r, Restart))
    assert [s for s, _ in curve(records[:at], "train_loss")] == list(range(10))
    assert [s for s, _ in curve(records[at:], "train_loss")] == [4, 5, 6, 7]
    assert [s for s, _ in curve(records[at:], "val_loss")] == [3, 4, 5, 6]


def test_a_damaged_message_is_left_out(tmp_path: Path) -> None:
    """A record whose checksum holds but whose bytes are no message costs itself alone, and is told once."""
    made = [*rows(0, 1), b"\xff\xff\xff", text(HISTORY, b"\xff"), *rows(1, 2)]
    records = poll_out(Wandb(write(tmp_path / "r.wandb", made)))
    assert [step for step, _ in curve(records, "train_loss")] == [0, 1]
    assert [n.kind for n in only(Notice, records)] == ["reader"]


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_random_messages_never_raise(tmp_path_factory: pytest.TempPathFactory, noise: list[bytes]) -> None:
    """Whatever bytes stand in records with true checksums, reading them raises nothing."""
    path = tmp_path_factory.mktemp("noise") / "r.wandb"
    made = [part for n, piece in enumerate(noise) for part in (text(HISTORY, piece), piece, text(5, text(1, piece)))]
    path.write_bytes(HEADER + b"".join(chunk(1, part) for part in made))
    assert isinstance(poll_out(Wandb(path))[0], Recognised)
