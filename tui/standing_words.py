"""Who is ahead, in words: the one line of verdict above a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from diagnosis.compared_axes import Axis
from diagnosis.compared_losses import Losses
from diagnosis.standings import Standing
from tui.text import count, digits, duration, loss, whole

EQUAL: dict[Axis, str] = {"step": "steps", "epoch": "epochs", "tokens": "tokens", "seconds": "time", "flops": "FLOPs"}
ALL_NAMED = 4
"""With so many runs behind only the nearest and the last are named."""


@dataclass(frozen=True, slots=True)
class Ground:
    """One standing and all axes on which it is the same: equal batches make equal steps equal tokens."""

    standings: tuple[Standing, ...]

    @property
    def one(self) -> Standing:
        """Any of them."""
        return self.standings[0]

    @property
    def equal(self) -> str:
        """In words: "equal steps and tokens"."""
        return f"equal {listed([EQUAL[s.axis] for s in self.standings])}"

    @property
    def places(self) -> tuple[str, ...]:
        """One an axis: "at step 6,000", "at 3.15 B tokens"."""
        return tuple(place_words(s) for s in self.standings)


def letter(at: int) -> str:
    """A run's name in a comparison."""
    return ascii_uppercase[at] if at < len(ascii_uppercase) else str(at + 1)


def place_words(standing: Standing) -> str:
    """Where a standing is taken."""
    place = standing.place
    match standing.axis:
        case "step":
            return f"at step {whole(place)}"
        case "epoch":
            return f"at epoch {place:.4g}"
        case "tokens":
            return f"at {count(place)} tokens"
        case "seconds":
            return f"after {duration(place)}"
        case "flops":
            return f"after {place:.2e} FLOPs"


def error_words(error: float) -> str:
    """A standard error, to a thousandth or to its first digit."""
    return loss(error) if error >= 0.0005 or error == 0 else digits(error, 1)


def grounds(standings: Sequence[Standing]) -> list[Ground]:
    """The standings, those of the same runs and numbers joined, in the order of the axes."""
    joined: dict[tuple[object, ...], list[Standing]] = {}
    for standing in standings:
        joined.setdefault(_numbers(standing), []).append(standing)
    return [Ground(tuple(each)) for each in joined.values()]


def _numbers(standing: Standing) -> tuple[object, ...]:
    """The same where two standings say the same."""
    return tuple(None if v is None else round(v, 9) for v in (*standing.values, *standing.errors))


def judged(losses: Sequence[Losses]) -> Losses | None:
    """The loss that the verdict is of: the first that may be compared and that two runs have at one place."""
    return next((row for row in losses if row.comparable is not False and row.standings), None)


def verdict(losses: Sequence[Losses]) -> str:
    """One line: who is ahead at what is equal, by how much against the noise."""
    row = judged(losses)
    if row is None:
        return _none(losses)
    doubt = "" if row.comparable else ", if comparable: see the note"
    shared = {s.axis: s for s in reversed(row.standings)}
    near = grounds([s for s in row.standings if s is shared[s.axis]])
    told = [_numbers(ground.one) for ground in near]
    said = _joined([(_claim(g.one), f"at {g.equal}") for g in near])
    later = next((s for s in row.standings if s is not shared[s.axis] and _numbers(s) not in told), None)
    if later is not None:
        said += f"; farther on, {place_words(later)}, {_joined([(_claim(later), '')])}"
    return f"{said[0].upper()}{said[1:]} ({row.metric}{doubt})."


def _none(losses: Sequence[Losses]) -> str:
    if not losses:
        return "Nothing to compare: no loss is in more than one of these runs."
    if all(row.comparable is False for row in losses):
        return "No verdict: the losses of these runs do not mean the same."
    return "No verdict: no two of these runs have the same loss at one step, epoch, number of tokens or time."


@dataclass(frozen=True, slots=True)
class _Claim:
    """Who stands how to whom (`subject`), and by how much (`amount`)."""

    subject: str
    amount: str


def _joined(claims: Sequence[tuple[_Claim, str]]) -> str:
    """The claims in a row; who is ahead is said once where it is the same."""
    parts: list[str] = []
    before = None
    for claim, where in claims:
        if claim.subject == before:
            parts[-1] += ", " + " ".join(filter(None, (claim.amount, where)))
        else:
            parts.append(" ".join(filter(None, (claim.subject, claim.amount, where))))
        before = claim.subject
    return "; ".join(parts)


def _claim(standing: Standing) -> _Claim:
    others = [at for at, behind in enumerate(standing.behind) if behind is not None and at != standing.best]
    level = [at for at in others if standing.level(at) or not standing.behind[at]]
    after = sorted((at for at in others if at not in level), key=lambda at: standing.behind[at] or 0.0)
    best = letter(standing.best)
    if not after and len(others) == 1:
        return _Claim("no difference", f"({_amount(standing, others[0])})")
    if not after:
        return _Claim(f"no difference between {listed([letter(at) for at in sorted([standing.best, *level])])}", "")
    lead = f"{best} is {'ahead of' if all(standing.level(at) is False for at in after) else 'below'}"
    also = f" (no different from {listed([letter(at) for at in level])})" if level else ""
    if len(after) == 1:
        return _Claim(f"{lead} {letter(after[0])}", f"by {_amount(standing, after[0])}{also}")
    named = after if len(others) < ALL_NAMED else [after[0], after[-1]]
    return _Claim(lead, listed([f"{letter(at)} by {_amount(standing, at)}" for at in named]) + also)


def _amount(standing: Standing, at: int) -> str:
    error = standing.behind_errors[at]
    behind = loss(standing.behind[at])
    if error is None:
        return f"{behind} (noise unknown)" if standing.behind[at] else behind
    return f"{behind} ± {error_words(error)}"


def listed(names: Sequence[str]) -> str:
    """In a sentence: "A", "A and B", "A, B and C"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
