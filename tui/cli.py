"""The command line's front door. Imports nothing heavy: each command's module is loaded when it runs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from tui.errors import UserError

COMMANDS = {
    "watch": "watch a log live (also without the word: traintop train.log)",
    "replay": "play a finished log on its own clock: pause, seek, change speed",
    "diagnose": "one reading, printed and done; --json for programs",
    "plan": "what a config will cost and reach, before an hour is spent on it",
    "bench": "measure this GPU's real matmul throughput",
    "explain": "what a finding means, what triggers it, what to do",
    "formats": "the log formats it reads",
}
USAGE = """usage: traintop [PATH...]             watch a training log live ("-" reads standard input)
       traintop COMMAND [--help] ...

traintop runs beside a training job, reads the log that the trainer writes anyway, and shows loss and forecast,
tokens against the budget, the MFU of this GPU, VRAM, and a diagnosis with its evidence. It never touches the job.

commands:
{commands}

"traintop watch --help" lists the options for watching. Without a PATH it takes the newest training log here.
"""
INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Ends with exit code 2 and one line on stderr."""
        raise UserError(f"{message} (see {self.prog} --help)")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; gives the exit code of CONTRACT: 0, 1, 2 or 130. No traceback reaches the user."""
    args = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(args)
    except UserError as error:
        print(f"traintop: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output is gone (traintop ... | head); there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get("TRAINTOP_TRACEBACK"):
            raise
        about = f"{type(error).__name__}: {error}".splitlines()[0]
        print(f"traintop: a fault of its own ({about}); TRAINTOP_TRACEBACK=1 shows where", file=sys.stderr)
        return 2


def _dispatch(args: list[str]) -> int:
    if args[:1] in (["-h"], ["--help"], ["help"]):
        listed = "\n".join(f"  {name:<9} {about}" for name, about in COMMANDS.items())
        print(USAGE.format(commands=listed), end="")
        return 0
    if args[:1] in (["--version"], ["-V"]):
        from tui.version import VERSION

        print(f"traintop {VERSION}")
        return 0
    name = args.pop(0) if args and args[0] in COMMANDS else "watch"
    module = import_module(f"tui.commands.{name}")
    parser = Parser(prog=f"traintop {name}", description=COMMANDS[name][0].upper() + COMMANDS[name][1:] + ".")
    module.add_arguments(parser)
    code: int = module.run(parser.parse_args(args))
    return code


if __name__ == "__main__":
    sys.exit(main())
