"""Real logs, where they are at hand: their counts and facts against the labels that come with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from nanogpt_logs import facts, notices, read, restarts, rows
from raw_logs import SHARED, labels, published

from parsers.formats import recognise
from parsers.formats.nanogpt import NanoGPT


def labelled(folder: str) -> list[Any]:
    """The path of each nanoGPT log in a folder of the collection, and what its label says."""
    found = [label for label in labels(folder) if label.get("format") == "nanogpt"]
    return [pytest.param(SHARED / folder / label["path"], label["facts"], id=label["path"]) for label in found]


def column(text: bytes, name: str) -> list[tuple[float | str, float | str]]:
    """Step and value of one metric, of all kinds of rows, each step once."""
    found: dict[float | str, float | str] = {}
    for segment in rows(read(text)):
        for metrics, table in segment.items():
            if name in metrics:
                found |= {row[0]: row[1 + metrics.index(name)] for row in table}
    return list(found.items())


def close(got: object, want: object) -> bool:
    if isinstance(want, list):
        return isinstance(got, int | float) and want[0] <= got <= want[1]
    return got == want if not isinstance(want, float) else abs(float(str(got)) - want) <= 0.01 * want


@pytest.mark.parametrize(("path", "wanted"), labelled("corpus") + labelled("lab"))
def test_counts_and_facts_are_those_of_the_labels(path: Path, wanted: dict[str, Any]) -> None:
    """Rows of both series, the last step, parameters and tokens a step, where the label knows them and the log says it.

    The labels count rows that stand on one line. The one row that the tmux capture broke over two is read as well.
    """
    text = path.read_bytes()
    known = facts(read(text))
    train, val = column(text, "train_loss"), column(text, "val_loss")
    wrapped = path.name == "mi300x_760M_tmux_raw_escapes.log"
    got = {
        "run/series/train_loss/n": len(train) - wrapped,
        "run/series/val_loss/n": len(val),
        "run/step/last": max([float(step) for step, _ in train + val], default=None),
        "run/model/parameters": known.get("parameters"),
        "run/tokens_per_step": known.get("tokens_per_step"),
        "run/model/claimed_parameters": known.get("claimed_parameters"),
    }
    told = {name for name, value in got.items() if value is not None}
    assert {name: got[name] for name in told & wanted.keys() if not close(got[name], wanted[name])} == {}
    recognised = recognise(text[: 1 << 18])
    assert recognised is not None
    assert recognised[0] is NanoGPT


def test_the_wrapped_row_of_the_tmux_capture_is_joined() -> None:
    """A capture of 150 columns: keys typed into the run, and a row broken inside its loss."""
    text = published("nanogpt/mi300x_760M_tmux_raw_escapes.log")
    losses = dict(column(text, "train_loss"))
    assert (losses[74850], losses[74900], losses[74950]) == (3.2751, 3.1655, 3.2078)
    assert list(losses) == list(range(27800, 75000, 50))
    assert restarts(read(text)) == []


def test_the_header_of_a_real_run_is_read() -> None:
    """A 4070 run whose config claims three times the parameters that it has."""
    found = read(published("nanogpt/seed_run_fineweb_40.56M_rtx4070_with_header.log"))
    assert facts(found).items() >= {
        "claimed_parameters": 125_000_000, "parameters": 40_560_000, "tokens_per_step": 524_288, "n_embd": 384,
        "vocab_size": 50304, "dropout": 0.1, "planned_steps": 20000, "eval_iters": 200, "grad_clip": 1.0,
        "config_file": "config/train_fineweb.py",
    }.items()  # fmt: skip
    assert [n.text.split(" [0/0] ")[-1][:40] for n in notices(found, "warning")][1:] == [
        "Not enough SMs to use max_autotune_gemm "
    ]
    assert len(notices(found, "checkpoint")) == 40


def test_a_real_out_of_memory_names_the_logits() -> None:
    """65,536 positions x 50,304 words in bf16 are the 6.14 GiB that were not there."""
    found = read(published("nanogpt/owt_124M_rtx4070_oom.txt"))
    (notice,) = notices(found, "out-of-memory")
    assert "Tried to allocate 6.14 GiB" in notice.text
    assert notice.text.endswith("| empty_strided_cuda((65536, 50304), (50304, 1), torch.bfloat16)")
    assert notices(found, "traceback") == []
