"""What a setting's value says: numbers as text, durations with units, data types and schedules by many names."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

from parsers.configs.config_table import PLAIN_SCHEDULE, WARMUP_SHARE, Kind
from parsers.records import Value

NUMBER = re.compile(r"[+-]?(?:\d[\d_]{0,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,3})?")
DURATION = re.compile(r"(\d[\d_.]{0,20}(?:e\d{1,2})?)\s*([a-zA-Z]*)")
LONGEST_TEXT = 1000
UNITS = {
    "": "planned_steps", "ba": "planned_steps", "steps": "planned_steps", "step": "planned_steps",
    "ep": "planned_epochs", "epochs": "planned_epochs", "epoch": "planned_epochs",
    "tok": "planned_tokens", "t": "planned_tokens", "tokens": "planned_tokens",
}  # fmt: skip
"""Of Composer's time strings ("4800ba"), OLMo's ("2e12T") and OLMo-core's Duration."""
SCHEDULES = {
    "wsd": ("wsd", "warmup_stable_decay", "warmupstabledecay", "trapezoid"),
    "cosine": ("cosine", "coswithwarmup"),
    "constant": ("constant", "warmuplr"),
    "linear": ("linear", "warmupdecaylr"),
}
NEITHER = ("restart", "piecewise", "envelope", "halfcos", "coswithwarmupandlinear", "wsds")
"""In names that hold that of a schedule whose curve they do not have.

Transformers' cosine_with_restarts, torch's CosineAnnealingWarmRestarts, diffusers' piecewise_constant, OLMo's
cosine_linear_envelope, OLMo-core's HalfCosWithWarmup, CosWithWarmupAndLinearDecay and WSDS.
"""
DTYPES = {
    "bfloat16": ("bf16", "bfloat16"),
    "float16": ("fp16", "float16", "16-mixed", "16-true", "half"),
    "float32": ("fp32", "float32", "32-true"),
}
LIGHTNING_DTYPES = {"16": "float16", "32": "float32"}
"""Lightning's precision may be a bare number of bits."""
COMPUTE = re.compile(r"\bc(?:ompute)?=(\w+)")
"""Of a policy of the library jmp, as Levanter has it: "p=f32,c=bfloat16"."""
WORD = re.compile(r"[a-z][\w-]{0,39}")
LISTS = frozenset({"betas", "devices"})
"""Kinds that may be a list."""

Found = dict[str, Value]


def values(fact: str, kind: Kind, raw: object) -> Found:
    """The facts that a setting's value gives: one as a rule, none for a value of another type or one that is unset."""
    if isinstance(raw, list) and len(raw) == 1 and kind not in LISTS:
        raw = raw[0]  # fairseq's lr and update_freq have one value an epoch
    if raw is None or (isinstance(raw, float) and not math.isfinite(raw)):
        return {}
    return READERS[kind](fact, raw)


def number(raw: object) -> float | None:
    """A finite number, also from a text: YAML reads 4e-4 as one, and MLflow keeps nothing else."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return None
    if isinstance(raw, str) and not NUMBER.fullmatch(raw.strip()):
        return None
    try:
        found = float(raw.strip().replace("_", "") if isinstance(raw, str) else raw)
    except (ValueError, OverflowError):
        return None
    return found if abs(found) < 2**63 else None


def flag(raw: object) -> bool | None:
    """A truth value, also from the text of one."""
    if isinstance(raw, str):
        return {"true": True, "false": False}.get(raw.strip().lower())
    return raw if isinstance(raw, bool) else None


def _whole(raw: object, least: int) -> int | None:
    found = number(raw)
    return int(found) if found is not None and found == int(found) and found >= least else None


def _given(fact: str, value: Value | None) -> Found:
    return {} if value is None else {fact: value}


def _number(fact: str, raw: object) -> Found:
    found = number(raw)
    return _given(fact, None if found is None or found < 0 else found)


def _positive(fact: str, raw: object) -> Found:
    return {name: n for name, n in _number(fact, raw).items() if n}


def _text(fact: str, raw: object) -> Found:
    usable = isinstance(raw, str) and raw.strip() and len(raw) <= LONGEST_TEXT and "${" not in raw
    return {fact: raw} if usable and isinstance(raw, str) else {}


def _class(fact: str, raw: object) -> Found:
    return {name: str(text).rsplit(".", 1)[-1] for name, text in _text(fact, raw).items()}


def _flag(fact: str, raw: object) -> Found:
    return _given(fact, flag(raw))


def _denied(fact: str, raw: object) -> Found:
    found = flag(raw)
    return _given(fact, None if found is None else not found)


def _named(table: Mapping[str, tuple[str, ...]]) -> Callable[[str, object], Found]:
    def read(fact: str, raw: object) -> Found:
        word = raw.lower() if isinstance(raw, str) else ""
        return _given(fact, next((name for name, signs in table.items() if any(s in word for s in signs)), None))

    return read


def _schedule(fact: str, raw: object) -> Found:
    """One of the schedules that are known, or else the word itself: it is none of them."""
    word = raw.strip().lower().rsplit(".", 1)[-1] if isinstance(raw, str) else ""
    found = {} if any(sign in word for sign in NEITHER) else _named(SCHEDULES)(fact, word)
    if not found:
        return {fact: word} if WORD.fullmatch(word) and word not in ("none", "null", "true", "false") else {}
    return {**found, PLAIN_SCHEDULE: True} if word == found[fact] else found  # "cosine", not "cosine_with_min_lr"


def _dtype(fact: str, raw: object) -> Found:
    text = str(raw) if isinstance(raw, int) and not isinstance(raw, bool) else raw
    plain = LIGHTNING_DTYPES.get(text) if isinstance(text, str) else None
    return _named(DTYPES)(fact, text) if plain is None else {fact: plain}


def _half(fact: str, raw: object) -> Found:
    """Parameters in float32 may be computed with in 16 bits; those in 16 bits are."""
    return {name: dtype for name, dtype in _dtype(fact, raw).items() if dtype != "float32"}


def _policy(fact: str, raw: object) -> Found:
    found = COMPUTE.search(raw) if isinstance(raw, str) else None
    return {} if found is None else _dtype(fact, {"f32": "float32", "f16": "float16"}.get(found[1], found[1]))


def _switched(dtype: str) -> Callable[[str, object], Found]:
    return lambda fact, raw: {fact: dtype} if flag(raw) is True else {}


def _betas(_: str, raw: object) -> Found:
    if isinstance(raw, str):
        raw = raw.strip(" []()").split(",")
    if not isinstance(raw, list | tuple) or len(raw) != 2:
        return {}
    both = [number(one) for one in raw]
    return {name: beta for name, beta in zip(("beta1", "beta2"), both, strict=True) if beta is not None and beta >= 0}


def _duration(_: str, raw: object) -> Found:
    if isinstance(raw, Mapping):
        raw = f"{raw.get('value')}{raw.get('unit')}"
    found = DURATION.fullmatch(str(raw).strip()) if isinstance(raw, str | int) else None
    fact = UNITS.get(found[2].lower()) if found else None
    if found is None or fact is None:
        return {}
    return _number(fact, found[1]) if fact == "planned_epochs" else _given(fact, _whole(found[1], 1))


def _interval(fact: str, raw: object) -> Found:
    """Steps; 1.0 is all of an epoch or a run, in Lightning and Transformers, as 0.5 is half of it."""
    if isinstance(raw, float) and raw <= 1:
        return {}
    return _given(fact, _whole(raw.removesuffix("ba") if isinstance(raw, str) else raw, 1))


def _warmup(fact: str, raw: object) -> Found:
    """Steps, or below 1 a share of all: GPT-NeoX, Levanter and Transformers 5 take both under one name."""
    if isinstance(raw, str) and raw.endswith("dur"):
        return _share(WARMUP_SHARE, raw.removesuffix("dur"))
    found = number(raw.removesuffix("ba") if isinstance(raw, str) else raw)
    if found is not None and 0 < found < 1:
        return {WARMUP_SHARE: found}
    return _given(fact, _whole(found, 0))


def _horizon(fact: str, raw: object) -> Found:
    """Whether the schedule has a length of its own; "1dur" is Composer's for the run's."""
    return {} if raw == "1dur" else {fact: True}


def _devices(fact: str, raw: object) -> Found:
    """How many there are of a number or, of Lightning, of a list of indices."""
    return _given(fact, _whole(len(raw) if isinstance(raw, list) else raw, 1))


def _share(fact: str, raw: object) -> Found:
    found = number(raw)
    return _given(fact, found if found is not None and 0 <= found <= 1 else None)


READERS: dict[Kind, Callable[[str, object], Found]] = {
    "count": lambda fact, raw: _given(fact, _whole(raw, 1)),
    "whole": lambda fact, raw: _given(fact, _whole(raw, 0)),
    "number": _number,
    "positive": _positive,
    "flag": _flag,
    "no": _denied,
    "text": _text,
    "class": _class,
    "dtype": _dtype,
    "half": _half,
    "policy": _policy,
    "bf16": _switched("bfloat16"),
    "fp16": _switched("float16"),
    "schedule": _schedule,
    "betas": _betas,
    "duration": _duration,
    "interval": _interval,
    "warmup": _warmup,
    "share": _share,
    "horizon": _horizon,
    "devices": _devices,
}
