"""Reads YAML, TOML and JSON configs into plain mappings: nothing in them is built or run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    import yaml

MOST_BYTES = 1 << 20
MOST_YAML_BYTES = 1 << 18
"""PyYAML reads some 150 kB a second; its C loader is faster, and ends the program at a file nested too deeply."""
WANTED = "--config takes the trainer's config file (.py, .yaml, .toml or .json)"
MOST_SETTINGS = 20_000
DEEPEST = 12

Leaf = tuple[tuple[str, ...], object]
"""The path of a setting, as it is written, and its value: a scalar, a list or a {value, unit}."""


class ConfigError(Exception):
    """Why a config could not be read: one line with its path and the mend."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} {reason}; {WANTED}")
        self.path = path
        self.reason = reason


def text_of(path: Path) -> str:
    """A config file's text, of 1 MiB at most. Raises ConfigError for what is missing, unreadable or binary."""
    try:
        if path.is_dir():
            raise ConfigError(path, "is a directory")
        if path.exists() and not path.is_file():  # to open a pipe would wait for its writer, perhaps for ever
            raise ConfigError(path, "is a pipe or device")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(path, "does not exist") from None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise ConfigError(path, f"cannot be read ({reason})") from None
    if b"\0" in content:
        raise ConfigError(path, "is binary")
    if len(content) > MOST_BYTES:
        raise ConfigError(path, "is larger than 1 MiB")
    return content.decode("utf-8-sig", "replace")


def document(path: Path) -> dict[str, object] | list[object]:
    """What a .yaml, .yml, .toml or .json file holds: a mapping, or Hydra's list of overrides; {} for an empty one.

    Raises ConfigError for what cannot be read, with the line where it breaks, and for what holds no settings.
    """
    text = text_of(path)
    found = READERS[path.suffix.lower()](path, text)
    if found is None:
        return {}
    if isinstance(found, dict):
        return found
    if (
        isinstance(found, list)
        and found
        and all(isinstance(one, str) for one in found)
        and any("=" in str(one) for one in found)
    ):
        return found
    raise ConfigError(path, "holds no settings")


def leaves(found: object, path: tuple[str, ...] = ()) -> Iterator[Leaf]:
    """Every setting in a nested mapping, in its order; MOST_SETTINGS and DEEPEST bound what an alias can unfold to."""
    left = [MOST_SETTINGS]
    yield from _leaves(found, path, left)


def _leaves(found: object, path: tuple[str, ...], left: list[int]) -> Iterator[Leaf]:
    if not isinstance(found, dict) or (path and found.keys() >= {"value", "unit"}):
        if path:
            yield path, found
        return
    for key, value in found.items():
        left[0] -= 1
        if left[0] < 0 or len(path) >= DEEPEST:
            return
        yield from _leaves(value, (*path, str(key)), left)


def _broken(path: Path, kind: str, line: int | None, reason: object) -> NoReturn:
    at = "" if line is None else f" in line {line}"
    raise ConfigError(path, f"is no {kind}{at} ({' '.join(str(reason).split())[:200]})") from None


def _yaml(path: Path, text: str) -> object:
    import yaml

    if len(text.encode("utf-8", "replace")) > MOST_YAML_BYTES:
        raise ConfigError(path, "is larger than 256 KiB")
    try:
        return yaml.load(text, Loader=_loader())  # noqa: S506  a SafeLoader whose unknown tags give plain values
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        _broken(path, "YAML", None if mark is None else mark.line + 1, error.problem or error)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        _broken(path, "YAML", None, "too deeply nested" if isinstance(error, RecursionError) else error)


@cache
def _loader() -> type[yaml.SafeLoader]:
    """A loader that gives the plain value under a tag such as !!python/object, and text for a broken number or date."""
    import yaml

    class PlainLoader(yaml.SafeLoader):
        pass

    for name in ("int", "float", "bool", "timestamp", "binary", "value"):
        tag = f"tag:yaml.org,2002:{name}"
        PlainLoader.add_constructor(tag, _or_text(yaml.SafeLoader.yaml_constructors.get(tag)))
    PlainLoader.add_multi_constructor("", _plain)
    return PlainLoader


def _or_text(construct: Callable[[Any, Any], object] | None) -> Callable[[yaml.SafeLoader, yaml.Node], object]:
    def read(loader: yaml.SafeLoader, node: yaml.Node) -> object:
        try:
            return node.value if construct is None else construct(loader, node)
        except (ValueError, KeyError, AttributeError, TypeError, OverflowError):
            return str(node.value)

    return read


def _plain(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> object:
    import yaml

    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value


def _toml(path: Path, text: str) -> object:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        _broken(path, "TOML", None, error)
    except (ValueError, RecursionError) as error:
        _broken(path, "TOML", None, "too deeply nested" if isinstance(error, RecursionError) else error)


def _json(path: Path, text: str) -> object:
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        _broken(path, "JSON", error.lineno, error.msg)
    except (ValueError, RecursionError) as error:
        _broken(path, "JSON", None, "too deeply nested" if isinstance(error, RecursionError) else error)


READERS: dict[str, Callable[[Path, str], object]] = {".yaml": _yaml, ".yml": _yaml, ".toml": _toml, ".json": _json}
