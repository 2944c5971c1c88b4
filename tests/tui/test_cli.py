"""The commands as a person types them: answers, exit codes, and one line for rubbish."""

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

from tui.cli import main

HEADER = """Overriding config with config/train.py:
max_iters = 400
lr_decay_iters = 400
n_layer = 4
n_head = 4
n_embd = 96
block_size = 96
batch_size = 12
gradient_accumulation_steps = 1
eval_interval = 50
tokens per iteration will be: 1,152
number of parameters: 0.47M
"""


def log_text(last: int) -> str:
    lines = [HEADER]
    for step in range(last + 1):
        loss = 2.0 + 3.5 / (1 + step) ** 0.5
        if step % 50 == 0:
            lines.append(f"step {step}: train loss {loss:.4f}, val loss {loss + 0.02:.4f}\n")
        lines.append(f"iter {step}: loss {loss:.4f}, time 60.00ms, mfu -100.00%\n")
    return "".join(lines)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "train.log"
    path.write_text(log_text(400))
    return path


def refusal(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """The one line on stderr of a refused call."""
    code = main(argv)
    out, err = capsys.readouterr()

    assert code == 2
    assert out == ""
    assert len(err.splitlines()) == 1, err
    assert err.startswith("traintop: ")
    return err


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
    assert "no such format" in refusal(capsys, "diagnose", str(log), "--format", "nope")
    assert "--gpu" in refusal(capsys, "diagnose", str(log), "--gpu", "Voodoo 2")
    assert "H100" in refusal(capsys, "diagnose", str(log), "--gpu", "h100")


def test_a_config_that_cannot_be_read_is_one_line(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own path is named."""
    assert "nope.py" in refusal(capsys, "diagnose", str(log), "--config", str(tmp_path / "nope.py"))


def test_an_unknown_finding_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    """A typing error in explain."""
    assert "did you mean loss-spike?" in refusal(capsys, "explain", "loss-spik")


def test_every_rule_can_be_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """Trigger, reason, advice, false alarms and sources, all of them."""
    from diagnosis.rules import IDS

    for name in IDS:
        assert main(["explain", name]) == 0
        text = capsys.readouterr().out
        for part in ("Why:", "Do:", "False alarms:", "Sources:"):
            assert part in text, (name, part)


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
    listed = capsys.readouterr().out
    modules = {p.stem for p in (Path(__file__).parents[2] / "tui/commands").glob("[a-z]*.py")}

    assert all(f"\n  {name}" in listed for name in modules)


def run(*argv: str, stdin: str | None = None, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tui.cli", *argv],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **env},
        check=False,
    )


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


def test_a_reader_that_leaves_is_no_error(log: Path) -> None:
    """Piping into head is common."""
    command = f"'{sys.executable}' -m tui.cli diagnose '{log}' | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False
    )

    assert done.stderr == ""
