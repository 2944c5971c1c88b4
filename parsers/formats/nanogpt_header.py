"""What nanoGPT prints before its first row: the config's echo, overrides on the command line, the model's size."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from parsers.configs.config import claim_of_name, fact, facts
from parsers.configs.settings import literal, salvaged_settings
from parsers.records import Fact, Notice, Record, Value
from parsers.rows.foreign import credible, without_rank, words

LONGEST_LINE = 4096
LONGEST_SETTING = 1000
LONGEST_ECHO = 1000
"""Lines; nanoGPT's own configs have 30."""

GPT2 = {"gpt2": (12, 12, 768), "gpt2-medium": (24, 16, 1024), "gpt2-large": (36, 20, 1280), "gpt2-xl": (48, 25, 1600)}
"""n_layer, n_head, n_embd of OpenAI's weights (nanoGPT, model.py, from_pretrained)."""

Found = re.Match[bytes]
Lines = list[tuple[re.Pattern[bytes], Callable[[Found], dict[str, Value]]]]
"""A line and the facts in it."""
ECHO = re.compile(rb"Overriding config with (.+):\s*$")
OVERRIDE = re.compile(rb"Overriding: (\w+) = (.*)")


def _whole(digits: bytes) -> int:
    return int(digits.replace(b",", b""))


def _shape(name: str) -> dict[str, Value]:
    return dict(zip(("n_layer", "n_head", "n_embd"), GPT2.get(name, ()), strict=False))


def _data_set(path: bytes) -> dict[str, Value]:
    parts = re.split(r"[/\\]", words(path))
    return {"dataset": parts[-2]} if len(parts) > 1 and parts[-2] not in ("", ".", "..") else {}


STARTS: Lines = [
    (re.compile(rb"tokens per iteration will be: (\d[\d,]{0,19})\s*$"), lambda m: {"tokens_per_step": _whole(m[1])}),
    (re.compile(rb"number of parameters: (\d{1,9}\.\d+)M\s*$"), lambda m: {"parameters": round(float(m[1]) * 1e6)}),
    (re.compile(rb"Initializing a new model from scratch"), lambda _: {"init_from": "scratch"}),
    (re.compile(rb"Initializing from OpenAI GPT-2 weights: ([\w-]+)"), lambda m: {"init_from": words(m[1])}),
    (re.compile(rb"Resuming training from (\S.*)"), lambda m: {"init_from": "resume", "out_dir": words(m[1])}),
]
"""Lines that each start prints: after rows they begin a new run."""
VOCABULARY: Lines = [
    (re.compile(rb"defaulting to vocab_size of GPT-2 to (\d{1,9})\b"), lambda m: {"vocab_size": int(m[1])}),
    (
        re.compile(rb"found vocab_size = (\d{1,9}) \(inside (.+?)\)\s*$"),
        lambda m: {"vocab_size": int(m[1]), **_data_set(m[2])},
    ),
]
SHARED: Lines = [
    (
        re.compile(rb"num (decayed|non-decayed) parameter tensors: \d+, with (\d[\d,]{0,19}) parameters\s*$"),
        lambda m: {f"parameters_{words(m[1]).replace('-', '_')}": _whole(m[2])},
    ),
    (re.compile(rb"loading weights from pretrained gpt: ([\w-]+)"), lambda m: _shape(words(m[1]))),
    (
        re.compile(rb"forcing vocab_size=(\d{1,9}), block_size=(\d{1,9}), bias=(True|False)"),
        lambda m: {"vocab_size": int(m[1]), "block_size": int(m[2]), "bias": m[3] == b"True"},
    ),
    (re.compile(rb"overriding dropout rate to (\d\.\d+)\s*$"), lambda m: {"dropout": float(m[1])}),
    (
        re.compile(rb"using fused AdamW: (True|False)"),
        lambda m: {"optimizer": "fused AdamW" if m[1] == b"True" else "AdamW"},
    ),
    (re.compile(rb"compiling the model\.\.\."), lambda _: {"compile": True}),
]
"""Lines that other trainers have taken over."""
START_HINTS = (b"overriding", b"tokens per iteration", b"number of parameters", b"initializing", b"resuming",
               b"vocab_size")  # fmt: skip
"""In small letters. A line without any of these begins no run."""
HINTS = (*START_HINTS, b"parameter tensors", b"weights from", b"fused adamw", b"compiling")
"""A line without any of these is none of the above."""

DEFAULTS: dict[str, Value] = {
    "eval_interval": 2000,
    "log_interval": 1,
    "eval_iters": 200,
    "dataset": "openwebtext",
    "gradient_accumulation_steps": 40,
    "batch_size": 12,
    "block_size": 1024,
    "n_layer": 12,
    "n_head": 12,
    "n_embd": 768,
    "dropout": 0.0,
    "bias": False,
    "learning_rate": 6e-4,
    "planned_steps": 600_000,
    "weight_decay": 0.1,
    "beta1": 0.9,
    "beta2": 0.95,
    "grad_clip": 1.0,
    "decay_lr": True,
    "warmup_steps": 2000,
    "decay_steps": 600_000,
    "min_lr": 6e-5,
}
"""What nanoGPT's train.py (2023-2025) uses where neither config nor command line says otherwise."""
SHAPE = {"n_layer", "n_head", "n_embd", "block_size", "bias"}
BATCH = {"gradient_accumulation_steps", "batch_size", "block_size"}


class Header:
    """Reads line by line. `start` names the newest line that begins a run, until it is taken."""

    def __init__(self) -> None:
        self.start: str | None = None
        self._echo: dict[int, bytes] | None = None
        self._given: dict[tuple[str, str], Fact] = {}
        self._begin()

    def _begin(self) -> None:
        self._known: dict[str, Value] = {}
        self._settings_seen = False
        self._rows_seen = False

    @property
    def open(self) -> bool:
        """Whether an echo is open, so that each line must be read."""
        return self._echo is not None

    def read(self, number: int, line: bytes, step: int | None) -> list[Record] | None:
        """The records of line `number` (from 1); None for a line that is no part of the header."""
        found = self._line(number, line[:LONGEST_LINE], step)
        if found is not None:
            return found
        if self._echo is None:
            return None
        if number - min(self._echo) > LONGEST_ECHO:
            return self._end_of_echo()
        self._echo[number] = without_rank(line[:LONGEST_SETTING])
        return []

    def rows_came(self) -> list[Record]:
        """What the first row settles: the echo is over, and what no config set has nanoGPT's default."""
        if self._rows_seen:
            return []
        made = self.close()
        self._rows_seen = True
        if self._settings_seen:
            made += self._learn(Fact(n, v, "config", "nanoGPT's default") for n, v in self._defaults().items())
        return made

    def close(self) -> list[Record]:
        """The facts of an echo that nothing, or a traceback, followed."""
        return self._end_of_echo()

    def _line(self, number: int, line: bytes, step: int | None) -> list[Record] | None:
        for pattern, values in (*STARTS, *VOCABULARY, *SHARED):
            found = pattern.search(line)
            if found and credible(line[: found.start()]):
                made = self._end_of_echo()
                if (pattern, values) in STARTS:
                    made += self._new_run(found[0], step)
                return made + self._learn(Fact(n, v, "log", f"line {number}") for n, v in values(found).items())
        for pattern, read in ((ECHO, self._start_echo), (OVERRIDE, self._override)):
            found = pattern.search(line)
            if found and credible(line[: found.start()]):
                return self._end_of_echo() + self._new_run(found[0], step) + read(found, number)
        return None

    def _new_run(self, text: bytes, step: int | None) -> list[Record]:
        if self._rows_seen:
            self._begin()
        resumed = text.startswith(b"Resuming")
        if self.start is None or resumed:
            self.start = words(text)
        return [Notice("resume", words(text), step)] if resumed else []

    def _start_echo(self, found: Found, number: int) -> list[Record]:
        self._settings_seen = True
        self._echo = {number: b""}
        return self._learn([Fact("config_file", words(found[1]), "log", f"line {number}")])

    def _override(self, found: Found, number: int) -> list[Record]:
        self._settings_seen = True
        name, text = words(found[1]), words(found[2])
        where = f"override in line {number}"
        value = literal(text)
        made = fact(name, text, "log", where) or (None if value is None else fact(name, value, "log", where))
        if made is None:
            return []
        named = made.name == "run_name" and "claimed_parameters" not in self._known
        claim = claim_of_name(made) if named else None
        return self._learn([made] if claim is None else [made, claim])

    def _end_of_echo(self) -> list[Record]:
        lines, self._echo = self._echo, None
        if not lines:
            return []
        first, last = min(lines), max(lines)
        source = "\n".join(lines.get(n, b"").decode("utf-8", "replace") for n in range(first + 1, last + 1))
        return self._learn(facts(source, salvaged_settings(source), "log", "config echo, "))

    def _learn(self, found: Iterable[Fact]) -> list[Record]:
        """Those that say something new; several ranks print the same header."""
        new: list[Record] = []
        for one in found:
            self._known[one.name] = one.value
            said = self._given.get((one.name, one.origin))
            if said is None or said.value != one.value:
                self._given[one.name, one.origin] = one
                new.append(one)
        return new

    def _defaults(self) -> dict[str, Value]:
        """What the user left alone; without what the printed numbers contradict (a fork, a checkpoint's model)."""
        assumed = {name: value for name, value in DEFAULTS.items() if name not in self._known}
        both = {**assumed, **self._known}
        if both.get("init_from", "scratch") != "scratch" or not _shape_fits(both):
            assumed = {n: v for n, v in assumed.items() if n not in SHAPE}
        if not _batch_fits(both):
            assumed = {n: v for n, v in assumed.items() if n not in BATCH}
        return assumed


def _shape_fits(known: dict[str, Value]) -> bool:
    """Whether 12 L d^2 + V d is within 1 % of the printed parameters, as far as they are known."""
    printed, vocabulary = known.get("parameters"), known.get("vocab_size")
    if printed is None or vocabulary is None:
        return True
    layers, width = float(known["n_layer"]), float(known["n_embd"])
    return abs(12 * layers * width**2 + float(vocabulary) * width - float(printed)) <= 0.01 * float(printed) + 5e3


def _batch_fits(known: dict[str, Value]) -> bool:
    tokens = float(known["batch_size"]) * float(known["gradient_accumulation_steps"]) * float(known["block_size"])
    return known.get("tokens_per_step", tokens) == tokens


def begins_run(line: bytes) -> bool:
    """Whether only nanoGPT prints this line, at its start."""
    signs = (ECHO, OVERRIDE, *(pattern for pattern, _ in (*STARTS, *VOCABULARY)))
    return any((found := s.search(line)) and credible(line[: found.start()]) for s in signs)
