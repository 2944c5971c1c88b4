"""What a command loads: a monitor that only answers or diagnoses must not pay for a screen or for torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOG = "examples/tiny_gpt_cpu.log"

WRAPPER = """
import json, sys
from tui.cli import main
try:
    code = main(json.loads(sys.argv[1]))
except SystemExit as end:
    code = end.code
print(json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]), file=sys.stderr)
"""
"""Runs one command in this very process and writes its exit code and the packages that are loaded then."""


def loaded_by(*arguments: str) -> set[str]:
    """The top-level packages that a fresh interpreter has loaded once the command is done."""
    done = subprocess.run(
        [sys.executable, "-c", WRAPPER, json.dumps(arguments)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    code, packages = json.loads(done.stderr.splitlines()[-1])

    assert code in (0, None), done.stderr
    assert done.stdout
    return set(packages)


@pytest.mark.parametrize("flag", [["--help"], ["--version"], ["plan", "--help"]], ids=" ".join)
def test_help_and_version_load_nothing_heavy(flag: list[str]) -> None:
    """They answer from the standard library alone."""
    assert not loaded_by(*flag) & {"numpy", "textual", "rich", "torch", "watchdog", "pynvml"}


@pytest.mark.parametrize(
    "command",
    [
        ["diagnose", LOG],
        ["diagnose", "--json", LOG],
        ["diagnose", "--help"],
        ["bench", "--help"],
        ["plan", LOG],
        ["plan", "--json", LOG],
        ["plan", "--help"],
        ["replay", "--help"],
        ["watch", "--help"],
        ["explain", "loss-spike"],
        ["formats"],
    ],
    ids=" ".join,
)
def test_a_command_without_a_screen_loads_no_screen(command: list[str]) -> None:
    """Textual costs a quarter of a second and torch several, so neither comes before it is drawn or measured with."""
    assert not loaded_by(*command) & {"textual", "torch"}


def test_the_wrapper_sees_what_is_loaded() -> None:
    """The other tests could fail: a diagnosis is seen to load numpy."""
    assert "numpy" in loaded_by("diagnose", LOG)
