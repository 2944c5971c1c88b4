"""What the commands take for a log: a pipe, a compressed file, a directory, a store, several at once, or nothing."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_store import MAGIC, know_these
from typed_commands import ROOT, log_text, refusal, run

from tui.cli import main
from tui.reading import ReplayReading


def test_without_a_terminal_watching_prints_one_frame_and_how_to_watch(log: Path) -> None:
    """In a pipe, in CI, in an editor."""
    done = run(str(log), stdin="")

    assert done.returncode == 0
    assert "step 400" in done.stdout
    assert "Watch it live in a terminal" in done.stdout
    assert "\x1b" not in done.stdout


def test_standard_input_is_read_to_its_end(log: Path) -> None:
    """A pipe is as good as a file."""
    done = run("diagnose", "-", "--json", stdin=log.read_text())

    assert json.loads(done.stdout)["run"]["step"]["last"] == 400


def test_a_compressed_log_is_read_as_it_is(log: Path) -> None:
    """By its first bytes, not by its name."""
    packed = log.with_name("packed")
    packed.write_bytes(gzip.compress(log.read_bytes()))

    assert json.loads(run("diagnose", str(packed), "--json").stdout)["run"]["step"]["last"] == 400


def test_without_a_path_the_newest_training_log_is_taken_and_named(log: Path) -> None:
    """It says which one and why; newer files of another kind are passed over."""
    old, other = log.with_name("old.log"), log.with_name("notes.txt")
    old.write_text(log_text(100))
    os.utime(old, (time.time() - 5000, time.time() - 5000))
    other.write_text("buy milk\n")

    done = run(cwd=log.parent, stdin="")

    assert done.returncode == 0
    assert "train.log: the newest training log" in done.stderr
    assert "step 400" in done.stdout


@pytest.mark.parametrize("command", ["diagnose", "watch", "replay"])
def test_of_a_directory_the_newest_run_is_read_and_named(command: str, log: Path) -> None:
    """In one line on standard error, so that standard output stays what it is."""
    older = log.with_name("other") / "train.log"
    older.parent.mkdir()
    older.write_text(log_text(100).replace("2.0", "9.0").replace("loss 2", "loss 4"))
    os.utime(older, (time.time() - 5000, time.time() - 5000))

    done = run(command, str(log.parent))

    assert done.returncode == 0
    assert len(done.stderr.splitlines()) == 1
    assert f"{log}: the newest training log below" in done.stderr
    assert "1 other run is there" in done.stderr
    assert "step 400" in done.stdout


def test_a_store_is_diagnosed_as_a_log_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though it is binary; by its folder too."""
    know_these(monkeypatch)
    path = tmp_path / "tb" / "events.out.tfevents.1.host"
    path.parent.mkdir()
    path.write_bytes(MAGIC + b"".join(b"%d 2.5\n" % step for step in range(300)))

    assert main(["diagnose", str(path), "--json"]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert (tree["run"]["format"], tree["run"]["step"]["last"]) == ("tensorboard", 299)
    assert main(["diagnose", str(path.parent)]) == 0
    assert "Events" in capsys.readouterr().out


def test_a_replay_of_a_pipe_leaves_the_keys_to_the_terminal(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log comes from the descriptor that was freed for it; without that no key would end the replay."""
    shown: list[float] = []

    def show(reading: ReplayReading, *_: object, **__: object) -> int:
        shown.append(reading.clock.duration_seconds)
        return 0

    with log.open("rb") as file:
        monkeypatch.setattr("tui.terminal.has_screen", lambda: True)
        monkeypatch.setattr("tui.terminal.keys_from_terminal", lambda: os.dup(file.fileno()))
        monkeypatch.setattr("tui.session.show", show)
        assert main(["replay", "-"]) == 0
    assert shown == pytest.approx([24.0], rel=0.01)


def test_several_paths_are_compared(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON each run whole and the comparison; as text a table."""
    other = log.with_name("other.log")
    other.write_text(log_text(300).replace("n_embd = 96", "n_embd = 48"))

    assert main(["diagnose", str(log), str(other), "--json"]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert [one["path"] for one in tree["runs"]] == [str(log), str(other)]
    assert tree["comparison"]["facts"]["n_embd"] == [96, 48]
    assert tree["comparison"]["losses"][0]["at_step"]["step"] == 300
    assert main(["diagnose", str(log), str(other), "--until", "100"]) == 0
    assert "at step 100" in capsys.readouterr().out


def test_of_several_paths_any_can_fail_it(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A finding of one run is exit code 1; one path that cannot be read is 2, with its name and nothing printed."""
    assert main(["diagnose", str(log), str(log), "--fail-on", "info"]) == 1
    capsys.readouterr()

    assert "nope.log" in refusal(capsys, "diagnose", str(log), str(tmp_path / "nope.log"))
    assert "read once" in refusal(capsys, "diagnose", "-", "-")
    assert "watched alone" in refusal(capsys, "watch", "-", str(log))


def test_without_a_terminal_the_first_of_several_is_shown_and_the_rest_is_named(log: Path) -> None:
    """With the command that compares them."""
    other = log.with_name("other.log")
    other.write_text(log_text(300))

    done = run(str(log), str(other), stdin="")

    assert done.returncode == 0
    assert "step 400" in done.stdout
    assert f"one frame of {log}" in done.stdout
    assert f"diagnose {log} {other}" in done.stdout


def test_a_reader_that_leaves_is_no_error(log: Path) -> None:
    """Piping into head is common; here the reader is gone before the first line is written."""
    command = f"'{sys.executable}' -m tui.cli diagnose '{log}' | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT, check=False)

    assert (done.stdout, done.stderr) == ("0\n", "")
