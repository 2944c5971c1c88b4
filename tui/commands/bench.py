"""`traintop bench`: what this GPU really multiplies, in a child process. Needs no terminal; imports no torch."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from typing import TYPE_CHECKING

from tui.console import named, print_json, within
from tui.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from gpu.bench import BenchJob, BenchResult, Event

DTYPES = ("bf16", "fp16", "tf32", "fp32", "fp8")
LARGEST = 1 << 20
EXIT = {"done": 0, "refused": 1, "error": 2, "interrupted": 130}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to measure, where, with which torch, and how to answer."""
    parser.add_argument(
        "--dtype",
        type=dtypes,
        metavar="LIST",
        help=f"of {','.join(DTYPES)} (all but fp8 that it has units for)",
    )
    parser.add_argument(
        "--shape", type=shape, action="append", default=[], metavar="M,N,K", help="beside the squares; may be repeated"
    )
    parser.add_argument("--device", metavar="0|UUID|cpu", help="a GPU as nvidia-smi numbers it, or cpu (the first GPU)")
    parser.add_argument(
        "--python",
        type=named,
        default=sys.executable,
        metavar="INTERPRETER",
        help="the Python that has torch: your training's",
    )
    parser.add_argument(
        "--seconds",
        type=within(0.01, 86_400, "30"),
        default=30.0,
        metavar="SECONDS",
        help="to measure in all (30)",
    )
    parser.add_argument("--force", action="store_true", help="measure though something else uses the GPU")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--no-save", action="store_true", help="do not keep the peaks for the MFU of later runs")


def dtypes(text: str) -> tuple[str, ...]:
    """Types by comma, each once."""
    words = [word.strip().lower() for word in text.split(",") if word.strip()]
    unknown = [word for word in words if word not in DTYPES]
    if unknown or not words:
        raise argparse.ArgumentTypeError(f"{text!r}: name some of {','.join(DTYPES)}")
    return tuple(dict.fromkeys(words))


def shape(text: str) -> tuple[int, int, int]:
    """M,N,K (or MxNxK) of D = A @ B, with A of M x K and B of K x N."""
    try:
        m, n, k = (int(word) for word in text.lower().replace("x", ",").split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no shape; write M,N,K such as 16384,768,3072") from None
    if not all(1 <= size <= LARGEST for size in (m, n, k)):
        raise argparse.ArgumentTypeError(f"{text!r}: each size lies between 1 and {LARGEST:,}")
    return m, n, k


def run(args: argparse.Namespace) -> int:
    """Measures, prints, keeps the peaks. 0 done, 1 refused, 2 no torch or no device, 130 interrupted."""
    from gpu.bench import run_bench
    from gpu.nvml import Nvml

    job = _job(args)
    before = [(number, signal.signal(number, signal.default_int_handler)) for number in _endings()]
    try:
        result = run_bench(job, Line().show, Nvml)
    finally:
        Line().clear()
        for number, handler in before:
            signal.signal(number, handler)
    saved, why = _save(result) if not args.no_save else (None, None)
    return answer(result, saved, why, as_json=args.json)


def answer(result: BenchResult, saved: Path | None, why_unsaved: str | None, *, as_json: bool) -> int:
    """Prints the result on standard output, and on standard error why there is none; gives the exit code."""
    from tui.bench_report import document, report

    if as_json:
        print_json(document(result, saved))
    else:
        print(report(result) + _kept(result, saved, why_unsaved), end="")
    if result.outcome == "done" and not result.measurements:
        reasons = ", ".join(dict.fromkeys(one.reason for one in result.skipped))
        print(f"traintop: bench: nothing could be measured: {reasons}", file=sys.stderr)
        return EXIT["error"]
    if result.reason:
        print(f"traintop: bench: {result.reason}", file=sys.stderr)
    return EXIT[result.outcome]


def _job(args: argparse.Namespace) -> BenchJob:
    from gpu.bench import BenchJob
    from gpu.bench_plan import CPU_DTYPES

    device = "cpu" if (args.device or "").lower() == "cpu" else args.device
    refused = [dtype for dtype in args.dtype or () if device == "cpu" and dtype not in CPU_DTYPES]
    if refused:
        raise UserError(f"bench: {', '.join(refused)} is not offered on a CPU; write --dtype {','.join(CPU_DTYPES)}")
    return BenchJob(
        device=device,
        dtypes=args.dtype,
        shapes=tuple(args.shape),
        seconds=args.seconds,
        python=os.path.expanduser(args.python),  # noqa: PTH111  as a string: a bare "python3" is looked up in PATH
        force=args.force,
    )


def _save(result: BenchResult) -> tuple[Path | None, str | None]:
    from gpu.bench_store import save, why_unsaved

    why = why_unsaved(result)
    if why:
        return None, why
    try:
        return save(result), None
    except OSError as error:
        return None, f"{error.filename or 'the cache directory'}: {error.strerror or error}"


def _kept(result: BenchResult, saved: Path | None, why_unsaved: str | None) -> str:
    if not result.measurements:
        return ""
    if saved is not None:
        used = (
            "traintop uses this as the MFU's denominator for this GPU. " if result.device and result.device.uuid else ""
        )
        return f"{used}Kept in {saved}\n"
    return f"Not kept for later runs: {why_unsaved}.\n" if why_unsaved else ""


def _endings() -> list[signal.Signals]:
    """The signals that end it like Ctrl-C; not one that nohup has switched off."""
    known = [signal.Signals[name] for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    return [number for number in known if signal.getsignal(number) is not signal.SIG_IGN]


class Line:
    """One line on standard error that is written anew at each phase; silent where that is no terminal."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"

    def show(self, event: Event) -> None:
        """Shows a phase; results wait for the table."""
        from gpu.bench_result import Progress

        if self._live and isinstance(event, Progress):
            shape = " x ".join(map(str, event.case.shape))
            text = f"bench {event.number}/{event.total}  {event.case.dtype} {shape}  {event.phase}"
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Takes the line away."""
        if self._live:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
