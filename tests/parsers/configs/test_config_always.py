"""What holds for any settings and any bytes: facts or one line, never another error."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.clean import printable
from parsers.configs.config import ConfigError, facts_of_mapping, read_config
from parsers.configs.config_names import MEANINGS
from parsers.configs.config_table import HELPERS

NAMES = st.one_of(st.sampled_from(sorted(MEANINGS)), st.text(max_size=8), st.sampled_from(["train", "model", "eval"]))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["1e5", "4800ba", "0.1dur"]),
)
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6), max_leaves=30
)


@given(st.dictionaries(NAMES, TREES, max_size=10))
def test_any_settings_give_sound_facts(tree: dict[str, object]) -> None:
    """One of a name, each finite and with a place that can be shown."""
    found = facts_of_mapping(tree, "config", "c.yaml")
    assert len({fact.name for fact in found}) == len(found)
    for fact in found:
        assert fact.name not in HELPERS
        assert isinstance(fact.value, bool | str) or (math.isfinite(fact.value) and fact.value >= 0)
        assert printable(fact.where) == fact.where


@settings(max_examples=60)
@pytest.mark.parametrize("suffix", [".yaml", ".toml", ".json"])
@given(content=st.one_of(st.binary(max_size=200), st.text(alphabet="ab:{}[]-!&*<>'\"\n 1=.#|?%", max_size=80)))
def test_any_bytes_are_read_or_told_in_one_line(suffix: str, content: bytes | str) -> None:
    """Nothing else comes out of a config file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"c{suffix}"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        said = ""
        try:
            read_config(path)
        except ConfigError as error:
            said = str(error)
        assert "\n" not in said
