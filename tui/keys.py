"""Every key once: what it does and what help says of it. The app and the help page both read this."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """`keys` as textual names them, `shown` as people read them; `about` is empty for the second key of a pair."""

    keys: str
    action: str
    by: int = 0
    shown: str = ""
    about: str = ""
    replay: bool = False
    """Whether it does something in a replay only."""


KEYS: tuple[Key, ...] = (
    Key("q,ctrl+c,ctrl+q", "quit", shown="q", about="quit; the job is never touched"),
    Key("question_mark", "help", shown="?", about="this help"),
    Key("escape", "back", shown="esc", about="back, step by step"),
    Key("enter", "open", shown="⏎", about="open: a finding with its evidence, a panel in full"),
    Key("tab", "focus", 1, "tab", "next panel (shift+tab: the one before)"),
    Key("shift+tab", "focus", -1),
    Key("1", "panel", 1, "1 to 5", "loss, tokens, speed, GPU, diagnosis; twice: in full"),
    *(Key(str(n), "panel", n) for n in range(2, 10)),
    Key("up,k", "move", -1, "↑ ↓ or k j", "choose a finding, or scroll"),
    Key("down,j", "move", 1),
    Key("pageup", "move", -10, "pgup pgdn", "the same in larger steps"),
    Key("pagedown", "move", 10),
    Key("home", "edge", -1, "home end", "to the first, to the last"),
    Key("end", "edge", 1),
    Key("n", "next_finding", 1, "n", "next finding"),
    Key("y", "copy", shown="y", about="copy the finding's advice to the clipboard (OSC 52)"),
    Key("slash", "filter", shown="/", about="filter findings: words to hold, !word to lack"),
    Key("g", "axes", shown="g or l", about="linear, log y, log x, log both"),
    Key("l", "axes_or_right", 1),
    Key("x", "x_axis", shown="x", about="x axis in steps, tokens, time"),
    Key("s", "smoothing", shown="s", about="smoothing of train: 0.6, 0.9, 0.99, none"),
    Key("v", "cursor", shown="v", about="value cursor"),
    Key("plus,equals_sign", "zoom", 1, "+ −", "zoom in, zoom out"),
    Key("minus,underscore", "zoom", -1),
    Key("0", "reset", shown="0", about="the whole run again"),
    Key("left,h", "sideways", -1, "← → or h l", "move the cursor or the zoomed window"),
    Key("right", "sideways", 1),
    Key("shift+left", "sideways", -10),
    Key("shift+right", "sideways", 10),
    Key("r", "run", 1, "r", "of several runs the next (R: the one before)"),
    Key("R", "run", -1),
    Key("space", "pause", shown="space", about="hold the screen still, go on; in a replay pause, play"),
    Key("left_square_bracket", "speed", -1, "[ ]", "slower, faster", replay=True),
    Key("right_square_bracket", "speed", 1, replay=True),
    Key("full_stop", "step", 1, ".", "one line of numbers on", replay=True),
)
