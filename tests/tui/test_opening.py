from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tui.errors import UserError
from tui.opening import newest_log, open_log, refuse_what_stays_unknown, whole
from tui.options import Options

LOG = "tokens per iteration will be: 1,152\n" + "".join(
    f"iter {i}: loss {3 + 1 / (i + 1):.4f}, time 60.00ms, mfu 1.00%\n" for i in range(20)
)


def aged(path: Path, seconds: float, text: str = LOG) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (time.time() - seconds, time.time() - seconds))
    return path


def test_a_directory_is_refused_with_the_log_in_it(tmp_path: Path) -> None:
    """The hint can be typed."""
    log = aged(tmp_path / "train.log", 0)

    with pytest.raises(UserError, match="is a directory") as refused:
        open_log(str(tmp_path), Options(), may_wait=True)
    assert str(log) in str(refused.value)


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

    found, why = newest_log(tmp_path)

    assert found == wanted
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
