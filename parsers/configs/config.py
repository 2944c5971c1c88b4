"""Reads a trainer's config file: what its settings mean, and what its comments claim."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from parsers.claims import claimed_size, size_in_name
from parsers.clean import printable
from parsers.configs.config_derived import derive
from parsers.configs.config_files import READERS, ConfigError, document, leaves, text_of
from parsers.configs.config_kinds import settings_of
from parsers.configs.config_names import meaning, normal
from parsers.configs.config_table import HELPERS
from parsers.configs.config_values import values
from parsers.configs.settings import Setting, settings
from parsers.records import Fact, Origin, Value

__all__ = ["ConfigError", "claim_of_name", "fact", "facts", "facts_of_mapping", "read_config"]

LONGEST_PATH = 120
"""Of a setting, as it is shown."""

Said = tuple[tuple[str, ...], object, str]
"""A setting's path, its value and where it stands, for people."""


def read_config(path: Path, place: str | None = None) -> list[Fact]:
    """The facts in a trainer's config file, in its order, then those that follow from several settings.

    .yaml, .yml, .toml and .json are read as such and any other name as Python, with the model size that it claims.
    `place` stands for the path in each fact's `where`. Raises ConfigError for what is missing, unreadable or of
    another kind, and, where nothing stands for the path because a person named it, for a file without any fact.
    Nothing of the file is run.
    """
    found = _read(path, f"{path}" if place is None else place)
    if place is None and not found:
        raise ConfigError(path, "holds no setting that is known here")
    return found


def _read(path: Path, shown: str) -> list[Fact]:
    if path.suffix.lower() in READERS:
        return _mapped(settings_of(document(path)), "config", shown)
    source = text_of(path)
    try:
        found = settings(source)
    except SyntaxError as error:
        at = "" if error.lineno is None else f" in line {error.lineno}"
        raise ConfigError(path, f"is no Python{at} ({error.msg})") from None
    return facts(source, found, "config", f"{shown}, ")


def facts_of_mapping(values_by_name: Mapping[str, object], origin: Origin, where: str) -> list[Fact]:
    """The facts in settings that are at hand: nested or with dotted names, numbers perhaps as text (W&B, MLflow).

    Each fact's `where` is `where` and the setting's path: "config.yaml, optimizer.lr".
    """
    return _mapped(settings_of(values_by_name), origin, where)


def facts(source: str, found: Sequence[Setting], origin: Origin, place: str) -> list[Fact]:
    """Settings as facts, and the model size that a comment of `source`, or else the run's name, claims.

    `place` comes before "line 12" in each fact's `where`.
    """
    kept = _facts((((s.name,), s.value, f"{place}line {s.line}") for s in found), origin)
    claim = claimed_size(source)
    if claim is not None:
        kept.append(Fact("claimed_parameters", claim.parameters, "comment", f"{place}line {claim.line}"))
    else:
        kept += [named for f in kept if f.name == "run_name" and (named := claim_of_name(f)) is not None]
    return kept


def fact(name: str, value: Value, origin: Origin, where: str) -> Fact | None:
    """The fact behind a setting; None for a setting that no fact is made of and a value of another type."""
    return next(iter(_facts([((name,), value, where)], origin)), None)


def claim_of_name(run_name: Fact) -> Fact | None:
    """The model size in a run's name as a fact, e.g. 125 million in "125M-single-parquet"."""
    size = size_in_name(str(run_name.value))
    return None if size is None else Fact("claimed_parameters", size, "comment", f"run_name, {run_name.where}")


def _mapped(plain: dict[str, object], origin: Origin, where: str) -> list[Fact]:
    given = {".".join(path): value for path, value in leaves(plain)}
    place = f"{where}, " if where else ""
    return _facts(
        ((tuple(name.replace("/", ".").split(".")), _followed(value, given), place + printable(name)[:LONGEST_PATH])
         for name, value in given.items()),
        origin,
    )  # fmt: skip


def _facts(said: Iterable[Said], origin: Origin) -> list[Fact]:
    """One fact of each name, from the surest setting that means it; none where two as sure ones disagree."""
    best: dict[str, tuple[tuple[int, int, int], list[Fact]]] = {}
    for path, value, where in said:
        names = [name for part in path if (name := normal(part))]
        meant = meaning(names)
        if meant is None:
            continue
        rank = (*meant.rank, -len(names))
        for name, known in values(meant.fact, meant.kind, value).items():
            held = best.get(name)
            if held is None or rank > held[0]:
                best[name] = (rank, [Fact(name, known, origin, where)])
            elif rank == held[0]:
                held[1].append(Fact(name, known, origin, where))
    kept = {name: equal[0] for name, (_, equal) in best.items() if all(f.value == equal[0].value for f in equal)}
    derive(kept)
    return [one for one in kept.values() if one.name not in HELPERS]


def _followed(value: object, given: Mapping[str, object]) -> object:
    """What OmegaConf's "${max_seq_len}" stands for; the text itself where that is not in the config."""
    for _ in range(4):
        if not (isinstance(value, str) and value.startswith("${") and value.endswith("}")):
            break
        name = value[2:-1].strip()
        if name not in given:
            break
        value = given[name]
    return value
