"""Draws docs/screen.svg, the README's picture, with the real panels: the bundled run as it was known at one step."""

from __future__ import annotations

from pathlib import Path

from parsers.replay import Replay
from tui.frame import svg
from tui.hardware import Hardware
from tui.monitor import Monitor
from tui.opening import open_log, whole
from tui.options import Options
from tui.reading import ReplayReading
from tui.snapshot import Snapshot

ROOT = Path(__file__).parents[1]
LOG = "examples/tiny_gpt_cpu.log"
STEP = 900
WIDTH, HEIGHT = 120, 36


def picture() -> str:
    """The screen of `traintop replay` at STEP as SVG; the same bytes for the same code and log."""
    opened = open_log(str(ROOT / LOG), Options(), may_wait=False)
    replay = Replay([record for block in whole(opened) for record in block], label=LOG, paused=True)
    replay.seek_step(STEP)
    shown: list[Snapshot] = []
    Monitor(ReplayReading(replay, Options(), None), Hardware(Options(), ask_nvml=False), shown.append).tick()
    return svg(shown[-1], WIDTH, HEIGHT)


if __name__ == "__main__":
    target = ROOT / "docs" / "screen.svg"
    target.write_text(picture(), encoding="utf-8")
    print(f"wrote {target.relative_to(ROOT)}")
