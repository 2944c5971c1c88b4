"""What a Trainer says before its rows: how much it will train, and the model's config."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping

from parsers.configs.config import facts_of_mapping
from parsers.formats.huggingface_steps import Plan
from parsers.records import Fact, Record, Value
from parsers.rows.foreign import credible
from parsers.rows.numbers import number, value
from parsers.rows.page import Page
from parsers.rows.said import Said

LONGEST_CONFIG = 2000
"""Lines."""
_CONFIG = re.compile(rb"Model config \w+ \{$")
_PLAN = re.compile(
    rb"(Num examples|Num Epochs|Num update steps per epoch|Total train batch size|Total optimization steps)"
    rb"(?: \([^)\n]{0,80}\))? = (\d[\d,]{0,15})(?!\d)"
)


def _epochs(found: re.Match[bytes]) -> Mapping[str, Value]:
    """Without the number that stands for "as many as max_steps needs"."""
    epochs = int(number(found["planned_epochs"]))
    return {"planned_epochs": epochs} if epochs < sys.maxsize // 2 else {}


SAID = (
    Said(b"running training", rb"\*{5} Running training \*{5}", begins=True),
    Said(b"num epochs = ", rb" Num Epochs = {planned_epochs}", read=_epochs, own=False),
    Said(b"instantaneous batch", rb" Instantaneous batch size per device = {batch_size}"),
    Said(b"total train batch", rb" Total train batch size \([^)]{0,80}\) = {global_batch_size}", own=False),
    Said(b"accumulation steps =", rb" Gradient Accumulation steps = {gradient_accumulation_steps}", own=False),
    Said(b"total optimization", rb" Total optimization steps = {planned_steps}"),
    Said(b"number of trainable", rb" Number of trainable parameters = \d"),
    Said(b"all params: ", rb"trainable params: [\d,]+ \|\| all params: {parameters}", own=False),
    Said(b"resuming training from", rb"Resuming training from checkpoint", resumes=True, own=False),
)


class Plans:
    """Reads from the lines of a start how many updates an epoch has."""

    def __init__(self) -> None:
        self._said: dict[bytes, int] = {}

    def read(self, lines: bytes, first_line: int) -> list[Plan]:
        """The plans that these lines complete; `first_line` is the number of the first."""
        if b" = " not in lines or (found := list(_PLAN.finditer(lines))) == []:
            return []
        page = Page(lines)
        plans = []
        for match in found:
            line = int(page.ends.searchsorted(match.start()))
            if not credible(page.line(line)[: match.start() - int(page.starts[line])]):
                continue
            self._said[match[1]] = int(number(match[2]))
            if match[1] == b"Total optimization steps":
                plans.append(Plan(first_line + line, _per_epoch(self._said), self._said[match[1]]))
                self._said = {}
        return plans


def _per_epoch(said: Mapping[bytes, int]) -> float | None:
    """Updates of an epoch.

    Where max_steps is set the epochs are rounded up, so that total / epochs is too low; examples / batch may be off by
    one, since it depends on the version whether the rest of an epoch makes an update.
    """
    total, epochs = said[b"Total optimization steps"], said.get(b"Num Epochs")
    examples, batch = said.get(b"Num examples"), said.get(b"Total train batch size")
    exact = said.get(b"Num update steps per epoch")
    if exact:
        return float(exact)
    by_epochs = total / epochs if epochs else None
    if not (examples and batch):
        return by_epochs
    by_examples = examples / batch
    if by_epochs is not None and abs(by_epochs - by_examples) <= 1:
        return by_epochs
    return float(max(1, -(-examples // batch)))


class ModelText:
    """Reads the model's config, which is printed as JSON over many lines, and its number of parameters."""

    def __init__(self) -> None:
        self._lines: list[bytes] | None = None
        self._number = 0
        self._is_adapter = False

    @property
    def open(self) -> bool:
        """Whether a config has begun and not ended."""
        return self._lines is not None

    def read(self, number_: int, line: bytes) -> list[Record] | None:
        """The facts of a line; None where it says nothing of the model."""
        if self._lines is not None:
            return self._inside(line)
        if _CONFIG.search(line):
            self._lines, self._number = [b"{"], number_
            return []
        small = line.lower()
        self._is_adapter = self._is_adapter or b"lora" in small or b"trainable params: " in small
        found = re.search(rb" Number of trainable parameters = (\d[\d,]*)$", line.rstrip())
        if found is None or not credible(line[: found.start()]):
            return None
        return [] if self._is_adapter else [Fact("parameters", value(found[1]), "log", f"line {number_}")]

    def _inside(self, line: bytes) -> list[Record]:
        lines = self._lines or []
        lines.append(line)
        if line.rstrip() != b"}" and len(lines) < LONGEST_CONFIG:
            return []
        self._lines = None
        try:
            config = json.loads(b"\n".join(lines))
        except ValueError:
            return []
        return [*facts_of_mapping(config, "log", f"line {self._number}")] if isinstance(config, dict) else []
