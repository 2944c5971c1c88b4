"""The commands as a person types them: what they answer, and their exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_store import know_these
from typed_commands import HEADER, ROOT, refusal

from tui.cli import main


def test_a_reading_as_json_is_one_object(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For programs: nothing else on standard output."""
    code = main(["diagnose", str(log), "--json"])
    tree = json.loads(capsys.readouterr().out)

    assert code == 0
    assert tree["run"]["format"] == "nanogpt"
    assert tree["run"]["state"] == "finished"
    assert tree["run"]["tokens_seen"] == 401 * 1152
    assert tree["run"]["series"]["val_loss"]["n"] == 9


def test_until_a_step_nothing_later_is_known(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The reading is what it was then."""
    main(["diagnose", str(log), "--json", "--until", "200"])
    tree = json.loads(capsys.readouterr().out)

    assert tree["run"]["step"]["last"] == 200
    assert tree["run"]["state"] == "running"
    assert all(f["step"] is None or f["step"] <= 200 for f in tree["findings"])
    assert tree["run"]["series"]["val_loss"]["n"] == 5


@pytest.mark.parametrize(("level", "code"), [("info", 1), ("critical", 0)])
def test_fail_on_turns_a_finding_into_an_exit_code(
    log: Path, level: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """For scripts; the note about the token budget counts as info."""
    assert main(["diagnose", str(log), "--fail-on", level]) == code
    assert capsys.readouterr().out


@pytest.mark.parametrize("content", ["", HEADER])
def test_a_log_without_a_step_yet_is_waiting_and_no_error(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The job has not begun."""
    path = tmp_path / "new.log"
    path.write_text(content)

    assert main(["diagnose", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["run"]["state"] == "waiting"
    assert main(["diagnose", str(path)]) == 0
    assert "Waiting for the first step" in capsys.readouterr().out


def test_every_rule_can_be_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """Trigger, reason, advice, false alarms and sources, all of them."""
    from diagnosis.rules import rules

    for name in rules():
        assert main(["explain", name]) == 0
        text = capsys.readouterr().out
        for part in ("Why:", "Do:", "False alarms:", "Sources:"):
            assert part in text, (name, part)


@pytest.mark.parametrize("width", [60, 80])
def test_an_explanation_fits_the_terminal(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its paragraphs are set anew, and each of its heads begins a line."""
    from diagnosis.rules import rules

    monkeypatch.setenv("COLUMNS", str(width))
    for name in rules():
        assert main(["explain", name]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert max(map(len, lines)) <= width, name
        assert any(line.startswith("Why: ") for line in lines)


def test_formats_and_stores_are_listed_one_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the name that --format takes, and an example."""
    know_these(monkeypatch)
    from parsers.formats import FORMATS, STORES

    assert main(["formats"]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert [line.split()[0] for line in lines] == [f.name for f in FORMATS] + [s.name for s in STORES]
    assert lines[-1].endswith("events.out.tfevents.1.host")


def test_help_lists_every_command_that_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    """No stub is listed and nothing is hidden."""
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out.partition("\ncommands:\n")[2].partition("\n\n")[0]
    modules = {p.stem for p in (ROOT / "tui/commands").glob("[a-z]*.py")}

    assert {line.split()[0] for line in listed.splitlines()} == modules


def test_the_tokens_of_a_data_set_are_counted(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A train.bin of nanoGPT has two bytes a token; what is no data set is refused in one line."""
    data = log.with_name("train.bin")
    data.write_bytes(bytes(2 * 5000))

    assert main(["diagnose", str(log), "--json", "--data", str(data)]) == 0
    assert json.loads(capsys.readouterr().out)["budget"]["unique_tokens"] == 5000
    assert "nope.bin" in refusal(capsys, "diagnose", str(log), "--data", str(data.with_name("nope.bin")))


def test_the_config_beside_a_log_is_read(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the log does not say; the log's own word holds, and the user is told of another."""
    log.with_suffix(".yaml").write_text("vocab_size: 65\nn_embd: 384\n")

    assert main(["diagnose", str(log), "--json"]) == 0
    shape = json.loads(capsys.readouterr().out)["run"]["model"]["shape"]
    assert (shape["vocab_size"], shape["n_embd"]) == (65, 96)
    assert main(["diagnose", str(log)]) == 0
    assert "train.yaml, n_embd says 384" in " ".join(capsys.readouterr().out.split())
