"""What run this is: the model, the batch, the schedule. Shown where there is room to spare."""

from __future__ import annotations

from collections.abc import Callable

from textual.strip import Strip

from diagnosis.case import Case
from tui import text
from tui.look import Look
from tui.panels.parts import on_cpu
from tui.row import Part, box, row
from tui.snapshot import Snapshot


def draw(snapshot: Snapshot, width: int, height: int, look: Look) -> list[Strip]:
    """In a frame; a line is left out where all of it is unknown."""
    strips = [row(line, width - 4, look) for line in _lines(snapshot.case, look)]
    return box([("Run", look.palette.title)], strips, (width, height), look)


def _lines(case: Case | None, look: Look) -> list[list[Part]]:
    palette = look.palette
    written = [] if case is None else [(name, write(case)) for name, write in LINES]
    lines: list[list[Part]] = [[(f"{name:<8}", palette.dim), (words, palette.text)] for name, words in written if words]
    return lines or [[(f"{text.UNKNOWN} the log has no settings", palette.dim)]]


def _model(case: Case) -> str:
    parts = [(case.number("n_layer"), "layers"), (case.number("n_head"), "heads"), (case.number("n_embd"), "wide")]
    return _joined(parts)


def _context(case: Case) -> str:
    return _joined([(case.number("block_size"), "tokens"), (case.number("vocab_size"), "vocab")])


def _batch(case: Case) -> str:
    micro, accumulated, world = (
        case.number(name) for name in ("batch_size", "gradient_accumulation_steps", "world_size")
    )
    factors = [f for f in (micro, accumulated) if f is not None] + ([world] if world is not None and world > 1 else [])
    return " × ".join(text.whole(f) for f in factors)


def _rate(case: Case) -> str:
    now = _newest(case, "learning_rate")
    peak, low = case.number("learning_rate"), case.number("min_lr")
    words = [f"now {now:.2e}"] if now is not None else []
    if peak is not None:
        words.append(f"{peak:g}" + (f" to {low:g}" if low is not None else ""))
    return " · ".join(words)


def _newest(case: Case, metric: str) -> float | None:
    values = case.metric(metric).values[-1:]
    return float(values[0]) if len(values) else None


def _schedule(case: Case) -> str:
    warm, decay = case.number("warmup_steps"), case.number("decay_steps")
    words = [text.whole(warm)] if warm is not None else []
    return " · ".join([*words, *([f"decay {text.whole(decay)}"] if decay is not None else [])])


def _regular(case: Case) -> str:
    dropout, decay = case.number("dropout"), case.number("weight_decay")
    words = [f"{dropout:g}"] if dropout is not None else []
    return " · ".join([*words, *([f"weight decay {decay:g}"] if decay is not None else [])])


def _grad_norm(case: Case) -> str:
    norm, clip = _newest(case, "grad_norm"), case.number("grad_clip")
    if norm is None:
        return ""
    return text.three_digits(norm) + (f", clipped at {clip:g}" if clip is not None else "")


def _memory(case: Case) -> str:
    if case.memory is None or on_cpu(case):
        return ""
    how = "measured" if case.memory.calibrated else "estimated"
    return f"{text.gib(case.memory.total_bytes)} {how}"


def _named(name: str) -> Callable[[Case], str]:
    return lambda case: text.foreign(case.text(name) or "")


def _joined(parts: list[tuple[float | None, str]]) -> str:
    return ", ".join(f"{text.whole(n)} {unit}" for n, unit in parts if n is not None)


LINES: tuple[tuple[str, Callable[[Case], str]], ...] = (
    ("model", _model),
    ("batch", _batch),
    ("rate", _rate),
    ("data", _named("dataset")),
    ("context", _context),
    ("warm-up", _schedule),
    ("dropout", _regular),
    ("grads", _grad_norm),
    ("memory", _memory),
    ("dtype", _named("dtype")),
    ("out", _named("out_dir")),
)
