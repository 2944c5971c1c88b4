"""A trainer's config file: its settings as facts, and how it fails."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from parsers.configs.config import ConfigError, read_config
from parsers.records import Fact

SOURCE = """\
# train GPT-2 (124M)
wandb_run_name = 'gpt2-124M'
gradient_accumulation_steps = 5 * 8
max_iters = 6e5
warmup_iters = int(max_iters * 0.01)
lr_decay_iters = max_iters
dropout = 0
bias = False
n_layer = 12.5
dataset = 3
seed = 1337
"""


def config(folder: Path, content: bytes | str) -> Path:
    path = folder / "train.py"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_settings_become_facts_under_the_shared_names(tmp_path: Path) -> None:
    """Expressions are worked out; a count is an int, a rate a float; another type or name makes no fact."""
    path = config(tmp_path, SOURCE)
    assert read_config(path) == [
        Fact("run_name", "gpt2-124M", "config", f"{path}, line 2"),
        Fact("gradient_accumulation_steps", 40, "config", f"{path}, line 3"),
        Fact("planned_steps", 600_000, "config", f"{path}, line 4"),
        Fact("warmup_steps", 6000, "config", f"{path}, line 5"),
        Fact("decay_steps", 600_000, "config", f"{path}, line 6"),
        Fact("dropout", 0.0, "config", f"{path}, line 7"),
        Fact("bias", False, "config", f"{path}, line 8"),
        Fact("claimed_parameters", 124_000_000, "comment", f"{path}, line 1"),
    ]
    assert [type(fact.value) for fact in read_config(path)] == [str, int, int, int, int, float, bool, int]


def test_a_runs_name_claims_where_no_comment_does(tmp_path: Path) -> None:
    """The claim says that it is the name's."""
    path = config(tmp_path, "wandb_run_name = 'gpt2-124M'\n")
    assert read_config(path)[-1] == Fact("claimed_parameters", 124_000_000, "comment", f"run_name, {path}, line 1")


def test_an_empty_config_says_nothing(tmp_path: Path) -> None:
    """No facts and no error where it lies beside a log; who names it as the config is told."""
    path = config(tmp_path, "")
    assert read_config(path, "beside the log") == []
    with pytest.raises(ConfigError, match="holds no setting that is known here"):
        read_config(path)


def test_a_config_is_never_run(tmp_path: Path) -> None:
    """Its code does nothing, and the settings around it are still read."""
    trap = tmp_path / "trap"
    path = config(tmp_path, f"open({str(trap)!r}, 'w')\nbatch_size = 4\nimport nowhere\n")
    assert [fact.name for fact in read_config(path)] == ["batch_size"]
    assert not trap.exists()


def test_text_with_a_byte_order_mark_or_other_encoding_is_read(tmp_path: Path) -> None:
    """Windows editors write them; a comment in Latin-1 costs nothing."""
    content = b"\xef\xbb\xbfbatch_size = 4 # gr\xf6\xdfer\r\nn_layer = 2\r\n"
    assert [fact.value for fact in read_config(config(tmp_path, content))] == [4, 2]


@pytest.mark.parametrize(
    ("content", "reason"),
    [("x = = 3\n", "no Python in line 1"), (b"\x7fELF\0\0", "binary"), ("x = 1\n" * 200_000, "larger than 1 MiB"),
     ("# About\nThis is *Markdown*.\n", "no Python in line 2"), ("(" * 3000, "no Python"),
     ("x = " + "-" * 100_000 + "1\n", "no Python"), ("a" + ".b" * 50_000 + " = 1\n", "no Python")],
)  # fmt: skip
def test_what_is_no_config_is_told_in_one_line(tmp_path: Path, content: bytes | str, reason: str) -> None:
    """The line names the path, what is wrong and what belongs there."""
    path = config(tmp_path, content)
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    assert reason in message
    assert "--config takes" in message


@pytest.mark.parametrize(
    ("name", "reason"),
    [("none.py", "does not exist"), (".", "directory"), ("x\0y", "cannot be read"), ("x" * 300, "too long")],
)
def test_what_cannot_be_opened_is_told_in_one_line(tmp_path: Path, name: str, reason: str) -> None:
    """Missing, a directory, and paths that no file system takes."""
    with pytest.raises(ConfigError, match=reason):
        read_config(tmp_path / name)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """To open one waits until somebody writes to it, which nobody may ever do."""
    pipe = tmp_path / "config.py"
    os.mkfifo(pipe)
    with pytest.raises(ConfigError, match="pipe"):
        read_config(pipe)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_told_in_one_line(tmp_path: Path) -> None:
    """The system's own reason is in it."""
    path = config(tmp_path, "x = 1\n")
    path.chmod(0)
    with pytest.raises(ConfigError, match="Permission denied"):
        read_config(path)
