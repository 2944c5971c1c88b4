"""Reads a trainer's Python config file: what its settings mean, and what its comments claim."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from parsers.claims import claimed_size, size_in_name
from parsers.records import Fact, Origin, Value
from parsers.settings import Setting, settings

MOST_BYTES = 1 << 20
WANTED = "--config takes the trainer's Python config file"

INTEGERS = ["n_layer", "n_head", "n_embd", "vocab_size", "block_size", "batch_size", "gradient_accumulation_steps"]
INTERVALS = ["eval_interval", "eval_iters", "log_interval"]
FRACTIONS = ["dropout", "learning_rate", "min_lr", "weight_decay", "beta1", "beta2", "grad_clip"]
SWITCHES = ["bias", "decay_lr", "compile"]
WORDS = ["dataset", "dtype", "device", "init_from", "out_dir"]
RENAMED = {
    "max_iters": ("planned_steps", int),
    "warmup_iters": ("warmup_steps", int),
    "lr_decay_iters": ("decay_steps", int),
    "wandb_run_name": ("run_name", str),
}
NAMES: dict[str, tuple[str, type]] = {
    **{name: (name, int) for name in INTEGERS + INTERVALS},
    **{name: (name, float) for name in FRACTIONS},
    **{name: (name, bool) for name in SWITCHES},
    **{name: (name, str) for name in WORDS},
    **RENAMED,
}
"""A setting of nanoGPT -> the fact's name and the type of its value. The one place that knows."""


class ConfigError(Exception):
    """Why a config could not be read: one line with its path and the mend."""


def read_config(path: Path) -> list[Fact]:
    """The facts in a trainer's Python config file, in its order, then the model size that it claims.

    Raises ConfigError for what is missing, unreadable or no Python. Nothing of the file is run.
    """
    source = _text(path)
    try:
        found = settings(source)
    except SyntaxError as error:
        at = "" if error.lineno is None else f" in line {error.lineno}"
        raise ConfigError(f"{path} is no Python{at} ({error.msg}); {WANTED}") from None
    return facts(source, found, "config", f"{path}, ")


def facts(source: str, found: Sequence[Setting], origin: Origin, place: str) -> list[Fact]:
    """Settings as facts, and the model size that a comment of `source`, or else the run's name, claims.

    `place` comes before "line 12" in each fact's `where`.
    """
    made = [fact(s.name, s.value, origin, f"{place}line {s.line}") for s in found]
    kept = [f for f in made if f is not None]
    claim = claimed_size(source)
    if claim is not None:
        kept.append(Fact("claimed_parameters", claim.parameters, "comment", f"{place}line {claim.line}"))
    else:
        kept += [named for f in kept if f.name == "run_name" and (named := claim_of_name(f)) is not None]
    return kept


def fact(name: str, value: Value, origin: Origin, where: str) -> Fact | None:
    """The fact behind a setting; None for a setting that no fact is made of and a value of another type."""
    if name not in NAMES:
        return None
    term, kind = NAMES[name]
    known = _typed(value, kind)
    return None if known is None else Fact(term, known, origin, where)


def claim_of_name(run_name: Fact) -> Fact | None:
    """The model size in a run's name as a fact, e.g. 125 million in "125M-single-parquet"."""
    size = size_in_name(str(run_name.value))
    return None if size is None else Fact("claimed_parameters", size, "comment", f"run_name, {run_name.where}")


def _typed(value: Value, kind: type) -> Value | None:
    if kind is str or kind is bool:
        return value if isinstance(value, kind) else None
    if isinstance(value, bool | str) or not math.isfinite(value):
        return None
    if kind is int:
        return int(value) if value == int(value) else None
    return float(value)


def _text(path: Path) -> str:
    try:
        if path.is_dir():
            raise ConfigError(f"{path} is a directory; {WANTED}")
        if path.exists() and not path.is_file():  # to open a pipe would wait for its writer, perhaps for ever
            raise ConfigError(f"{path} is a pipe or device; {WANTED}")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist; {WANTED}") from None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise ConfigError(f"{path} cannot be read ({reason}); {WANTED}") from None
    if b"\0" in content:
        raise ConfigError(f"{path} is binary; {WANTED}")
    if len(content) > MOST_BYTES:
        raise ConfigError(f"{path} is larger than 1 MiB; {WANTED}")
    return content.decode("utf-8-sig", "replace")
