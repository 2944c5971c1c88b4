"""`traintop plan` as a person types it: text that fits, the same as JSON, refusals in one line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from planned import FOUNDING, LLAMA, planned, written
from rich.cells import cell_len
from typed_commands import refusal

from tui.cli import main
from tui.plan_text import plan_text


@pytest.fixture
def founding(tmp_path: Path) -> Path:
    """The founding run's config."""
    return written(tmp_path, "train_fineweb.py", FOUNDING)


def tree(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, Any]:
    """The object that --json prints."""
    assert main(["plan", *argv, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_founding_run_in_words(founding: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What it is, what it claims, what it costs, what it will reach, what fits."""
    assert main(["plan", str(founding), "--gpu", "RTX 4070"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for said in (
        "40.56M: token embedding 19.32M (48 %)",
        "position embedding 393.2k more",
        "125M (",
        "this model is not that size",
        "524,288 a step × 20,000 steps = 10.49B",
        "12.9 × the 811.2M of 20 per parameter",
        "3.62 [3.57, 3.67] expected on fineweb",
        "300 MFLOPs a token",
        "1 × NVIDIA GeForce RTX 4070 at 40 % to 85 % of 58.3 TFLOP/s (spec)",
        "16 32 8.5 GiB fits ← the config's",
        "for AdamW from scratch",
        "the config has 1e-3",
        "by the Step Law; the config has 1.72 times that",
    ):
        assert said in text


def test_the_same_as_json(founding: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The objects of diagnose, and those of a plan; unknown is null."""
    found = tree(capsys, str(founding), "--gpu", "RTX 4070", "--set", "n_embd=768", "--sizes", "124M", "--hours", "24")
    assert found["set"] == {"n_embd": 768}
    assert found["run"]["model"]["parameters"] == 123_587_328
    assert found["run"]["model"]["shape"]["n_embd"] == 768
    assert found["run"]["model"]["parts"]["token_embedding"] == 50304 * 768
    assert found["budget"]["optimal_tokens"] == 2_471_746_560
    assert found["budget"]["expected_loss"]["dataset"] == "fineweb"
    assert found["budget"]["ratio"] is None
    assert found["efficiency"]["peak_tflops"] == pytest.approx(58.3, rel=0.01)
    assert found["efficiency"]["mfu"] is None
    assert found["memory"]["total"] == pytest.approx(sum(found["memory"]["parts"].values()), rel=1e-5)
    assert found["batch"]["patch"] == ["batch_size = 8", "gradient_accumulation_steps = 64"]
    assert {c["micro_batch"]: c["fits"] for c in found["batch"]["choices"]}[16] is False
    assert 0 < found["hours"]["low"] < found["hours"]["high"]
    assert found["sizes"][0]["name"] == "124M"
    assert found["bands"]["learning_rate"]["low"] < found["bands"]["learning_rate"]["first"]
    assert found["bands"]["tokens_per_step"] == pytest.approx(306e3, rel=0.02)
    assert found["optimal"]["low"]["parameters"] < found["optimal"]["high"]["parameters"]
    assert found["patch"] == ["n_embd = 768"]


def test_it_has_the_objects_of_diagnose(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """run.model, budget and efficiency have the keys that a program knows already, and more."""
    assert main(["diagnose", str(log), "--json"]) == 0
    known = json.loads(capsys.readouterr().out)
    found = tree(capsys, str(log))
    assert found["run"]["model"].keys() >= known["run"]["model"].keys()
    assert found["run"]["model"]["shape"].keys() >= known["run"]["model"]["shape"].keys()
    assert found["budget"].keys() >= known["budget"].keys()
    assert found["efficiency"] == known["efficiency"]
    assert found["hours"]["basis"] == "own pace"


def test_a_log_with_a_change_keeps_its_pace(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Twice the steps take twice as long; another model has no speed that was seen."""
    plain, longer = tree(capsys, str(log)), tree(capsys, str(log), "--set", "max_iters=800")
    assert longer["hours"]["low"] == pytest.approx(2 * plain["hours"]["low"], rel=1e-4)
    wider = tree(capsys, str(log), "--set", "n_embd=192", "--set", "vocab_size=65")
    assert wider["efficiency"]["seconds_per_step"] is None
    assert wider["hours"] is None or wider["hours"]["basis"] == "own pace"


@pytest.mark.parametrize("width", [60, 80, 110])
@pytest.mark.parametrize("config", [FOUNDING, LLAMA], ids=["founding", "llama"])
def test_no_line_is_wider_than_the_terminal(tmp_path: Path, width: int, config: str) -> None:
    """With all tables, changes and notes."""
    path = written(tmp_path, "c.json" if config == LLAMA else "c.py", config)
    made = planned(path, "block_size=2048", "batch_size=32", gpu="8x RTX 4070", sizes="124M,350M,774M,1.5B", hours=2400)
    text = plan_text(made, width=width)
    assert "sizes" in text
    for line in text.splitlines():
        assert cell_len(line) <= width, line


def test_ascii_is_ascii(founding: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For terminals without more."""
    assert main(["plan", str(founding), "--ascii", "--gpu", "RTX 4070", "--set", "batch_size=8"]) == 0
    assert capsys.readouterr().out.isascii()


def test_names_of_a_config_are_shown_safely(tmp_path: Path) -> None:
    """A path may hold what would move the cursor."""
    path = written(tmp_path, "a\x1b[2Jb.py", FOUNDING)
    assert "\x1b" not in plan_text(planned(path))


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ((), "name a config"),
        (("{config}", "--set", "n_embd"), "NAME=VALUE"),
        (("{config}", "--set", "n_embd=500"), "not divisible by n_head 12"),
        (("{config}", "--gpu", "H1000"), "H1000"),
        (("{config}", "--hours", "0"), "from 0.001 to 1e6, such as 24"),
        (("{config}", "--format", "nope"), "no such format"),
        (("{config}x",), "no such file"),
        (("{config}", "--memory", "0"), "from 0.1 to 100,000, such as 24"),
        (("{config}", "--flops", "1e300"), "from 1e12 to 1e30, such as 1e19"),
        (("{config}", "--params", "5"), "its embedding alone has"),
        (("{config}", "--params", "1e17"), "1e+17 parameters; check"),
        (("{config}", "--set", "batch_size=1e18"), "check batch_size"),
        (("{config}", "--set", "max_iters=1e18"), "check planned_steps"),
        (("{config}", "--sizes", "n_layer=1.5"), "1.5 is no n_layer"),
        (("{config}", "--sizes", "n_embd=1e12"), "1e12 is no n_embd"),
        (("{config}", "--data", "/nowhere.bin"), "nowhere.bin"),
    ],
    ids=str,
)
def test_a_refusal_is_one_line(
    founding: Path, argv: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2."""
    assert said in refusal(capsys, "plan", *(word.format(config=founding) for word in argv))


def test_a_pipe_is_not_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody may ever write to it."""
    pipe = tmp_path / "config.py"
    os.mkfifo(pipe)
    assert "is a pipe" in refusal(capsys, "plan", str(pipe))


def test_a_line_to_paste_is_never_wrapped(tmp_path: Path) -> None:
    """Half of it would be another setting."""
    path = written(tmp_path, "c.py", FOUNDING)
    text = plan_text(planned(path, "gradient_accumulation_steps=64"), width=30)
    assert "    gradient_accumulation_steps = 64\n" in text


def test_unique_tokens_make_epochs(founding: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--data counts them."""
    data = founding.with_name("train.bin")
    data.write_bytes(bytes(2 * 5000))
    found = tree(capsys, str(founding), "--data", str(data))
    assert found["budget"]["unique_tokens"] == 5000
    assert found["budget"]["epochs"] == pytest.approx(20_000 * 524_288 / 5000, rel=1e-5)
