"""What the commands refuse, in one line that says why: rubbish, typing errors, and faults of our own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typed_commands import refusal, run

from tui.cli import main


@pytest.mark.parametrize("command", ["diagnose", "watch", "replay"])
def test_rubbish_is_refused_in_one_line_that_names_the_path(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A directory, a binary, prose, one endless line."""
    binary, prose, endless = (tmp_path / n for n in ("model.pt", "novel.txt", "endless.json"))
    binary.write_bytes(bytes(range(256)) * 400)
    prose.write_text("It was the best of times, it was the worst of times.\n" * 50)
    endless.write_text("x" * 30_000_000)

    for path in (tmp_path, binary, prose, endless):
        assert path.name in refusal(capsys, command, str(path))


@pytest.mark.parametrize("command", ["diagnose", "replay"])
def test_a_missing_file_is_refused_where_nothing_is_waited_for(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A typing error shows at once."""
    assert "no such file" in refusal(capsys, command, str(tmp_path / "nope.log"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_says_so(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the mend."""
    log.chmod(0)

    assert "may not be read" in refusal(capsys, "diagnose", str(log))


def test_a_wrong_flag_or_value_is_one_line(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And not argparse's page."""
    assert "--nonsense" in refusal(capsys, "diagnose", str(log), "--nonsense")
    assert "no step" in refusal(capsys, "diagnose", str(log), "--until", "soon")
    assert "no step" in refusal(capsys, "diagnose", str(log), "--until", "-5")
    assert "no loss" in refusal(capsys, "diagnose", str(log), "--target", "-3.5")
    assert "no loss" in refusal(capsys, "diagnose", str(log), "--target", "nan")
    assert "no such format" in refusal(capsys, "diagnose", str(log), "--format", "nope")
    assert "--gpu" in refusal(capsys, "diagnose", str(log), "--gpu", "Voodoo 2")
    assert "H100" in refusal(capsys, "diagnose", str(log), "--gpu", "h100")


def test_a_config_that_cannot_be_read_is_one_line(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own path is named."""
    assert "nope.py" in refusal(capsys, "diagnose", str(log), "--config", str(tmp_path / "nope.py"))


@pytest.mark.parametrize("config", ["", "a: &a [x]\nb: [*a, *a]\n", "services: {web: {image: nginx}}\n"])
def test_a_config_that_says_nothing_known_is_one_line(
    config: str, log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who names it believes that it says something."""
    path = tmp_path / "c.yaml"
    path.write_text(config)
    assert "c.yaml holds no setting that is known here" in refusal(capsys, "diagnose", str(log), "--config", str(path))


def test_an_empty_path_is_not_this_directory(capsys: pytest.CaptureFixture[str]) -> None:
    """As "$LOG" is where nobody set it."""
    for command in ("watch", "diagnose", "replay", "plan"):
        assert "an empty path names nothing" in refusal(capsys, command, "")


def test_a_mistyped_command_is_not_waited_for(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It would be a file that may still come."""
    assert "did you mean traintop diagnose?" in refusal(capsys, "diagnos", str(log))


def test_numbers_that_no_run_has_are_one_line(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the bounds or an example."""
    assert "no step" in refusal(capsys, "replay", str(log), "--from", "-5")
    assert "from 0.01 to 1e6" in refusal(capsys, "replay", str(log), "--speed", "0")
    assert "no loss" in refusal(capsys, "diagnose", str(log), "--target", "1e308")
    assert "from 0.01 to 86,400" in refusal(capsys, "bench", "--seconds", "1e300")


def test_a_target_is_of_one_log(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A comparison has no place for it."""
    assert "--target is answered for one log" in refusal(capsys, "diagnose", str(log), str(log), "--target", "3.5")


def test_a_format_that_finds_nothing_is_said(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The log may still be about to begin, so that it is no refusal."""
    assert main(["diagnose", str(log), "--format", "megatron"]) == 0
    assert "--format megatron finds no numbers in it so far" in capsys.readouterr().err
    assert main(["diagnose", str(log), "--format", "nanogpt"]) == 0
    assert capsys.readouterr().err == ""


def test_an_unknown_finding_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    """A typing error in explain."""
    assert "did you mean loss-spike?" in refusal(capsys, "explain", "loss-spik")


def test_no_log_here_is_one_line(tmp_path: Path) -> None:
    """With what to type instead."""
    done = run(cwd=tmp_path, stdin="")

    assert done.returncode == 2
    assert "no training log below" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_fault_of_our_own_is_one_line_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever wants the traceback asks for it."""

    def broken(*_: object) -> None:
        raise RuntimeError("boom\nsecond line")

    monkeypatch.setattr("diagnosis.rules.diagnose", broken)

    assert "RuntimeError: boom" in refusal(capsys, "diagnose", str(log))
    monkeypatch.setenv("TRAINTOP_TRACEBACK", "1")
    with pytest.raises(RuntimeError, match="boom"):
        main(["diagnose", str(log)])
