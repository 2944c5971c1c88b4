"""The arguments that Megatron and GPT-NeoX print before they train: `  num_layers ........ 48`.

Megatron-LM megatron/training/arguments.py (_print_args) at d98e8a6, GPT-NeoX megatron/neox_arguments/arguments.py
(NeoXArgs.print) at ea7aefd.
"""

from __future__ import annotations

import re

from parsers.configs.config import facts_of_mapping
from parsers.records import Fact

ARGUMENT = re.compile(
    rb"(?:^|[ \]:])(?P<name>[a-z]\w{1,60}) \.{2,} ?(?P<value>[^\s.].{0,200}?)(?:\.{2,}(?:updated|default)?)?\s*$"
)
"""GPT-NeoX says behind the value whether it was given."""
BEGIN, END = b" arguments ---", b"end of arguments ---"
LONGEST = 2000
"""Lines; a dump that goes on for longer lost its end."""
ALIASES = {"params_dtype": "dtype", "optimizer_type": "optimizer"}
"""Arguments whose plain name says it in the other trainers' configs."""
NOTHING = frozenset({"None", "none", ""})


class Arguments:
    """Reads a dump, which stands between two lines of dashes: other libraries print arguments of the same names."""

    def __init__(self) -> None:
        self._settings: dict[str, str] | None = None
        """Of the dump that is open; None where none is."""
        self._first_line = 0

    @property
    def open(self) -> bool:
        """Whether a dump is open, so that each line must be read."""
        return self._settings is not None

    def read(self, number: int, line: bytes) -> list[Fact] | None:
        """Nothing for a line within a dump, its facts at its end; None for all other lines."""
        if BEGIN in line and END not in line:
            self._settings, self._first_line = {}, number
            return []
        if self._settings is None:
            return None
        if END in line or number - self._first_line > LONGEST:
            settings, self._settings = self._settings, None
            return facts_of_mapping(_meant(settings), "log", f"line {self._first_line}, arguments")
        found = ARGUMENT.search(line)
        if found is None:
            return None
        self._settings[found["name"].decode()] = found["value"].decode("utf-8", "replace")
        return []


def _meant(printed: dict[str, str]) -> dict[str, object]:
    """The arguments that were used, under plain names.

    Where the batch grows during the run, no batch size holds for all of it. Megatron and GPT-NeoX decay the learning
    rate until the last iteration where they are not told otherwise, as by GPT-NeoX's lr_decay_fraction
    (get_optimizer_param_scheduler in Megatron's training.py, get_learning_rate_scheduler in GPT-NeoX's).
    """
    settings: dict[str, object] = {
        name: value for name, value in printed.items() if value not in NOTHING and not value.startswith("{")
    }
    for name, plain in ALIASES.items():
        if name in settings:
            settings[plain] = settings.pop(name)
    if "rampup_batch_size" in settings:
        settings.pop("global_batch_size", None)
    if _positive(printed, "lr_warmup_samples"):
        settings.pop("lr_warmup_iters", None)
    if "train_iters" in settings and "lr_decay_style" in settings and "lr_decay_fraction" not in settings:
        settings.setdefault("lr_decay_iters", settings["train_iters"])
    return settings


def _positive(printed: dict[str, str], name: str) -> bool:
    return printed.get(name, "0") not in NOTHING | {"0"}
