"""YAML, TOML and JSON as people and machines leave them: odd, broken, hostile."""

from __future__ import annotations

from pathlib import Path

import pytest

from parsers.configs.config import ConfigError, facts_of_mapping, read_config
from parsers.configs.config_files import MOST_SETTINGS, document, leaves

BOMB = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{new}: &{new} {{{', '.join(f'k{i}: *{old}' for i in range(9))}}}\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
"""Nine to the ninth values in nine lines."""


def written(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content)
    return path


def test_unknown_yaml_tags_build_nothing(tmp_path: Path) -> None:
    """The value under a tag is taken as it is written; no Python object comes of it."""
    trap = tmp_path / "trap"
    text = f"""
n_layer: 6
paths: !!python/object/apply:os.system ["touch {trap}"]
module: !!python/name:os.system
optimizer: !torch.optim.AdamW {{lr: 3e-4}}
n_head: !custom 8
"""
    assert [(f.name, f.value) for f in read_config(written(tmp_path, "hparams.yaml", text))] == [
        ("n_layer", 6), ("learning_rate", 3e-4), ("n_head", 8),
    ]  # fmt: skip
    assert not trap.exists()


def test_a_broken_number_or_date_costs_only_itself(tmp_path: Path) -> None:
    """PyYAML would give the whole file up."""
    text = f"date: 2024-99-99\nbig: {'9' * 10_000}\nyes: !!bool perhaps\nx: =\nn_layer: 6\n"
    assert [fact.value for fact in read_config(written(tmp_path, "c.yaml", text))] == [6]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [("c.yaml", "a: 1\nb: [1\nc: 2\n", "no YAML in line 3"), ("c.yml", "[" * 5000, "no YAML (too deeply nested)"),
     ("c.yaml", "? [1]\n: 2\n", "no YAML in line 1"), ("c.yaml", "just words\n", "holds no settings"),
     ("c.yaml", "a: 1\n" * 60_000, "larger than 256 KiB"), ("c.yaml", "a: \x01", "no YAML"),
     ("c.toml", "a = 1\nb = = 2\n", "line 2"), ("c.toml", "a = " + "[" * 5000, "no TOML"),
     ("c.json", '{"a": 1,\n "b": }', "no JSON in line 2"), ("c.json", "[" * 100_000, "no JSON (too deeply nested)"),
     ("c.json", "[1, 2]", "holds no settings"), ("c.json", '{"a": ' + "9" * 5000 + "}", "no JSON"),
     ("c.json", "{}" * 1_000_000, "larger than 1 MiB"), ("c.yaml", "a\0b", "binary")],
)  # fmt: skip
def test_what_is_no_config_is_told_in_one_line(tmp_path: Path, name: str, text: str, reason: str) -> None:
    """The line names the path, what is wrong, where, and what belongs there."""
    path = written(tmp_path, name, text)
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    assert reason in message
    assert "--config takes" in message


@pytest.mark.parametrize("name", ["c.yaml", "c.yml", "c.toml", "c.json", "C.YAML"])
def test_an_empty_config_says_nothing(tmp_path: Path, name: str) -> None:
    """No settings and no error where it lies beside a log."""
    assert read_config(written(tmp_path, name, ""), "beside the log") == []


def test_a_config_that_unfolds_without_end_is_cut(tmp_path: Path) -> None:
    """Aliases of aliases and a mapping within itself give a bounded number of settings."""
    found = document(written(tmp_path, "bomb.yaml", BOMB))
    assert sum(1 for _ in leaves(found)) <= MOST_SETTINGS
    assert read_config(written(tmp_path, "loop.yaml", "a: &a {b: *a}\nn_layer: 6\n"))[0].value == 6


def test_omegaconf_references_are_followed_within_the_file(tmp_path: Path) -> None:
    """Through others, not round in circles, and not out of it."""
    text = "seq: 512\nseq_len: ${a.b}\na: {b: '${seq}'}\nn_layer: ${n_head}\nn_head: ${n_layer}\nlr: ${oc.env:LR}\n"
    assert [(f.name, f.value) for f in read_config(written(tmp_path, "c.yaml", text))] == [("block_size", 512)]


def test_what_is_shown_of_a_setting_is_one_short_line() -> None:
    """A name with control characters moves no cursor, and a long one is cut."""
    (fact,) = facts_of_mapping({"\x1b[2J\n" + "x" * 500: {"n_layer": 2}}, "config", "c.json")
    assert fact.where.isprintable()
    assert len(fact.where) < 200
