"""The dicts that a Trainer prints: which keys are which metrics, and what they tell of the loss."""

from __future__ import annotations

import re

from parsers.rows.row_patterns import Attach, Fields, Names, RowPattern

MIB, GIB = 2.0**20, 2.0**30

NAMES: Names = {
    "loss": ("train_loss", 1.0),
    "eval_loss": ("val_loss", 1.0),
    "grad_norm": ("grad_norm", 1.0),
    "learning_rate": ("learning_rate", 1.0),
    "epoch": ("epoch", 1.0),
    "num_input_tokens_seen": ("tokens", 1.0),
    "num_tokens": ("tokens", 1.0),
    "tokens/total": ("tokens", 1.0),
    "step_tokens_per_second": ("tokens_per_second", 1.0),
    "tokens/train_per_sec_per_gpu": ("tokens_per_second", 1.0),
    "tokens_per_second_per_gpu": ("tokens_per_second", 1.0),
    "step_peak_memory_reserved_mb": ("memory_bytes", MIB),
    "memory/device_reserved (gib)": ("memory_bytes", GIB),
    "memory/device_mem_reserved(gib)": ("memory_bytes", GIB),
}
"""Also those of TRL's SFT, of Liger's callback and of axolotl (older versions with mem and without a blank)."""

_EVAL = re.compile(r"eval_(.{1,60})_loss")


def metric_of(name: str) -> tuple[str, float] | None:
    """The loss of one of several evaluation sets: eval_<name>_loss."""
    found = _EVAL.fullmatch(name)
    return None if found is None else (f"val_loss/{found[1]}", 1.0)


_ITEM = (
    rb"'(?P<name>[^'\n]{1,120})': (?:(?:[a-z.\d]{1,20}\()?'?(?P<value>{number})'?\)?(?=[,}])"
    rb"|'[^'\n]*'|\[[^\]\n]*\]|\"[^\"\n]*\"|[^,{}\n]*)(?:, |(?=\}))"
)

_BEGINS = re.compile(rb"\{'[\w/ ().-]{1,120}'?")


class Dicts(Fields):
    """Dicts, the beginning of which does not tell yet whether an epoch comes."""

    def begins(self, line: bytes) -> bool:
        """Whether a dict begins in the line, be it whole or not."""
        return _BEGINS.search(line) is not None


ROWS = Dicts(
    hint=b"{'",
    anchor=rb"\{(?='(?:[^{}\n]{1,6000}, ')?(?:loss|eval_(?:[^'\n]{1,60}_)?loss|learning_rate)': )"
    rb"(?=[^{}\n]{0,8000}'epoch': )",
    item=_ITEM.replace(b"(?P<value>{number})", b"{value}"),
    names=NAMES,
    translate=metric_of,
    attach=Attach("after"),
    ends=rb"\}",
    least=2,
)
"""A dict with an epoch and a loss or a learning rate, with numbers (4.x) or quoted numbers (5.x)."""

TRAIN = RowPattern(hint=ROWS.hint, turn=0)
SPEED = RowPattern(hint=ROWS.hint, turn=0)
"""What the bar's clock tells at a row of training."""


def evaluation() -> RowPattern:
    """A kind of its own for each set of metrics: several sets are evaluated at one step."""
    return RowPattern(hint=ROWS.hint, turn=1)


END = re.compile(rb"^(?:[^{}'\"`#\n]{0,200})\{'train_runtime': [^{}\n]*'epoch': '?[\d.]+'?[^{}\n]*\}", re.MULTILINE)
"""The last dict: its train_loss is the mean over the whole run."""

NO_LANGUAGE_LOSS = re.compile(
    rb"[{ ]'(?:eval_)?(?:rewards?(?:_std|/[^'\n]*)?|kl|objective/[^'\n]*|(?:min|mean|max)_reward|logps/[^'\n]*"
    rb"|frac_reward_zero_std|f1|precision|recall|auc|roc_auc|wer|mse|rmse|mae|matthews_correlation|pearson)': "
    rb"|'loss': '?-\d"
)
"""Keys of reinforcement learning and preferences (TRL), of classification and of speech; a loss below 0."""

PER_DEVICE = re.compile(rb"'tokens(?:/train_per_sec|_per_second)_per_gpu': ")
