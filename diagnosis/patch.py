"""A finding's settings as lines to paste, in the syntax of the run's trainer or of its own config file."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from diagnosis.case import Case
from parsers.records import Fact, Syntax, Value

DIGITS = 6
"""Significant ones of a computed number, as of half a learning rate."""
COUPLED = frozenset({"batch_size", "gradient_accumulation_steps", "global_batch_size", "tokens_per_step"})
"""They fix the tokens of a step together: one of them alone would change what the others keep."""
PLAIN = frozenset(
    {"batch_size", "gradient_accumulation_steps", "learning_rate", "weight_decay", "dropout", "grad_clip"}
)
"""Facts that every config file states as one plain number; others may be shares, durations or lists there."""
CONFIG_FILE = re.compile(r".*\.(?P<suffix>ya?ml|toml), (?P<setting>[A-Za-z_][\w.-]*)", re.DOTALL)
"""Where a fact of a config file is from; one that is made of several settings names them with "and"."""

Pairs = Sequence[tuple[str, Value]]
Tree = dict[str, object]


@dataclass(frozen=True, slots=True)
class _Line:
    syntax: Syntax
    setting: str
    value: Value


def patch(case: Case, settings: Pairs) -> tuple[str, ...]:
    """The lines that make `settings`, facts' names and their values; none for a setting whose name is not known.

    The trainer's own names count, unless a YAML or TOML config of the run has others: then only its names do.
    Settings that only hold together are written together or not at all.
    """
    lines = {name: _line(case, settings, name, value) for name, value in settings}
    if any(line is None for name, line in lines.items() if name in COUPLED):
        lines = {name: line for name, line in lines.items() if name not in COUPLED}
    known = [line for line in lines.values() if line is not None]
    written: list[str] = []
    for syntax in dict.fromkeys(line.syntax for line in known):
        written += WRITERS[syntax]([(line.setting, line.value) for line in known if line.syntax == syntax])
    return tuple(written)


def has_name(case: Case, fact: str) -> bool:
    """Whether it is known how the run's trainer, or its config file, calls the setting behind a fact."""
    return _line(case, (), fact, 1) is not None


def _line(case: Case, settings: Pairs, name: str, value: Value) -> _Line | None:
    if _own_names(case):
        return _of_config(case.configured.get(name), value) if name in PLAIN else None
    return _of_trainer(case, settings, name, value)


def _own_names(case: Case) -> bool:
    """Whether a config file of the run calls any setting otherwise than its trainer does, as axolotl's files do."""
    known = case.traits.settings
    if known is None:
        return True
    said = {name: _of_config(fact, 0) for name, fact in case.configured.items() if name in PLAIN & known.names.keys()}
    return any(line is not None and _last(line.setting) != _last(known.names[name]) for name, line in said.items())


def _of_trainer(case: Case, settings: Pairs, name: str, value: Value) -> _Line | None:
    known = case.traits.settings
    if known is None:
        return None
    if (name, value) in known.values:
        return _Line(known.syntax, *known.values[name, value])
    if name in known.shares:
        setting, of = known.shares[name]
        whole = dict(settings).get(of, case.number(of))
        part = _share(value, whole)
        return None if part is None else _Line(known.syntax, setting, part)
    return _Line(known.syntax, known.names[name], value) if name in known.names else None


def _share(value: Value, whole: Value | None) -> float | None:
    if isinstance(value, bool | str) or whole is None or isinstance(whole, bool | str) or not whole > 0:
        return None
    return value / whole


def _of_config(fact: Fact | None, value: Value) -> _Line | None:
    found = None if fact is None else CONFIG_FILE.fullmatch(fact.where)
    return None if found is None else _Line("toml" if found["suffix"] == "toml" else "yaml", found["setting"], value)


def _last(setting: str) -> str:
    return setting.rsplit(".", 1)[-1].replace("-", "_").lower()


def _number(value: float) -> str:
    """With a point before an exponent, without which YAML takes it for text."""
    if isinstance(value, int):
        return str(value)
    mantissa, sign, exponent = repr(float(f"{value:.{DIGITS}g}")).partition("e")
    return mantissa + (".0" if sign and "." not in mantissa else "") + sign + exponent


def _word(value: Value, quoted: Callable[[str], str]) -> str:
    """A value as YAML, TOML and JSON have it."""
    if isinstance(value, bool):
        return str(value).lower()
    return quoted(value) if isinstance(value, str) else _number(value)


def _python(pairs: Pairs) -> list[str]:
    return [f"{name} = {repr(value) if isinstance(value, bool | str) else _number(value)}" for name, value in pairs]


def _flags(pairs: Pairs) -> list[str]:
    """One line: the end of a command. A flag that is not given is off, so that one to be off has no words."""
    words = []
    for name, value in pairs:
        dashes = "-" if len(name) == 1 else "--"
        if value is not False:
            words.append(dashes + name + ("" if value is True else f" {_shell(value)}"))
    return [" ".join(words)] if words else []


def _overrides(pairs: Pairs) -> list[str]:
    return [" ".join(f"{name}={value if isinstance(value, bool) else _shell(value)}" for name, value in pairs)]


def _shell(value: Value) -> str:
    return _word(value, shlex.quote)


def _yaml(pairs: Pairs) -> list[str]:
    return _indented(_tree(pairs), 0)


def _indented(tree: Mapping[str, object], depth: int) -> list[str]:
    lines = []
    for name, value in tree.items():
        if isinstance(value, dict):
            lines += ["  " * depth + f"{name}:", *_indented(value, depth + 1)]
        elif isinstance(value, bool | int | float | str):
            lines.append("  " * depth + f"{name}: {_word(value, str)}")
    return lines


def _toml(pairs: Pairs) -> list[str]:
    """Settings of the top first, as TOML wants them, then each table."""
    tables: dict[str, list[str]] = {"": []}
    for path, value in pairs:
        table, _, name = path.rpartition(".")
        tables.setdefault(table, []).append(f"{name} = {_word(value, json.dumps)}")
    return [line for table, lines in tables.items() for line in ([f"[{table}]"] if table else []) + lines]


def _json(pairs: Pairs) -> list[str]:
    """The inside of an object, also of one in YAML."""
    lines = [f"{json.dumps(name)}: {_braced(value)}" for name, value in _tree(pairs).items()]
    return [line + "," for line in lines[:-1]] + lines[-1:]


def _braced(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)}: {_braced(inner)}" for name, inner in value.items()) + "}"
    return _word(value, json.dumps) if isinstance(value, bool | int | float | str) else "null"


def _tree(pairs: Pairs) -> Tree:
    tree: Tree = {}
    for path, value in pairs:
        *sections, name = path.split(".")
        place = tree
        for section in sections:
            inner = place.setdefault(section, {})
            place = inner if isinstance(inner, dict) else {}
        place[name] = value
    return tree


WRITERS: dict[Syntax, Callable[[Pairs], list[str]]] = {
    "python": _python,
    "flags": _flags,
    "overrides": _overrides,
    "yaml": _yaml,
    "toml": _toml,
    "json": _json,
}
