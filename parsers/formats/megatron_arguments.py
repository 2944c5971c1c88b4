"""The arguments that Megatron and GPT-NeoX print before they train: `  num_layers ........ 48`."""

from __future__ import annotations

import re

from parsers.numbers import value
from parsers.records import Fact, Value

ARGUMENT = re.compile(
    rb"(?:^|[ \]:])(?P<name>[a-z][\w-]{1,60}) \.{2,} ?(?P<value>[^\s.].{0,200}?)(?:\.{3,}(?:updated|default))?\s*$"
)
"""GPT-NeoX says behind the value whether it was given."""
BEGIN, END = b" arguments ---", b"end of arguments ---"
LONGEST = 2000
"""Lines; a dump that goes on for longer lost its end."""
MEANING = {
    "num_layers": "n_layer",
    "hidden_size": "n_embd",
    "num_attention_heads": "n_head",
    "ffn_hidden_size": "n_inner",
    "num_query_groups": "n_kv_head",
    "num_experts": "n_expert",
    "padded_vocab_size": "vocab_size",
    "seq_length": "block_size",
    "micro_batch_size": "batch_size",
    "train_micro_batch_size_per_gpu": "batch_size",
    "gradient_accumulation_steps": "gradient_accumulation_steps",
    "global_batch_size": "global_batch_size",
    "train_batch_size": "global_batch_size",
    "world_size": "world_size",
    "lr": "learning_rate",
    "min_lr": "min_lr",
    "lr_warmup_iters": "warmup_steps",
    "lr_decay_iters": "decay_steps",
    "lr_decay_style": "schedule",
    "train_iters": "planned_steps",
    "weight_decay": "weight_decay",
    "clip_grad": "grad_clip",
    "gradient_clipping": "grad_clip",
    "adam_beta1": "beta1",
    "adam_beta2": "beta2",
    "eval_interval": "eval_interval",
    "eval_iters": "eval_iters",
    "log_interval": "log_interval",
    "hidden_dropout": "dropout",
}
"""An argument (Megatron-LM training/arguments.py, GPT-NeoX megatron/neox_arguments) -> the fact."""
WORDS = frozenset({"schedule"})
SWITCHED_OFF = frozenset({"weight_decay", "dropout", "min_lr"})
"""May be 0; another argument that is 0 was not used."""


class Arguments:
    """Reads a dump, which stands between two lines of dashes: other libraries print arguments of the same names."""

    def __init__(self) -> None:
        self._facts: list[Fact] | None = None
        """Of the dump that is open; None where none is."""
        self._ramps = False
        self._lines = 0

    @property
    def open(self) -> bool:
        """Whether a dump is open, so that each line must be read."""
        return self._facts is not None

    def read(self, number: int, line: bytes) -> list[Fact] | None:
        """Nothing for a line within a dump, its facts at its end; None for all other lines.

        Where the batch grows during the run no batch size holds, so none is given.
        """
        if BEGIN in line and END not in line:
            self._facts, self._ramps, self._lines = [], False, 0
            return []
        if self._facts is None:
            return None
        self._lines += 1
        if END in line or self._lines > LONGEST:
            facts, self._facts = self._facts, None
            return [f for f in facts if not (self._ramps and f.name == "global_batch_size")]
        found = ARGUMENT.search(line)
        if found is not None:
            self._take(found, f"line {number}, {found['name'].decode()}")
        return None if found is None else []

    def _take(self, found: re.Match[bytes], where: str) -> None:
        if found["name"] == b"rampup_batch_size":
            self._ramps = found["value"] != b"None"
        name = MEANING.get(found["name"].decode())
        fact = None if name is None else _fact(name, value(found["value"]), where)
        if fact is not None and self._facts is not None:
            self._facts.append(fact)


def _fact(name: str, said: Value, where: str) -> Fact | None:
    if isinstance(said, bool) or (isinstance(said, str) != (name in WORDS)):
        return None
    return Fact(name, said, "log", where) if said or name in SWITCHED_OFF else None
