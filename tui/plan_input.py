"""What a plan is made of: the facts of a log, a run directory or a config, with the user's changes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from diagnosis.analysis import Circumstances, analyse
from diagnosis.case import Case
from diagnosis.efficiency import Efficiency, Peak
from diagnosis.lifecycle import Silence
from diagnosis.run import Run
from parsers.clean import clean
from parsers.configs.config import ConfigError, read_config
from parsers.configs.config_files import READERS, text_of
from parsers.configs.settings import settings
from parsers.format import Format
from parsers.formats import FORMATS, STORES, recognise
from parsers.formats.nanogpt import NanoGPT
from parsers.formats.nanogpt_header import DEFAULTS
from parsers.places.places import store_of
from parsers.records import Fact, Recognised, Value
from parsers.stores.store import Store
from tui.errors import UserError
from tui.opening import HEAD_BYTES, open_log, whole
from tui.options import Options
from tui.reading import Moment, Reading, counted_tokens, given_facts

MODEL = frozenset({"n_layer", "n_head", "n_embd", "vocab_size", "block_size", "bias", "tie_embeddings", "n_kv_head",
                   "head_dim", "n_inner", "gated_mlp", "activation", "mlp_type", "n_expert", "model_type"})  # fmt: skip
COUNTED = ("parameters", "parameters_decayed", "parameters_non_decayed")
"""Facts that a log prints of the model that it trained."""
BATCH = frozenset({"batch_size", "gradient_accumulation_steps", "global_batch_size", "block_size", "world_size"})
NANOGPTS_OWN = frozenset({
    "max_iters", "lr_decay_iters", "warmup_iters", "eval_iters", "eval_interval", "log_interval", "decay_lr", "out_dir",
    "gradient_accumulation_steps", "always_save_checkpoint", "wandb_log", "wandb_project", "wandb_run_name",
    "init_from", "block_size",
})  # fmt: skip
"""A Python config with three of these is one for nanoGPT's train.py, whose defaults hold for what it leaves out."""
GPT2_DATA = re.compile(r"openwebtext|^owt|fineweb|^shakespeare$|c4|pile|pajama|wiki|dclm|^edu")
"""Data sets that nanoGPT's users tokenise with GPT-2's vocabulary; of others nobody knows without their folder."""
UNSAID: dict[str, Value] = {"vocab_size": 50304, "compile": True, "dtype": "bfloat16", "optimizer": "AdamW"}
"""nanoGPT's train.py, where neither the config nor a meta.pkl beside the data says otherwise."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A run that is to be planned: its facts by name, and how fast its log says that it went."""

    path: str
    recognised: Recognised | None
    facts: Mapping[str, Fact]
    speed: Efficiency | None = None
    notes: tuple[str, ...] = field(default=())

    def case(self, peak: Peak | None = None) -> Case:
        """What its facts tell before it begins."""
        run = Run()
        for record in (*((self.recognised,) if self.recognised else ()), *self.facts.values()):
            run.apply(record)
        return analyse(run, Circumstances(path=self.path, silence=Silence(None, over=True), peak=peak))

    def changed(self, changes: Mapping[str, Fact]) -> Subject:
        """The same with these facts in place of its own, without what no longer follows from them."""
        facts = dict(self.facts)
        differing = {name for name, fact in changes.items() if name not in facts or facts[name].value != fact.value}
        stale: set[str] = set(COUNTED) if differing & MODEL else set()
        if differing & BATCH:
            stale.add("tokens_per_step")
        if differing & (BATCH - {"block_size", "global_batch_size"}) and " and " in _where(facts, "global_batch_size"):
            stale.add("global_batch_size")
        if "tokens_per_step" in differing and not changes.keys() >= {"batch_size", "gradient_accumulation_steps"}:
            stale |= {"global_batch_size", "gradient_accumulation_steps"}
        kept = {n: f for n, f in facts.items() if n not in stale or f.origin == "flag"}
        return Subject(self.path, self.recognised, {**kept, **changes}, self.speed, self.notes)


def _where(facts: Mapping[str, Fact], name: str) -> str:
    return facts[name].where if name in facts else ""


def read_subject(path: str | None, options: Options) -> Subject:
    """The run at PATH (a log, a run directory, "-" or a config), or of --config alone; raises UserError."""
    if path is None:
        if options.config is None:
            raise UserError("plan: name a config, a log or a run directory (traintop plan config.py)")
        return _of_config(options.config, replace(options, config=None))
    given = Path(path)
    if path != "-" and given.is_dir():
        return _of_directory(given, options)
    if path != "-" and _is_config(given):
        if options.config is not None:
            raise UserError(f"{path} is a config too; name one, as PATH or with --config")
        return _of_config(given, options)
    return _of_log(path, options)


def _is_config(path: Path) -> bool:
    """By its name, unless it is a log or a store's file by what it holds (trainer_state.json)."""
    if path.suffix.lower() not in (*READERS, ".py"):
        return False
    if not path.is_file():  # to open a pipe would wait for its writer, perhaps for ever
        return True
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return True
    return store_of(path) is None and recognise(clean(head)) is None


def _of_config(path: Path, options: Options) -> Subject:
    try:
        found = read_config(path)
        nanogpt = path.suffix.lower() not in READERS and _is_nanogpt(path)
    except ConfigError as error:
        raise UserError(str(error)) from None
    recognised = named_format(options.format) or (_recognised(NanoGPT) if nanogpt else None)
    given = [*given_facts(options), *_counted(options), *found]
    if nanogpt:
        given += _defaults({fact.name: fact.value for fact in found}, path.parent)
    return Subject(str(path), recognised, _by_name(given))


def _is_nanogpt(path: Path) -> bool:
    return len({setting.name for setting in settings(text_of(path))} & NANOGPTS_OWN) >= 3


def _defaults(known: Mapping[str, Value], folder: Path) -> list[Fact]:
    """What nanoGPT's train.py takes where the config says nothing."""
    values = {**DEFAULTS, **UNSAID}
    if not _of_gpt2_tokens(str(known.get("dataset", DEFAULTS["dataset"])), folder):
        del values["vocab_size"]
    return [Fact(name, value, "config", "nanoGPT's default") for name, value in values.items() if name not in known]


def _of_gpt2_tokens(dataset: str, folder: Path) -> bool:
    """Whether the data have no meta.pkl with a vocabulary of their own: by their folder, or else by their name."""
    for data in (folder.parent / "data" / dataset, folder / "data" / dataset):
        if data.is_dir():
            return not (data / "meta.pkl").exists()
    return GPT2_DATA.search(dataset.lower()) is not None


def _of_directory(folder: Path, options: Options) -> Subject:
    """Its newest run, or else the configs that lie in it."""
    from parsers.configs.beside import facts_beside

    try:
        return _of_log(str(folder), options)
    except UserError as error:
        found, _ = facts_beside(folder, options.format)
        if not found:
            raise UserError(f"{error}; it holds no config that it knows either") from None
        return Subject(
            str(folder), named_format(options.format), _by_name([*given_facts(options), *_counted(options), *found])
        )


def _of_log(path: str, options: Options) -> Subject:
    opened = open_log(path, options, may_wait=False)
    reading = Reading(opened.source, options, opened.path)
    for block in whole(opened):
        reading.apply(block)
    case = reading.case(Moment(over=True))
    shown = path if opened.path is None else str(opened.path)
    return Subject(shown, reading.run.recognised, dict(reading.run.facts), case.efficiency, case.notes)


def _counted(options: Options) -> Iterable[Fact]:
    return () if options.data is None else counted_tokens(options.data)


def named_format(name: str | None) -> Recognised | None:
    """The trainer of that name, with what its numbers mean; None for no name and for one that there is not."""
    kinds: tuple[type[Format | Store], ...] = (*FORMATS, *STORES)
    return next((_recognised(kind) for kind in kinds if kind.name == name), None)


def _recognised(kind: type[Format | Store]) -> Recognised:
    return Recognised(kind.name, kind.title, kind.traits, "its config")


def _by_name(found: Iterable[Fact]) -> dict[str, Fact]:
    """The first of each name, a flag before all others."""
    known: dict[str, Fact] = {}
    for fact in found:
        known.setdefault(fact.name, fact)
    return known
