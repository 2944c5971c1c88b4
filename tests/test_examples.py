"""The example trainer prints nanoGPT's lines, and the bundled log is a run of it."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from parsers.formats.nanogpt import NanoGPT
from parsers.records import Fact, Points

ROOT = Path(__file__).parents[1]
LOG = ROOT / "examples" / "tiny_gpt_cpu.log"
CONFIG = ROOT / "examples" / "train_tiny_gpt_config.py"

LOSS = r"\d+\.\d{4}"
STEP = rf"step \d+: train loss {LOSS}, val loss {LOSS}"
ITER = rf"iter \d+: loss {LOSS}, time \d+\.\d\dms, mfu -?\d+\.\d\d%"
START = [
    r"tokens per iteration will be: [\d,]+",
    r"found vocab_size = 256 \(inside [^)]+\)",
    r"Initializing a new model from scratch",
    r"number of parameters: \d+\.\d\dM",
    r"num decayed parameter tensors: \d+, with [\d,]+ parameters",
    r"num non-decayed parameter tensors: \d+, with [\d,]+ parameters",
    r"using fused AdamW: False",
]
"""What nanoGPT's train.py and model.py print between the config and the first step, in their order."""

SMALL = ["--n_layer=1", "--n_head=2", "--n_embd=16", "--block_size=16", "--batch_size=2", "--eval_iters=1"]

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")


def train(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the trainer with `folder` as its working directory, where examples/ lies as in the repository."""
    (folder / "examples").symlink_to(ROOT / "examples")
    return subprocess.run(
        [sys.executable, "examples/train_tiny_gpt.py", *arguments],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def before_first_step(lines: list[str]) -> list[str]:
    return lines[: next(i for i, line in enumerate(lines) if line.startswith("step "))]


def bundled() -> list[str]:
    return LOG.read_text(encoding="utf-8").splitlines()


def test_the_bundled_log_echoes_the_bundled_config() -> None:
    """The config stands in the log as it stands in the repository, comments included, as nanoGPT echoes it."""
    echo = f"Overriding config with examples/train_tiny_gpt_config.py:\n{CONFIG.read_text(encoding='utf-8')}\n"

    assert echo in LOG.read_text(encoding="utf-8")


def test_the_bundled_log_has_only_lines_of_nanogpt_after_the_config() -> None:
    """Every line from the tokens per iteration on is one that nanoGPT prints."""
    lines = bundled()
    lines = lines[next(i for i, line in enumerate(lines) if line.startswith("tokens per iteration")) :]

    for pattern, line in zip(START, lines, strict=False):
        assert re.fullmatch(pattern, line)
    for line in lines[len(START) :]:
        assert re.fullmatch(rf"{STEP}|{ITER}|saving checkpoint to out-tiny-gpt", line)


def test_the_bundled_log_reads_as_nanogpt() -> None:
    """The parser recognises it and gets every row and the facts of its config."""
    log = LOG.read_bytes()
    records = NanoGPT().feed(log)
    rows = Counter(name for r in records if isinstance(r, Points) for name in r.columns for _ in r.steps)
    facts = {r.name: r.value for r in records if isinstance(r, Fact)}

    assert NanoGPT.sniff(log) > 0.9
    assert (rows["train_loss"], rows["step_seconds"], rows["val_loss"]) == (151, 151, 31)
    assert facts["parameters"] == 470_000
    assert facts["tokens_per_step"] == 2048
    assert facts["vocab_size"] == 256
    assert facts["planned_steps"] == 1500


def test_the_printed_mfu_is_an_a100s_running_mean_over_the_printed_lines() -> None:
    """Every printed MFU follows from the printed times: 0.9 old, 0.1 new, in units of 312 TFLOP/s."""
    milliseconds = [float(ms) for ms in re.findall(r"time ([\d.]+)ms", LOG.read_text(encoding="utf-8"))]
    printed = [float(mfu) for mfu in re.findall(r"mfu (-?[\d.]+)%", LOG.read_text(encoding="utf-8"))]
    parameters = 479_232 + 864 - 128 * 96  # decayed and not, as the log says, less the position embedding
    flops = (6 * parameters + 12 * 4 * 96 * 128) * 2048
    running = flops / (milliseconds[1] / 1000) / 312e12

    assert printed[0] == -100.0
    for ms, mfu in zip(milliseconds[1:], printed[1:], strict=True):
        running = 0.9 * running + 0.1 * flops / (ms / 1000) / 312e12
        assert abs(100 * running - mfu) <= 0.0051


def test_the_bundled_log_names_no_machine() -> None:
    """No absolute path stands in it, and it stays small enough to ship."""
    assert not re.search(r"(?<![\w.])/\w|[A-Z]:\\", LOG.read_text(encoding="utf-8"))
    assert LOG.stat().st_size <= 200_000


def test_the_bundled_run_is_a_healthy_one() -> None:
    """It starts at the loss of an untrained model of 256 tokens, ln 256, and ends far below."""
    val = [float(loss) for loss in re.findall(r"val loss ([\d.]+)", LOG.read_text(encoding="utf-8"))]

    assert abs(val[0] - 5.545) < 0.3
    assert max(val[-5:]) < 2.0


@needs_torch
def test_the_bundled_log_starts_as_its_command_does(tmp_path: Path) -> None:
    """The command in its first line prints the same header today, but for the override that ends the run at once."""
    lines = bundled()
    command = shlex.split(lines[0].removeprefix("$ "))
    arguments = command[command.index("examples/train_tiny_gpt.py") + 1 :]
    again = train(tmp_path, *arguments, "--max_iters=0", "--eval_iters=1").stdout.splitlines()
    ours = {"Overriding: max_iters = 0", "Overriding: eval_iters = 1"}

    assert [line for line in before_first_step(again) if line not in ours] == before_first_step(lines)[1:]


@needs_torch
def test_three_iterations_print_the_lines_of_nanogpt(tmp_path: Path) -> None:
    """Header, evals before the update of their step, a row an iteration, max_iters inclusive, no MFU before the 5th."""
    rhythm = ["--max_iters=2", "--eval_interval=2", "--log_interval=1"]
    done = train(tmp_path, *SMALL, *rhythm)
    lines = [line for line in done.stdout.splitlines() if not line.startswith("Overriding: ")]
    patterns = [*START, STEP, ITER, ITER, STEP, ITER]

    assert done.returncode == 0, done.stderr
    assert "Overriding: n_layer = 1" in done.stdout.splitlines()
    assert len(lines) == len(patterns)
    for pattern, line in zip(patterns, lines, strict=True):
        assert re.fullmatch(pattern, line)
    assert [re.sub(r":.*", "", line) for line in lines[len(START) :]] == [
        "step 0",
        "iter 0",
        "iter 1",
        "step 2",
        "iter 2",
    ]
    assert lines[-1].endswith("mfu -100.00%")
    assert [path.name for path in tmp_path.iterdir()] == ["examples"]


@needs_torch
def test_a_checkpoint_is_announced_when_it_is_written(tmp_path: Path) -> None:
    """With out_dir, an eval that is the best so far saves ckpt.pt and says so in nanoGPT's words."""
    learning = ["--learning_rate=0.02", "--warmup_iters=1", "--gradient_accumulation_steps=2", "--batch_size=16"]
    rhythm = ["--max_iters=20", "--eval_interval=20", "--log_interval=20", "--out_dir=out-test"]
    done = train(tmp_path, *SMALL, *learning, *rhythm)
    lines = done.stdout.splitlines()

    assert lines.count("saving checkpoint to out-test") == 1, done.stderr
    assert re.fullmatch(STEP, lines[lines.index("saving checkpoint to out-test") - 1])
    assert (tmp_path / "out-test" / "ckpt.pt").stat().st_size > 0


@needs_torch
def test_an_unknown_key_is_refused_in_one_line(tmp_path: Path) -> None:
    """A key that nanoGPT's configurator would refuse ends the run before anything else is printed."""
    done = train(tmp_path, "--learning_rat=1e-3")

    assert done.returncode == 1
    assert done.stderr == "Unknown config key: learning_rat\n"
