from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from fake_store import MAGIC, Events, know_these

from parsers.records import Points
from parsers.sources import LogFile
from tui.errors import UserError
from tui.opening import newest_run, open_log, refuse_what_stays_unknown, whole
from tui.options import Options

LOG = "tokens per iteration will be: 1,152\n" + "".join(
    f"iter {i}: loss {3 + 1 / (i + 1):.4f}, time 60.00ms, mfu 1.00%\n" for i in range(20)
)


def aged(path: Path, seconds: float, text: str = LOG) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (time.time() - seconds, time.time() - seconds))
    return path


def test_of_a_directory_the_newest_run_is_taken_and_the_others_are_counted(tmp_path: Path) -> None:
    """It says which one and why."""
    aged(tmp_path / "a" / "train.log", 900)
    aged(tmp_path / "b" / "train.log", 100, LOG.replace("loss 3", "loss 5"))
    wanted = aged(tmp_path / "c" / "train.log", 5, LOG.replace("loss 3", "loss 4"))

    opened = open_log(str(tmp_path), Options(), may_wait=True)

    assert opened.path == wanted
    assert opened.source.label == str(wanted)
    assert opened.why is not None
    assert "the newest training log below" in opened.why
    assert "nanoGPT prints" in opened.why
    assert opened.why.endswith("; 2 other runs are there")


def test_a_directory_without_a_run_is_refused_with_what_it_holds(tmp_path: Path) -> None:
    """A checkpoint's folder is a common mistake."""
    with pytest.raises(UserError, match="no training log in this directory"):
        open_log(str(tmp_path), Options(), may_wait=True)
    (tmp_path / "ckpt.pt").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"holds ckpt\.pt but no training log"):
        open_log(str(tmp_path), Options(), may_wait=True)
    with pytest.raises(UserError, match="no nanogpt run"):
        open_log(str(tmp_path), Options(format="nanogpt"), may_wait=True)


@pytest.fixture
def event_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A binary file that a store knows."""
    know_these(monkeypatch)
    path = tmp_path / "tb" / "events.out.tfevents.1.host"
    path.parent.mkdir()
    path.write_bytes(MAGIC + b"".join(b"%d 2.5\n" % step for step in range(300)))
    return path


def test_a_store_is_read_whole_though_it_gives_nothing_at_first(event_file: Path) -> None:
    """It says itself when it has caught up; it is closed then, and no process is looked for that has it open."""
    opened = open_log(str(event_file), Options(), may_wait=False)
    records = [record for block in whole(opened) for record in block]

    assert isinstance(opened.source, Events)
    assert opened.log is None
    assert opened.source.closed
    assert sum(len(record.steps) for record in records if isinstance(record, Points)) == 300


def test_a_folder_that_is_a_store_is_taken_as_one(event_file: Path) -> None:
    """Its label is the folder."""
    opened = open_log(str(event_file.parent), Options(), may_wait=False)

    assert isinstance(opened.source, Events)
    assert opened.path == event_file.parent


def test_a_format_that_was_named_decides_between_store_and_log(event_file: Path) -> None:
    """The user knows better, also of a path that is not there yet; a pipe cannot be a store."""
    forced = open_log(str(event_file.with_name("new")), Options(format="tensorboard"), may_wait=True)

    assert isinstance(forced.source, Events)
    assert isinstance(open_log(str(event_file), Options(format="nanogpt"), may_wait=True).source, LogFile)
    with pytest.raises(UserError, match="not on standard input"):
        open_log("-", Options(format="tensorboard"), may_wait=True)


def test_a_store_that_cannot_be_read_is_refused(event_file: Path) -> None:
    """By its own line."""
    opened = open_log(str(event_file), Options(), may_wait=False)
    event_file.unlink()

    with pytest.raises(UserError, match="is gone"):
        list(whole(opened))


def test_a_missing_file_is_waited_for_only_where_its_directory_is(tmp_path: Path) -> None:
    """A typing error in the directory shows at once."""
    assert open_log(str(tmp_path / "new.log"), Options(), may_wait=True).path == tmp_path / "new.log"
    with pytest.raises(UserError, match="no such file"):
        open_log(str(tmp_path / "nowhere" / "new.log"), Options(), may_wait=True)


def test_the_newest_log_is_found_below_and_others_are_passed_over(tmp_path: Path) -> None:
    """Not the newest file: the newest training log."""
    aged(tmp_path / "old" / "train.log", 900)
    wanted = aged(tmp_path / "runs" / "b" / "train.txt", 100)
    aged(tmp_path / "notes.txt", 0, "buy milk\n")
    aged(tmp_path / ".hidden" / "train.log", 0)
    aged(tmp_path / "model.py", 0)

    found, why = newest_run(tmp_path)

    assert found.path == wanted
    assert "newest training log" in why


def test_whole_gives_every_point_once_and_closes(tmp_path: Path) -> None:
    """Also the last line without its end."""
    path = tmp_path / "train.log"
    path.write_text(LOG[:-1])
    records = [r for block in whole(open_log(str(path), Options(), may_wait=False)) for r in block]

    assert sum(len(r.steps) for r in records if hasattr(r, "steps")) == 20


@pytest.mark.parametrize(
    ("text", "age", "refused"),
    [
        ("Call me Ishmael.\n" * 20, 3600, True),
        ("Call me Ishmael.\n" * 20, 5, False),
        ("", 3600, False),
        (LOG, 3600, False),
    ],
    ids=["old prose", "fresh prose", "empty", "a log"],
)
def test_only_what_will_never_be_a_log_is_refused(tmp_path: Path, text: str, age: float, refused: bool) -> None:
    """A job that just began may print anything before its first step."""
    path = aged(tmp_path / "some.txt", age, text)
    if refused:
        with pytest.raises(UserError, match="no training log"):
            refuse_what_stays_unknown(path, Options())
    else:
        refuse_what_stays_unknown(path, Options())
    assert path.exists()


def test_a_format_that_was_named_is_believed(tmp_path: Path) -> None:
    """The user knows what the file will become."""
    path = aged(tmp_path / "some.txt", 3600, "Call me Ishmael.\n" * 20)
    refuse_what_stays_unknown(path, Options(format="nanogpt"))

    with pytest.raises(UserError):
        refuse_what_stays_unknown(path, Options())


def test_a_pipe_with_a_name_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    """Opening it would hang for ever."""
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(UserError, match="pipe"):
        list(whole(open_log(str(tmp_path / "pipe"), Options(), may_wait=False)))
