"""The child process that has torch: started, asked, timed out and ended. Its faults become one line each."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

SCRIPT = Path(__file__).with_name("matmul.py")
LINE_BYTES = 4 << 20
"""A result holds some 10,000 numbers; a longer line is no answer."""
GRACE_SECONDS = 3.0
OVERRIDES = ("NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE")
"""Would change what fp32 and tf32 mean behind torch's flags."""


class ChildError(Exception):
    """Why the child gave no answer. `kind` is no-torch, no-device, failed, timeout or crashed."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def environment(visible: str | None) -> dict[str, str]:
    """The child's environment. `visible` names the one CUDA device (UUID or index), "" hides all, None keeps them."""
    variables = {name: value for name, value in os.environ.items() if name not in OVERRIDES}
    if visible is not None:
        variables |= {"CUDA_VISIBLE_DEVICES": visible, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    return variables | {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}


class Child:
    """Runs `script` with `python`; ends it when the block ends."""

    def __init__(self, python: str, variables: Mapping[str, str], script: Path = SCRIPT) -> None:
        self._python = python
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed by __exit__
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        self._rubbish = ""
        try:
            self._process = subprocess.Popen(  # noqa: S603  the user's own interpreter, with our script
                [python, str(script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=dict(variables),
            )
        except OSError as error:
            self._errors.close()
            raise ChildError("no-torch", f"{python} cannot be run: {error.strerror or error}") from None
        threading.Thread(target=self._read, name="traintop-bench-child", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, job: Mapping[str, Any], last: frozenset[str], timeout_seconds: float) -> Iterator[dict[str, Any]]:
        """Sends one job and gives the child's events, up to and with one that `last` names; else raises ChildError."""
        end = time.monotonic() + timeout_seconds
        self._send(job)
        while True:
            event = self._event(end, timeout_seconds)
            if event.get("event") == "error":
                raise ChildError(words(event.get("kind")) or "failed", words(event.get("message")))
            yield event
            if event.get("event") in last:
                return

    def close(self) -> None:
        """Ends the child: by the end of its input, else by SIGTERM, else by SIGKILL."""
        if self._process.stdin is not None:
            with suppress(OSError):  # it may have ended before it read its last job
                self._process.stdin.close()
        if not self._ended(0.2):
            self._process.terminate()
            if not self._ended(GRACE_SECONDS):
                self._process.kill()
                self._process.wait()
        self._errors.close()

    def _send(self, job: Mapping[str, Any]) -> None:
        pipe = self._process.stdin
        if pipe is not None:
            with suppress(OSError):  # it may have ended; why, its output says
                pipe.write(json.dumps(job).encode() + b"\n")
                pipe.flush()

    def _event(self, end: float, timeout_seconds: float) -> dict[str, Any]:
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise ChildError(
                    "timeout", f"the child process gave no answer within {timeout_seconds:.0f} s"
                ) from None
            if line is None:
                raise ChildError("crashed", self._last_words())
            if (event := _parsed(line)) is not None:
                return event
            self._rubbish = words(line.decode("utf-8", "replace")) or self._rubbish

    def _read(self) -> None:
        pipe = self._process.stdout
        if pipe is not None:
            with pipe:
                while line := pipe.readline(LINE_BYTES):
                    self._lines.put(line)
        self._lines.put(None)

    def _ended(self, seconds: float) -> bool:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _last_words(self) -> str:
        code = self._process.poll() if self._ended(GRACE_SECONDS) else None
        if code == -signal.SIGINT:  # the terminal's Ctrl-C reached the child before us
            raise KeyboardInterrupt
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - 4096))
        said = [words(line) for line in self._errors.read().decode("utf-8", "replace").splitlines()]
        why = next((line for line in reversed(said) if line), "") or self._rubbish
        return f"{self._python} {_ending(code)}" + (f": {why}" if why else "")


def _ending(code: int | None) -> str:
    if code is None:
        return "closed its output"
    if code == -signal.SIGKILL:
        return "was killed, most likely for want of memory"
    if code < 0:
        return f"was ended by {_signal(-code)}"
    return f"ended early with exit code {code}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None


def words(value: object) -> str:
    """What the child said, as one short printable line; "" where it said nothing."""
    text = "".join(c if c.isprintable() else " " for c in str(value or ""))
    return " ".join(text.split())[:300]
