"""What a column, tag or key of a log means, by its name alone: the one place that knows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from parsers.names_of_losses import loss_of
from parsers.words import SCOPES, Word, terms, words_of

GIGA, MEGA, KILO = 1e9, 1e6, 1e3
SECONDS = {"ms": 1e-3, "milliseconds": 1e-3, "us": 1e-6, "s": 1.0, "sec": 1.0, "secs": 1.0, "seconds": 1.0, "min": 60.0}
BYTES = {"gib": 2.0**30, "mib": 2.0**20, "kib": 2.0**10, "gb": GIGA, "mb": MEGA, "kb": KILO, "bytes": 1.0, "b": 1.0}
COUNTS = {
    "": 1.0,
    "k": KILO,
    "m": MEGA,
    "million": MEGA,
    "millions": MEGA,
    "b": GIGA,
    "billion": GIGA,
    "billions": GIGA,
}
FLOPS = {"tflops": 1e12, "tflop": 1e12, "gflops": 1e9, "gflop": 1e9, "flops": 1.0, "flop": 1.0}

DEVICES = terms("device devices gpu gpus rank chip accelerator")
EVALS = terms("val valid validation eval evaluation evaluate dev test")
NO_RATE = terms(
    "min max base peak mult multiplier scale factor ratio init initial final end target decay momentum warmup weight "
    "wd schedule scheduler steps step beta betas log power finder suggestion"
)
NO_USE = terms("cpu host ram free available capacity total limit pct percent percentage % params kv cache")
ONE_RUN = frozenset({"train_runtime", "train_samples_per_second", "train_steps_per_second"})
"""Keys of the line that ends a run of the HF Trainer; the train_loss beside them is the mean of the whole run."""

AVERAGE = r"(?:(?:mean|avg|average|running|current|achieved|measured|total|global|model) )*"
NORM = re.compile(
    r"(?:(?:total|global|mean|avg|l 2|pre clip|preclip|unclipped|raw) )*"
    r"(?:(?:grad|grads|gradient|gradients) (?:l 2 )?norm|gnorm|gradnorm|l 2 norm grad)"
    r"(?: (?:total|global|l 2|pre clip|preclip|before clip|before clipping|unclipped|mean|avg))*"
)
SCALE = re.compile(r"(?:loss|grad|amp|fp 16) ?scaler?(?: scale)?|scaler scale|lossscale")
TOKENS = re.compile(
    r"(?:(?:num|n|total|cumulative|global|number of|processed|consumed|seen|trained|time) )*(?:input )?"
    r"(?:(?<=time )token|tokens)(?: (?:seen|total|processed|trained|consumed|so far|cumulative))*(?: in)? ?"
    r"(?P<unit>\w*)"
)
SPEED = re.compile(
    AVERAGE + r"(?:(?P<unit>k|m)? ?(?:tok|toks|token|tokens) (?:per )?(?:s|sec|secs|second)|tps|tgs|k ?tps)"
)
MFU = re.compile(AVERAGE + r"(?:(?:bf 16|fp 16|fp 8) )?mfu(?P<percent> %| pct| percent| percentage)?")
RATE = re.compile(AVERAGE + r"(?P<unit>tflops?|gflops?|flops?)(?: per)?(?P<second> s| sec| second)?")
TIME = re.compile(
    AVERAGE + r"(?:dt|delta t|(?:step|iter|iteration|update) (?:time|timing|duration|dt)|time (?:per )?end to end|"
    r"(?:elapsed )?time per (?:step|iter|iteration|update))(?: in)? (?P<unit>\w+)"
)
TIME_PER = re.compile(
    AVERAGE + r"(?:(?P<unit>ms|s|sec|secs|seconds) (?:per )?(?:step|it|iter|iteration|update)|"
    r"(?:step|iter|iteration|update) (?P<last>ms|sec|secs|seconds))"
)
EPOCH = re.compile(r"(?:current )?epochs?(?: num| number| idx| index| float| frac| fraction)?")
BITS = re.compile(r"bpb|bits per byte")

STEPS = (
    *("global step", "step", "iter", "iteration", "iter num", "iteration num", "current steps", "current step"),
    *("num updates", "update", "updates", "num update", "update step", "optimizer step", "opt step"),
    *("step num", "step number", "step idx", "step index", "it", "_step", "batch"),
)
"""The best first. W&B's _step counts calls of its log function; a batch may be one of several of a step."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a name stands for: a metric of the contract, where value * scale is in SI units."""

    metric: str
    scale: float = 1.0
    per_device: bool = False
    """Tokens per second of one device, where the name says so. A reader whose traits say "run" leaves it out."""


OF_TEXT = terms("lm clm ppl perplexity bpb token tokens tok toks tgs tps language")
REWARDS = terms("reward rewards advantage advantages")

KNOWN_UNITS = {
    "iteration-time": Meaning("step_seconds"),
    "throughput/duration": Meaning("step_seconds"),
}
"""Names without a unit whose source is known: Megatron-LM training.py, Levanter callbacks (both log seconds)."""


def meaning_of(name: str) -> Meaning | None:
    """What the name means; None where it names no metric, or the unit is unknown. Case and separators do not matter.

    A further evaluation set gives `val_loss/NAME`. Test sets give val_loss. "norm" needs company: see `columns_of`.
    An "mfu" without a unit has the scale 1: whether it is percent only its values tell (`mfu_scale`).
    """
    found = _judged(name)
    return None if found is None else found[1]


def columns_of(names: Iterable[str]) -> dict[str, Meaning]:
    """Of all names of a log those that are taken, in their order: for each metric one name, the best.

    Without a plain validation loss the first named set is `val_loss`, and before any test set.
    """
    taken = Taken()
    taken.add(names)
    return taken.columns


class Taken:
    """`columns_of` for names that become known little by little; a better name takes over when it comes."""

    def __init__(self, own: Mapping[str, Meaning] | None = None) -> None:
        """`own` are names that mean something else in this log, or something at all."""
        self._own = own or {}
        self.columns: dict[str, Meaning] = {}
        """The names that are taken so far."""
        self.unit: Literal["nats", "other"] | None = None
        """What the losses are in, as far as the names tell."""
        self._best: dict[str, tuple[int, str, Meaning]] = {}
        self._known: set[str] = set()

    def row(self, names: Iterable[str]) -> dict[str, Meaning]:
        """Learns the names of a row, and says which of them are taken."""
        listed = list(names)
        self.add(listed)
        summary = not ONE_RUN.isdisjoint(listed)
        return {n: self.columns[n] for n in listed if n in self.columns and not (summary and n == "train_loss")}

    def add(self, names: Iterable[str]) -> None:
        """Learns further names, those of one row or header at a time."""
        listed = list(names)
        fresh = [name for name in listed if name not in self._known]
        self._known.update(fresh)
        summary = not ONE_RUN.isdisjoint(listed)
        for name in fresh:
            found = (0, self._own[name]) if name in self._own else _judged(name)
            if found is None and name.lower() == "norm" and "train_loss" in self._metrics(listed):
                found = 50, Meaning("grad_norm")
            if found is not None and not (summary and name == "train_loss"):
                self._offer(name, *found)
        if fresh:
            self.columns = self._chosen()
            self.unit = "other" if self.unit == "other" else unit_told(fresh) or self.unit

    def _metrics(self, names: Iterable[str]) -> set[str]:
        return {meaning.metric for name in names if (meaning := meaning_of(name)) is not None}

    def _offer(self, name: str, rank: int, meaning: Meaning) -> None:
        known = self._best.get(meaning.metric)
        if known is None or rank < known[0]:
            self._best.pop(meaning.metric, None)
            self._best[meaning.metric] = rank, name, meaning

    def _chosen(self) -> dict[str, Meaning]:
        best = dict(self._best)
        sets = [metric for metric in best if metric.startswith("val_loss/")]
        if sets and ("val_loss" not in best or best["val_loss"][0] >= TEST_RANK):
            _, name, meaning = best.pop(sets[0])
            best["val_loss"] = 0, name, Meaning("val_loss", meaning.scale)
        return {name: meaning for _, name, meaning in best.values()}


TEST_RANK = 1000


def step_of(names: Iterable[str]) -> str | None:
    """The name, of all names of a row, that counts the steps; None where none does. An epoch is no step."""
    ranked = [(rank, at, name) for at, name in enumerate(names) if (rank := _step_rank(name)) is not None]
    return min(ranked)[2] if ranked else None


def mfu_scale(largest: float) -> float:
    """What turns an MFU column whose largest value is this into fractions: above 1.5 it can only be percent."""
    return 0.01 if largest > 1.5 else 1.0


@lru_cache(maxsize=4096)
def _judged(name: str) -> tuple[int, Meaning] | None:
    """How good a name it is for its metric (the lowest wins), and what it means."""
    if name in KNOWN_UNITS:
        return 0, KNOWN_UNITS[name]
    words = words_of(name)
    spoken = {word.text for word in words}
    if not words or "vs" in spoken:
        return None
    if (loss := loss_of(name, words)) is not None:
        return loss.rank, Meaning(loss.metric)
    meaning = _measure(words, spoken)
    if meaning is None:
        return None
    rank = len(words) + (100 if meaning.per_device else 0) + (0 if "reserved" in spoken else 10)
    return rank + (20 if spoken & {"hardware"} else 0), meaning


def _measure(words: tuple[Word, ...], spoken: set[str]) -> Meaning | None:
    rest = [word.text for word in words if word.text not in SCOPES]
    if spoken & EVALS:
        said = " ".join(word for word in rest if word not in EVALS)
        return Meaning("val_bpb") if BITS.fullmatch(said) and "test" not in spoken else None
    if BITS.fullmatch(" ".join(word.text for word in words)):
        return Meaning("val_bpb")
    return _rate_of_learning(rest) or _bytes(spoken, rest) or _plain(" ".join(rest)) or _speed(rest)


def _rate_of_learning(rest: list[str]) -> Meaning | None:
    said = " ".join(rest).replace("learning rate", "lr").replace("learningrate", "lr").split(" ")
    return Meaning("learning_rate") if "lr" in said and NO_RATE.isdisjoint(said) else None


def _bytes(spoken: set[str], rest: list[str]) -> Meaning | None:
    if spoken.isdisjoint({"mem", "memory", "vram"}) or not NO_USE.isdisjoint(spoken) or rest[-1] not in BYTES:
        return None
    return Meaning("memory_bytes", BYTES[rest[-1]])


def _plain(said: str) -> Meaning | None:
    """The metrics that a name tells whole."""
    if NORM.fullmatch(said):
        return Meaning("grad_norm")
    if SCALE.fullmatch(said):
        return Meaning("loss_scale")
    if EPOCH.fullmatch(said):
        return Meaning("epoch")
    if (found := TOKENS.fullmatch(said)) is not None and found["unit"] in COUNTS:
        return Meaning("tokens", COUNTS[found["unit"]])
    found = TIME.fullmatch(said) or TIME_PER.fullmatch(said)
    unit = found[found.lastgroup] if found is not None and found.lastgroup else None
    return Meaning("step_seconds", SECONDS[unit]) if unit in SECONDS else None


def _speed(rest: list[str]) -> Meaning | None:
    """MFU, tokens and FLOP per second, of all devices or of one."""
    said = " ".join(word for word in rest if word not in DEVICES and word != "hardware").removesuffix(" per")
    if (found := MFU.fullmatch(said)) is not None:
        return Meaning("mfu", 0.01 if found["percent"] else 1.0)
    if (found := SPEED.fullmatch(said)) is not None:
        per_device = not DEVICES.isdisjoint(rest) or "tgs" in rest
        thousands = found["unit"] == "k" or said.endswith(("k tps", "ktps"))
        return Meaning("tokens_per_second", MEGA if found["unit"] == "m" else KILO if thousands else 1.0, per_device)
    found = RATE.fullmatch(said)
    if found is None or not (found["second"] or found["unit"].startswith("tflop")):
        return None
    return Meaning("tflops", FLOPS[found["unit"]])


@lru_cache(maxsize=4096)
def _step_rank(name: str) -> int | None:
    if name == "_step":
        return STEPS.index("_step")
    words = [word.text for word in words_of(name)]
    if not EVALS.isdisjoint(words):
        return None
    for said in (" ".join(words), " ".join(word for word in words if word not in SCOPES)):
        if said in STEPS:
            return STEPS.index(said)
    return None


def unit_told(names: Iterable[str]) -> Literal["nats", "other"] | None:
    """What the names of a log tell of its loss: "nats" of a language model, "other" of reinforcement learning.

    Perplexity, bits per byte, tokens and a language model's loss are measured in nothing but language models.
    """
    said = {word.text for name in names for word in words_of(name)}
    if said & REWARDS:
        return "other"
    return "nats" if said & OF_TEXT or {"bits", "byte"} <= said else None
