"""The log generator: the benchmarks' figures are worth something only if its logs are nanoGPT's."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.make_log import write_log
from parsers.formats.nanogpt import NanoGPT
from parsers.records import Fact, Points

STEP = re.compile(r"step (\d+): train loss (\d+\.\d{4}), val loss (\d+\.\d{4})")
ITER = re.compile(r"iter (\d+): loss (\d+\.\d{4}), time (\d+\.\d\d)ms, mfu (-?\d+\.\d\d)%")
FLOPS = (6 * 123_587_328 + 12 * 12 * 768 * 1024) * 491_520
"""6N + 12 L d T of GPT-2's 124M a token, without its position embedding, times the tokens of a step."""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3,000 iterations, a line every tenth, an eval every 250th."""
    path = tmp_path_factory.mktemp("logs") / "train.log"
    write_log(path, 3000, log_interval=10, eval_interval=250, seed=7)
    return path


def rows(log: Path) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Iteration, loss, milliseconds and MFU in per cent of each iter line."""
    return np.array([[float(v) for v in row] for row in ITER.findall(log.read_text(encoding="utf-8"))])


def test_the_same_seed_gives_the_same_bytes(log: Path, tmp_path: Path) -> None:
    """A log depends on its arguments alone."""
    again, other = tmp_path / "again.log", tmp_path / "other.log"
    write_log(again, 3000, log_interval=10, eval_interval=250, seed=7)
    write_log(other, 3000, log_interval=10, eval_interval=250, seed=8)

    assert again.read_bytes() == log.read_bytes()
    assert other.read_bytes() != log.read_bytes()


def test_every_line_after_the_header_is_nanogpts(log: Path) -> None:
    """Evals come with their checkpoint, step 0 without, and max_iters is inclusive."""
    lines = log.read_text(encoding="utf-8").partition("step 0:")[2].splitlines()[1:]

    assert all(STEP.fullmatch(x) or ITER.fullmatch(x) or x == "saving checkpoint to out-synthetic" for x in lines)
    assert lines[-1].startswith("iter 3000: ")
    assert lines.count("saving checkpoint to out-synthetic") == 12


def test_an_eval_stands_before_the_row_of_its_step(log: Path) -> None:
    """`step N` is printed before update N, `iter N` after it."""
    names = re.findall(r"^((?:step|iter) \d+):", log.read_text(encoding="utf-8"), re.MULTILINE)

    assert names.index("iter 240") < names.index("step 250") < names.index("iter 250")


def test_the_printed_mfu_follows_from_the_printed_times(log: Path) -> None:
    """It is the running mean, 0.9 old and 0.1 new, of the lines' shares of an A100; -100 % before iteration 5."""
    table = rows(log)
    shares = 100 * FLOPS / (table[1:, 2] / 1000) / 312e12
    running = shares[0]

    assert table[0, 3] == -100.0
    for share, printed in zip(shares, table[1:, 3], strict=True):
        running = 0.9 * running + 0.1 * share
        assert abs(running - printed) < 0.006


def test_the_step_of_an_eval_contains_it(log: Path) -> None:
    """Rows at multiples of eval_interval take several times as long, and no others do."""
    table = rows(log)[1:]
    with_eval = table[:, 0] % 250 == 0

    assert table[with_eval, 2].min() > 3 * table[~with_eval, 2].max()


def test_the_loss_starts_untrained_and_follows_the_law(log: Path) -> None:
    """ln(vocabulary) at step 0; later both splits are within the error of an eval of the same curve."""
    found = np.array([[float(v) for v in row] for row in STEP.findall(log.read_text(encoding="utf-8"))])

    assert np.abs(found[0, 1:] - np.log(50304)).max() < 0.05
    assert found[-1, 1] < found[6, 1] < found[1, 1]
    assert np.abs(found[:, 1] - found[:, 2]).max() < 6 * 0.38 / np.sqrt(200 * 12)


def test_the_header_agrees_with_itself(log: Path) -> None:
    """Printed parameters are the decayed and the others less the position embedding; all facts reach the parser."""
    facts = {r.name: r.value for r in NanoGPT().feed(log.read_bytes()) if isinstance(r, Fact)}
    decayed, others = facts["parameters_decayed"], facts["parameters_non_decayed"]

    assert isinstance(decayed, int)
    assert isinstance(others, int)
    assert facts["parameters"] == round((decayed + others - 1024 * 768) / 1e4) * 10_000
    assert facts["tokens_per_step"] == 491_520
    assert facts["planned_steps"] == 3000


def test_the_parser_reads_every_row(log: Path) -> None:
    """301 iter lines and 13 evals."""
    read = [r for r in NanoGPT().feed(log.read_bytes()) if isinstance(r, Points)]

    assert sum(len(r.steps) for r in read if "train_loss" in r.columns) == 301
    assert sum(len(r.steps) for r in read if "val_loss" in r.columns) == 13
