from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from typed_commands import ROOT

from tui.terminal import has_screen, program, speaks_unicode


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("out", "err", "term", "screen"),
    [
        (Tty, Tty, "xterm-256color", True),
        (Tty, Tty, "dumb", False),
        (io.StringIO, Tty, "xterm", False),
        (Tty, io.StringIO, "xterm", False),
    ],
    ids=["terminal", "dumb", "piped", "stderr to a file"],
)
def test_a_screen_needs_somebody_who_looks(
    out: type[io.StringIO], err: type[io.StringIO], term: str, screen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Textual draws on standard error; who pipes the output wants text."""
    monkeypatch.setattr(sys, "stdout", out())
    monkeypatch.setattr(sys, "stderr", err())
    monkeypatch.setenv("TERM", term)

    assert has_screen() is screen


@pytest.mark.parametrize(
    ("encoding", "unicode"), [("utf-8", True), ("UTF8", True), ("ascii", False), ("latin-1", False), (None, False)]
)
def test_braille_needs_an_encoding_that_has_it(
    encoding: str | None, unicode: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anything but UTF gets ASCII drawings."""
    for name in ("TERM", "LC_ALL", "LANG"):
        monkeypatch.delenv(name, raising=False)
    assert speaks_unicode(encoding) is unicode


def test_the_linux_console_has_no_braille(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its font has 512 signs at most."""
    monkeypatch.setenv("TERM", "linux")
    assert not speaks_unicode("utf-8")


@pytest.mark.parametrize(
    ("environment", "unicode"),
    [
        ({"LANG": "C"}, False),
        ({"LC_ALL": "POSIX"}, False),
        ({}, True),
        ({"LANG": "C.UTF-8"}, True),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),
        ({"LANG": "C", "PYTHONUTF8": "1"}, True),
    ],
    ids=str,
)
def test_who_sets_a_locale_of_c_wants_ascii(environment: dict[str, str], unicode: bool) -> None:
    """A container without a locale, which Python calls UTF-8 as well, does not."""
    asked = "import sys; from tui.terminal import speaks_unicode; print(speaks_unicode(sys.stdout.encoding))"
    done = subprocess.run(
        [sys.executable, "-c", asked], env={"PYTHONPATH": str(ROOT), **environment}, capture_output=True, check=True
    )
    assert done.stdout.strip() == str(unicode).encode()


def test_the_program_is_named_as_it_can_be_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name where the shell finds it, else by its path from here."""
    script = tmp_path / "bin" / "traintop"
    script.parent.mkdir()
    script.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(script)])
    monkeypatch.setenv("PATH", "/nowhere")
    away = program()
    monkeypatch.setenv("PATH", str(script.parent))

    assert away == "bin/traintop"
    assert program() == "traintop"
