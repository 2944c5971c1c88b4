"""What any PyTorch trainer's log may hold beside its own lines: tracebacks, out of memory, kills, warnings."""

from __future__ import annotations

import re

from parsers.records import Notice, NoticeKind
from parsers.rows.foreign import credible, without_rank, words

TRACEBACK = b"Traceback (most recent call last)"
LONGEST_TRACEBACK = 2000
"""Lines; what goes on for longer is no traceback."""
LONGEST_LINE = 4096
MOST_NOTICES = 100
"""Of each kind in one log, so that a program that complains at each step costs nothing."""

OUT_OF_MEMORY = re.compile(
    rb"[\w.]{0,80}OutOfMemoryError: |RuntimeError: CUDA (?:error: )?out of memory"
    rb"|CUDA out of memory\. Tried to allocate"
)
ALLOCATION = re.compile(rb"empty_strided\w*\(\([\d, ]+\).*")
EXCEPTION = re.compile(
    rb"(?:(?:\w+\.)+\w+|\w*(?:Error|Exception|Exit|Interrupt|Iteration|Failed|Unsupported|Warning|Group))(?::|$)"
)
LAST_WORDS = re.compile(
    rb"(?:\w*Error|KeyboardInterrupt)(?:: |$)|(?:\w+\.)+\w*(?:Error|Failed)(?:: |$)"
    rb"|(?:\S+: line \d+: +\d+ |\[\d+\][+-]? +(?:\d+ +)?|zsh: )?"
    rb"(?i:killed|terminated|bus error|aborted|segmentation fault)(?: \(core dumped\))?(?: *$| {2,}\S)"
    rb"|Fatal Python error: |terminate called after throwing"
    rb"|(?:slurmstepd|srun): error: .*(?:CANCELLED|oom.?kill|Killed|Segmentation|Exited)"
    rb"|.{0,200}failed \(exitcode: -?\d+\) local_rank: "
    rb"|.{0,200}Watchdog caught collective operation timeout"
)
HARMLESS = re.compile(
    rb"Not enough SMs to use max_autotune_gemm mode|(?:^|: )\w*Warning: "
    rb"|torch\._dynamo hit config\.\w+|(?:recompile|cache_size)_limit|^WARNING: using slow attention"
)
DATA_ENDED = re.compile(
    rb"(?:Your input r|\bR)an out of data; (?:interrupting training|last step was canceled)"
    rb"|There seems (?:not to be|to be not) a single sample in your epoch_iterator"
)
"""Keras, torchtitan train.py, transformers trainer.py: the run ends here."""
HINTS = (b"memory", b"error", b"kill", b"fault", b"warning", b"not enough sms", b"limit", b"traceback", b"interrupt",
         b"failed", b"terminat", b"aborted", b"timeout", b"cancelled", b"ran out of data;",
         b"a single sample in")  # fmt: skip
"""In small letters. A line without any of these says nothing here, unless a traceback is open."""


class Messages:
    """Reads line by line; a traceback may span calls."""

    def __init__(self) -> None:
        self._lines_inside: int | None = None
        """How long the open traceback is; None where none is open."""
        self._last_inside = b""
        self._allocation = b""
        self._said: dict[NoticeKind, set[tuple[str, int | None]]] = {}

    @property
    def open(self) -> bool:
        """Whether a traceback is open, so that each line must be read."""
        return self._lines_inside is not None

    def read(self, line: bytes, step: int | None) -> list[Notice]:
        """The notices of one line; `step` is the last step that was printed before it."""
        line = without_rank(line[:LONGEST_LINE])
        if TRACEBACK in line and credible(line[: line.index(TRACEBACK)]):
            self._lines_inside = 0
            return []
        if self._lines_inside is not None:
            return self._inside(line, step)
        return self._outside(line, step)

    def rows_came(self) -> None:
        """The trainer went on printing rows, so no traceback is open."""
        self._lines_inside = None

    def close(self, step: int | None) -> list[Notice]:
        """A traceback that was cut off before its last line."""
        if self._lines_inside is None:
            return []
        self._lines_inside = None
        return self._say("traceback", words(self._last_inside or TRACEBACK), step)

    def _inside(self, line: bytes, step: int | None) -> list[Notice]:
        self._lines_inside = (self._lines_inside or 0) + 1
        if line[:1] in b" \t" or not EXCEPTION.match(line):
            self._last_inside = line
            if found := ALLOCATION.search(line):
                self._allocation = found[0]
            if self._lines_inside > LONGEST_TRACEBACK:
                self._lines_inside = None
            return []
        self._lines_inside = None
        return self._outside(line, step, is_exception=True)

    def _outside(self, line: bytes, step: int | None, *, is_exception: bool = False) -> list[Notice]:
        found = OUT_OF_MEMORY.search(line)
        allocation, self._allocation = self._allocation, b""
        if found and credible(line[: found.start()]):
            tail = " | " + words(allocation) if allocation else ""
            return self._say("out-of-memory", words(line[found.start() :]) + tail, step)
        if is_exception or LAST_WORDS.match(line):
            return self._say("traceback", words(line), step)
        ended = DATA_ENDED.search(line)
        if ended and credible(line[: ended.start()]):
            return self._say("warning", words(line[ended.start() :]), step)
        if HARMLESS.search(line) and not line.lstrip().startswith(b"#"):
            return self._say("warning", words(line), step)
        return []

    def _say(self, kind: NoticeKind, text: str, step: int | None) -> list[Notice]:
        """One notice, unless the same was said: a warning ever, an error since the last step, whatever its digits."""
        said = self._said.setdefault(kind, set())
        key = (re.sub(r"\d", "", text), None if kind == "warning" else step)
        if not text or key in said or len(said) >= MOST_NOTICES:
            return []
        said.add(key)
        return [Notice(kind, text, step)]
