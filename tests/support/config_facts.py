"""What a trainer's config file must give: its facts, all and no others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from parsers.configs.config import read_config
from parsers.records import Value


def assert_gives(path: Path, text: str, expected: Mapping[str, Value]) -> None:
    """A file of this name and text gives these facts, each with its type."""
    path.write_text(text)
    found = {fact.name: fact.value for fact in read_config(path)}
    assert found == pytest.approx(dict(expected))
    assert {n: type(v) for n, v in found.items()} == {n: type(v) for n, v in expected.items()}
