"""Levanter's progress lines, what three digits leave of a step, and its evaluations."""

from __future__ import annotations

import pytest
from format_checks import (
    assert_cut_rows_give_no_wrong_number,
    assert_sturdy,
    assert_survives_noise,
    curves,
    facts,
    read,
)
from logs_levanter import START, head, log, row

from parsers.formats.levanter import Levanter
from parsers.records import Notice, Restart

ROW = "Progress on:train 1.23kit/10.0kit rate:1.2it/s remaining:2:01:48 elapsed:17:05 postfix:loss=3.21\n"


def shown(text: str) -> dict[str, list[tuple[int, float]]]:
    """What is read of a text, without times."""
    return {name: points for name, points in curves(Levanter, text.encode()).items() if name != "wall_seconds"}


def test_a_line_gives_its_loss_at_its_step_and_the_seconds_of_a_step() -> None:
    """1.23kit are 1230 updates; iterations a second are the seconds of one."""
    assert shown(ROW) == {"train_loss": [(1230, 3.21)], "step_seconds": [(1230, pytest.approx(1 / 1.2))]}
    assert facts(Levanter, ROW.encode()) == {"planned_steps": 10_000}


def test_slow_steps_are_printed_as_seconds_an_iteration() -> None:
    """Newer versions turn the rate around; a rate of 0.3it/s has too few digits."""
    slow = "Progress on:train 19.0it/70.0it rate:76.8s/it remaining:1:05:15 elapsed:31:40 postfix:loss=15.5\n"
    assert shown(slow) == {"train_loss": [(19, 15.5)], "step_seconds": [(19, 76.8)]}
    assert shown(slow.replace("76.8s/it", "0.3it/s")) == {"train_loss": [(19, 15.5)]}


def test_the_lines_that_people_pasted_are_read() -> None:
    """Of Marin's runs of 2026; the first, before any update, counts in plain numbers."""
    text = (
        "Progress on:train -/18 rate:- remaining:? elapsed:00:00 postfix:-\n"
        "Progress on:train 11.0it/18.0it rate:34.5s/it remaining:04:01 elapsed:17:46 postfix:loss=15.5\n"
        "I20260309 02:49:42 140 levanter.checkpoint Saving checkpoint at step 18\n"
    )
    assert shown(text) == {"train_loss": [(11, 15.5)], "step_seconds": [(11, 34.5)]}
    assert facts(Levanter, text.encode()) == {"planned_steps": 18}
    assert [r.kind for r in read(Levanter, text.encode()) if isinstance(r, Notice)] == ["checkpoint"]


@pytest.mark.parametrize(
    "before",
    ["", head(0), "(train_lm pid=4211, ip=10.130.0.9) " + head(0), "I 2025-09-10 tqdm_loggable.tqdm_logging "],
)
def test_a_line_is_found_behind_what_loggers_print(before: str) -> None:
    """Levanter's own layout, Ray's processes, and launchers that name the logger only."""
    assert shown(before + ROW)["train_loss"] == [(1230, 3.21)]


def test_lines_that_show_the_same_step_count_once() -> None:
    """Three digits hide that the run went on; nothing restarts."""
    text = ROW + ROW.replace("3.21", "3.19") + ROW.replace("1.23k", "1.24k").replace("3.21", "3.18")
    assert shown(text)["train_loss"] == [(1230, 3.21), (1240, 3.18)]
    assert not [r for r in read(Levanter, text.encode()) if isinstance(r, Restart)]


def test_a_start_and_other_bars_give_no_points() -> None:
    """Before the first update nothing is known; evaluations and loaders have bars too."""
    assert shown(START) == {}
    for name in ("Evaluating", "Loading weights", ""):
        assert shown(ROW.replace("on:train", f"on:{name}")) == {}


def test_evaluations_belong_to_the_line_before_them() -> None:
    """The mean over all sets is val_loss, single sets go by their names, means over sets are left out."""
    found = shown(log(40).decode())
    assert [step for step, _ in found["val_loss"]] == [1800, 3600]
    assert [step for step, _ in found["val_loss/paloma/c4_en"]] == [1800, 3600]
    assert not [name for name in found if "macro" in name]
    old = ROW + head(0, "levanter.callbacks - callbacks.py:88") + "validation loss: 3.301\n"
    assert shown(old)["val_loss"] == [(1230, 3.301)]


def test_a_resumed_run_and_checkpoints_are_noticed() -> None:
    """Steps that go back open a segment."""
    records = read(Levanter, (ROW + head(0, "levanter.main.train_lm") + "Resuming training from step 1000\n").encode())
    assert [r.kind for r in records if isinstance(r, Notice)] == ["resume"]
    assert [r.step for r in read(Levanter, log(20) + log(5)) if isinstance(r, Restart)] == [90]
    assert {r.kind for r in read(Levanter, log(40)) if isinstance(r, Notice)} == {"checkpoint"}


def test_look_alikes_give_nothing() -> None:
    """The source of the logger, prose, and openpi's bars, which name no training."""
    for text in (
        '"Progress on:%s %s/%s rate:%s remaining:%s elapsed:%s postfix:%s",\n',
        "look for `Progress on:train 1.00it/850it rate:- remaining:? elapsed:00:00 postfix:loss=3.2`\n",
        "Progress on: 326it/3.00kit rate:1.4s/it remaining:1:04:17 elapsed:09:13 postfix:-\n",
    ):
        assert shown(text * 20) == {}
        assert Levanter.sniff((text * 20).encode()) == 0


def test_a_loss_that_is_no_number_is_data() -> None:
    """NaN is what the run had."""
    assert len(shown(ROW.replace("3.21", "nan"))["train_loss"]) == 1


def test_the_start_tells_the_padded_vocabulary() -> None:
    """Levanter prints it where it pads it."""
    assert facts(Levanter, START.encode()) == {"vocab_size": 50272}


def test_cuts_junk_margins_and_noise_change_nothing() -> None:
    """The same points however the stream comes; no number out of a row that is cut; no exception."""
    assert_sturdy(Levanter, log())
    assert_cut_rows_give_no_wrong_number(Levanter, log())
    assert_cut_rows_give_no_wrong_number(Levanter, (START + row(10, 99, 3.2, 9) + row(20, 99, 3.21, 20)).encode())
    assert_survives_noise(Levanter, log())
