"""Writes docs/formats.md, the page of all formats, from their classes: `python docs/list_formats.py`."""

from __future__ import annotations

import inspect
from pathlib import Path

from parsers.format import Format
from parsers.formats import FORMATS, STORES
from parsers.records import Traits
from parsers.stores.store import Store

PAGE = Path(__file__).with_name("formats.md")
HEAD = """\
# What traintop reads

Made from the classes in `parsers/formats/` by `python docs/list_formats.py`; a test keeps it so. traintop finds out by
itself whose log it is and says why; `--format NAME` decides otherwise. Losses are nats per token, bits per byte stay
`val_bpb`; what a trainer does not print stays unknown.
"""
LOSSES = {
    "micro-batch": "of the last micro-batch alone",
    "step mean": "the mean over the step",
    "window mean": "the mean of all steps since the last line",
    "average": "a running average",
}
UNITS = {
    "nats": "",
    "bits per byte": "The loss is bits per byte.",
    "other": "The loss is no language model's.",
    "unknown": "Nobody says that the loss is a language model's, so no law of language models is applied to it.",
}
COUNTS = {
    "updates": "",
    "micro-batches": "Its steps number micro-batches.",
    "epochs": "Its steps number epochs.",
    "rows": "It prints no steps: its rows are numbered.",
}


def page() -> str:
    """The whole page."""
    sections = [HEAD, "## Logs of lines\n", *map(_section, FORMATS), "## Files and folders\n", *map(_section, STORES)]
    return "\n".join(sections)


def _section(kind: type[Format | Store]) -> str:
    text = inspect.cleandoc(kind.__doc__ or "")
    return f"### {kind.title} (`{kind.name}`)\n\n```\n{kind.example}\n```\n\n{text}\n\n{_meaning(kind.traits)}\n"


def _meaning(traits: Traits) -> str:
    mode = "train mode" if traits.train_loss_in_train_mode else "eval mode"
    words = [
        f"train_loss: {LOSSES[traits.train_loss]}, in {mode}.",
        UNITS[traits.loss_unit],
        COUNTS[traits.steps_count],
    ]
    if traits.steps_count == "updates":
        words.append(f"After a row of step N, {_updates(traits.updates_at_train_row)} updates are done.")
    if traits.tokens_per_second_of == "device":
        words.append("Tokens per second are of one device.")
    if traits.mfu_peak_name is not None:
        words.append(f"Its MFU compares with an {traits.mfu_peak_name}.")
    return " ".join(word for word in words if word)


def _updates(more: int) -> str:
    return "N" if more == 0 else f"N {'+' if more > 0 else '-'} {abs(more)}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
