"""What the terminal can do: whether there is one, and whether it shows more than ASCII."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def program() -> str:
    """How to type this program here: its name where the shell finds it, else its path."""
    typed = Path(sys.argv[0])
    if typed.name != "traintop":
        return "traintop"
    found = shutil.which("traintop")
    same = found is not None and Path(found).exists() and typed.exists() and Path(found).samefile(typed)
    return "traintop" if same else os.path.relpath(typed)


def has_screen() -> bool:
    """Whether a screen can be drawn: somebody looks at both outputs, and the terminal is not a dumb one."""
    return sys.stdout.isatty() and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def speaks_unicode(encoding: str | None) -> bool:
    """Whether braille and box lines reach a terminal of this encoding as they are; Linux' own console has none.

    A locale of C that somebody set, not one that is missing, asks for ASCII, though Python takes both for UTF-8.
    """
    if os.environ.get("TERM") == "linux" or _asks_for_ascii():
        return False
    return (encoding or "").lower().replace("-", "").replace("_", "") in ("utf8", "utf16", "cp65001")


def _asks_for_ascii() -> bool:
    """Python's UTF-8 mode tells its own LC_CTYPE=C.UTF-8 (PEP 538) from a user's."""
    said = next((value for name in ("LC_ALL", "LANG") if (value := os.environ.get(name))), "")
    return said in ("C", "POSIX") and bool(sys.flags.utf8_mode) and "PYTHONUTF8" not in os.environ


def keys_from_terminal() -> int | None:
    """Frees standard input for the log and takes the keys from /dev/tty; the log's descriptor, None without a tty."""
    try:
        tty = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        return None
    log = os.dup(0)
    os.dup2(tty, 0)
    os.close(tty)
    return log
