"""The options that watch, replay and diagnose share, and what they become."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

from tui.console import named, within
from tui.errors import UserError

INTERVAL_SECONDS = 1.0
MOST = 1e18
"""Of anything that is counted of a run, beyond which there are only slips."""
SCALE = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}


@dataclass(frozen=True, slots=True)
class Options:
    """What the user said about the run beyond its log; None is not said."""

    config: Path | None = None
    gpu: str | None = None
    gpus: int | None = None
    """How many there are of it, where the user says so ("8x H100")."""
    data: Path | None = None
    params: float | None = None
    tokens_per_step: float | None = None
    peak_flops: float | None = None
    dataset: str | None = None
    format: str | None = None
    interval: float = INTERVAL_SECONDS


def add_common(parser: argparse.ArgumentParser) -> None:
    """The options of the contract that say more about a run."""
    parser.add_argument(
        "--config", type=given_path, metavar="PATH", help="the trainer's config file; read, never executed"
    )
    parser.add_argument(
        "--gpu",
        metavar="NAME|INDEX|UUID",
        help="the GPU of the run, or '8x NAME'; a NAME also where none is present",
    )
    parser.add_argument(
        "--data",
        type=given_path,
        metavar="PATH",
        help="tokenised data set, a file or its directory: its unique tokens and those held out",
    )
    parser.add_argument("--params", type=count, metavar="N", help="parameters of the model (40.56M)")
    parser.add_argument("--tokens-per-step", type=count, metavar="N", help="tokens of one optimiser step (524288)")
    parser.add_argument(
        "--peak", type=within(1e-3, 1e6, "58.3"), metavar="TFLOPS", help="peak of the GPU in TFLOP/s, for the MFU"
    )
    parser.add_argument("--dataset", metavar="NAME", help="data set (fineweb, openwebtext), for the expected loss")
    parser.add_argument(
        "--format", metavar="NAME", help="the log's format where it is not recognised (traintop formats)"
    )
    parser.add_argument(
        "--interval",
        type=within(0.01, 86_400, "1"),
        default=INTERVAL_SECONDS,
        metavar="SECONDS",
        help="between two looks (1)",
    )


def read_options(args: argparse.Namespace) -> Options:
    """The parsed arguments as Options; raises UserError for a format that there is not."""
    if args.format is not None:
        from parsers.formats import FORMATS, STORES

        names = [kind.name for kind in FORMATS] + [kind.name for kind in STORES]
        if args.format not in names:
            known = ", ".join(dict.fromkeys(names))
            raise UserError(f"--format {args.format}: there is no such format; known: {known}")
    gpus, gpu = counted_gpu(args.gpu)
    return Options(
        config=args.config,
        gpu=gpu,
        gpus=gpus,
        data=args.data,
        params=args.params,
        tokens_per_step=args.tokens_per_step,
        peak_flops=args.peak * 1e12 if args.peak else None,
        dataset=args.dataset,
        format=args.format,
        interval=getattr(args, "interval", INTERVAL_SECONDS),  # a plan looks once
    )


def counted_gpu(text: str | None) -> tuple[int | None, str | None]:
    """How many GPUs and which: "8x H100" and "8 x H100" are (8, "H100"); a name alone says no number."""
    found = re.fullmatch(r"\s*([1-9]\d{0,5})\s*[x×*]\s*(\S.*)", text or "")
    return (int(found[1]), found[2]) if found else (None, text)


def count(text: str) -> float:
    """A positive count as people write it: 524288, 524,288, 40.56M, 1.5B."""
    found = re.fullmatch(r"([\d_,]*\.?\d+(?:e[+-]?\d+)?)\s*([kmbgt]?)", text.strip().lower())
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no count; write 524288, 40.56M or 1.5B")
    number = float(found[1].replace(",", "").replace("_", "")) * SCALE[found[2]]
    if not 1 <= number <= MOST:
        raise argparse.ArgumentTypeError(f"{text!r}: write a count from 1 to 1e18, such as 40.56M")
    return number


def given_path(text: str) -> Path:
    """A path that is not empty."""
    return Path(named(text))
