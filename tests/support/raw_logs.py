"""The collection of real logs beside the repository, and losses out of logs by a few regular expressions.

The latter are for tests of the diagnosis that need no parser.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import make_case

from diagnosis.case import Case
from diagnosis.trend import eval_standard_error

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
CORPUS = SHARED / "corpus"
NAMES = {"max_iters": "planned_steps", "warmup_iters": "warmup_steps", "lr_decay_iters": "decay_steps"}
EVALS = ("val_loss", "eval_train_loss")
PATTERNS = {
    "nanogpt": {
        "train_loss": r"^iter (\d+): loss ([\d.]+|nan)",
        "eval_train_loss": r"^step (\d+): train loss ([\d.]+|nan)",
        "val_loss": r"^step (\d+): train loss \S+ val loss ([\d.]+|nan)",
    },
    "build-nanogpt": {"train_loss": r"^(\d+) train (\S+)", "val_loss": r"^(\d+) val (\S+)"},
    "llmc": {
        "train_loss": r"^s:(\d+) trl:(\S+)",
        "val_loss": r"^s:(\d+) tel:(\S+)",
        "grad_norm": r"^s:(\d+) .* norm:(\S+)",
    },
    "modded-nanogpt": {
        "train_loss": r"^step:(\d+)/\d+ train_loss:(\S+)",
        "val_loss": r"^step:(\d+)/\d+ val_loss:(\S+)",
    },
    "nanochat": {"train_loss": r"^step (\d+)/\d+ .*loss: ([\d.]+)"},
    "megatron": {
        "train_loss": r"iteration +(\d+)/.*lm loss: (\S+)",
        "grad_norm": r"iteration +(\d+)/.*grad norm: (\S+)",
    },
}


def shared(path: str) -> Path:
    """The file of that name in the folder of logs beside the repository; skips the test where it is absent."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"no {found}")
    return found


def published(path: str) -> bytes:
    """A published log. Skips the test where there is no collection; a log that the collection lacks is an error."""
    return (shared("corpus") / path).read_bytes()


def labels(folder: str) -> list[dict[str, Any]]:
    """What is known of each log in a folder of the collection; none where it is absent, which skips the tests of it."""
    path = SHARED / folder / "labels.json"
    known: list[dict[str, Any]] = json.loads(path.read_text()) if path.is_file() else []
    return known


def read_series(text: str, layout: str) -> dict[str, tuple[Any, Any]]:
    """By metric: (steps, values), the later of two rows with the same step kept."""
    series = {}
    for name, pattern in PATTERNS[layout].items():
        rows = {int(step): float(value) for step, value in re.findall(pattern, text, re.MULTILINE)}
        if rows:
            steps = sorted(rows)
            series[name] = (np.array(steps), np.array([rows[step] for step in steps]))
    return series


def read_facts(text: str) -> dict[str, Any]:
    """The nanoGPT settings that a log echoes, under the names that the rules know."""
    facts = {}
    for name, value in re.findall(r"^(\w+) = ([^#\n]+?)\s*(?:#.*)?$", text, re.MULTILINE):
        facts[NAMES.get(name, name)] = ast.literal_eval(value)
    if found := re.search(r"^number of parameters: ([\d.]+)M", text, re.MULTILINE):
        facts["parameters"] = float(found[1]) * 1e6
    if found := re.search(r"defaulting to vocab_size of GPT-2 to (\d+)", text):
        facts["vocab_size"] = int(found[1])
    if "Initializing a new model from scratch" in text:
        facts["init_from"] = "scratch"
    return facts


def read_case(path: Path, layout: str = "nanogpt", until: float | None = None) -> Case:
    """The case of a log, as far as these patterns see it, up to and with step `until`."""
    text = path.read_text(errors="replace")
    facts = read_facts(text) if layout == "nanogpt" else {}
    case = make_case(read_series(text, layout), facts)
    return case if until is None else cut(case, until)


def cut(case: Case, until: float) -> Case:
    """The same case when the log had come to step `until`, with the error bar that its evals give."""
    known = {name: series.until(until) for name, series in case.series.items()}
    return make_case(
        {name: (series.steps, series.values) for name, series in known.items() if len(series)},
        {name: fact.value for name, fact in case.facts.items()},
        traits=case.traits,
        eval_standard_error=eval_standard_error(*(known[name] for name in EVALS if name in known)),
    )
