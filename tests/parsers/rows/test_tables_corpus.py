"""Real tables, JSON logs and states, where they are at hand: their counts against the labels that come with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from format_checks import read, run_of
from polled import poll_out
from raw_logs import CORPUS

from diagnosis.run import Run
from parsers.clean import clean
from parsers.format import Format
from parsers.formats.csv import Csv
from parsers.formats.jsonl import Jsonl
from parsers.formats.lightning_csv import LightningCsv
from parsers.formats.llamafactory import LlamaFactory
from parsers.formats.trainer_state import TrainerState

KINDS: dict[str, type[Format]] = {kind.name: kind for kind in (Csv, LightningCsv, Jsonl, LlamaFactory)}


def labels() -> list[Any]:
    path = CORPUS / "labels.json"
    if not path.exists():
        return []
    found = [
        label for label in json.loads(path.read_text())
        if label.get("format") in KINDS or label["path"].endswith("trainer_state.json")
    ]  # fmt: skip
    return [pytest.param(label, id=label["path"]) for label in found]


def run_in(path: Path, name: str) -> Run:
    return run_of(poll_out(TrainerState(path)) if path.suffix == ".json" else read(KINDS[name], path.read_bytes()))


@pytest.mark.parametrize("label", labels())
def test_a_real_log(label: dict[str, Any]) -> None:
    """As many points, and the same last step, as were counted by hand."""
    run = run_in(CORPUS / label["path"], label["format"])
    for key, wanted in label["facts"].items():
        _, what, *rest = key.split("/")
        found = len(run.series(rest[0]).steps) if what == "series" else run.last_step
        low, high = wanted if isinstance(wanted, list) else (wanted, wanted)
        assert found is not None
        assert low <= found <= high, key


@pytest.mark.parametrize("path", [pytest.param(p, id=p.name) for p in sorted(CORPUS.glob("loss-curves/*.csv"))])
def test_a_published_curve(path: Path) -> None:
    """Each line after the header is a point with its learning rate."""
    run = run_of(read(Csv, path.read_bytes()))
    rows = path.read_text().split()[1:]
    assert len(run.series("train_loss").steps) == len(run.series("learning_rate").steps) == len(rows)
    assert [f"{v:.6g}" for v in run.series("train_loss").values] == [f"{float(row.split(',')[2]):.6g}" for row in rows]


@pytest.mark.parametrize("path", [pytest.param(p, id=f"{p.parent.name}/{p.name}") for p in sorted(CORPUS.glob("*/*"))])
def test_no_other_log_is_taken_for_one(path: Path) -> None:
    """Logs of other trainers, with their source code, configs and tables, are no table and no JSON lines."""
    ours = path.parent.name in {"loss-curves", "lightning-csv", "llamafactory"} and path.suffix != ".yaml"
    window = clean(path.read_bytes()[: 256 << 10])
    surest = max(kind.sniff(window) for kind in KINDS.values())
    assert (surest >= 0.3) == ours
