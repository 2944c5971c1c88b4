"""`traintop plan`: what a config will cost and reach, before a GPU hour is spent. Imports no textual."""

from __future__ import annotations

import argparse

from tui.console import ascii_only, columns, named, print_json, within
from tui.options import count, given_path, read_options

HELP = """
PATH is a log (its facts and the config beside it), a run directory, or a config (.py, .yaml, .toml, .json), which is
read and never executed. --set takes a fact's name (n_embd, batch_size, planned_steps) or the trainer's own
(max_iters, num_hidden_layers). --sizes takes parameter counts (30M,124M,350M: about 64 times as wide as deep, heads
64 wide) or one dimension (n_embd=384,768; n_layer=6,12); with --hours or --flops each gets that much.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The config, the GPU, changes, and what to compare."""
    parser.epilog = HELP
    parser.add_argument("path", metavar="PATH", nargs="?", type=named, help="a config, a log or a run directory")
    parser.add_argument("--config", type=given_path, metavar="PATH", help="the trainer's config; read, never executed")
    parser.add_argument("--gpu", metavar="NAME|INDEX|UUID", help="the GPU to plan for, or '8x NAME' (the one here)")
    parser.add_argument("--memory", type=within(0.1, 1e5, "24"), metavar="GiB", help="of one GPU (all that it has)")
    parser.add_argument("--peak", type=within(1e-3, 1e6, "58.3"), metavar="TFLOPS", help="peak of one GPU in TFLOP/s")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", dest="changes", help="change a setting; repeatable"
    )
    parser.add_argument("--sizes", metavar="LIST", help="a table over sizes: 30M,124M,350M or n_embd=384,768")
    parser.add_argument(
        "--hours", type=within(1e-3, 1e6, "24"), metavar="HOURS", help="the best size for so many hours"
    )
    parser.add_argument(
        "--flops", type=within(1e12, 1e30, "1e19"), metavar="FLOPS", help="the best size for so many FLOPs (1e19)"
    )
    parser.add_argument("--data", type=given_path, metavar="PATH", help="tokenised data set: its unique tokens")
    parser.add_argument("--dataset", metavar="NAME", help="data set (fineweb, openwebtext), for the expected loss")
    parser.add_argument("--params", type=count, metavar="N", help="parameters, where the layout is not known (40.56M)")
    parser.add_argument("--tokens-per-step", type=count, metavar="N", help="tokens of one optimiser step (524288)")
    parser.add_argument("--format", metavar="NAME", help="whose config or log it is (traintop formats)")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--ascii", action="store_true", help="no signs beyond ASCII")


def run(args: argparse.Namespace) -> int:
    """Plans and prints; 0 done. UserError for what cannot be planned."""
    from tui.plan_make import Wish, make

    wish = Wish(
        changes=tuple(args.changes),
        sizes=args.sizes,
        hours=args.hours,
        flops=args.flops,
        memory_bytes=None if args.memory is None else args.memory * 2**30,
    )
    made = make(args.path, read_options(args), wish)
    if args.json:
        from tui.plan_json import plan_document

        print_json(plan_document(made))
    else:
        from tui.plan_text import plan_text

        print(plan_text(made, width=columns(), ascii_only=ascii_only(args.ascii)), end="")
    return 0
