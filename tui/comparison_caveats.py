"""What a comparison does not allow to conclude: unequal annealing, other seeds, a clock that was counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from diagnosis.compared_losses import Losses
from diagnosis.standings import RESOLVED, Standing
from tui.comparison import Comparison
from tui.standing_words import Ground, grounds, judged, letter, listed
from tui.text import percent

ANNEALING = 0.135
"""What a whole decay of the learning rate is worth in nats: .10 to .18 over 19 curves fitted by Tissue 2024's law. The
part of the rate that is gone counts in proportion."""
ANOTHER_RATE = 0.1
"""Shares of the peak nearer than this are worth 0.013 nats at most."""
SEEDS_APART = 0.006
"""Runs that differ by their seed alone end with a standard deviation of .002, so two of them up to 2 sqrt(2) x .002
apart. Source: modded-nanogpt README, 124M on FineWeb."""


def caveats(compared: Comparison) -> list[str]:
    """What to know beside the verdict: sentences."""
    row = judged(compared.losses)
    if row is None:
        return []
    found = grounds(row.standings)
    return [*_annealing(found), *_seeds(row, found), *_metric(row)]


def notes(compared: Comparison) -> list[str]:
    """What the numbers are and are not, for below the tables."""
    said = []
    for one in compared.losses:
        if one.comparable is False:
            said.append(f"{one.metric} is not comparable: {'; '.join(one.why)}")
        elif one.comparable is None:
            said.append(f"{one.metric} may not be comparable: {'; '.join(one.why)}")
    standings = [s for one in compared.losses for s in one.standings]
    if any(error is not None for s in standings for error in s.behind_errors):
        most = max(s.resolved for s in standings)
        limit = "two" if most <= RESOLVED else f"{most:.1f}"
        many = "" if most <= RESOLVED else ", as the best of many runs is lucky"
        said.append(
            f'± is one standard error of the difference to the best; "=" is a difference below {limit} of them{many}'
        )
    followed = [f"{row.name} to {row.follows}" for row in compared.differences if row.follows]
    said += [f"in proportion in all runs, so not shown: {', '.join(followed)}"] if followed else []
    hows = dict.fromkeys((s.axis, s.how) for s in standings if s.how)
    said += [f"{'time' if axis == 'seconds' else 'FLOPs'} {how}" for axis, how in hows]
    return [*said, *compared.speeds.why]


def _annealing(found: Sequence[Ground]) -> Iterator[str]:
    """Where the learning rate of one has fallen farther than that of another, the first of such places."""
    for ground in found:
        rates = {letter(at): rate for at, rate in enumerate(ground.one.learning_rates) if rate is not None}
        if len(rates) < 2 or max(rates.values()) - min(rates.values()) <= ANOTHER_RATE:
            continue
        low, high = min(rates.values()), max(rates.values())
        (first, of_first), *others = rates.items()
        shares = [f"{first}'s learning rate is at {percent(of_first)} of its peak"]
        shares += [f"{name}'s at {percent(rate)}" for name, rate in others]
        yield (
            f"not at equal annealing: {ground.places[0]} {listed(shares)}; a decay from {percent(high)} to "
            f"{percent(low)} is by itself worth up to {ANNEALING * (high - low):.2f} nats"
        )
        return


def _seeds(row: Losses, found: Sequence[Ground]) -> Iterator[str]:
    if row.unit != "nats per token" and row.unit is not None:
        return
    small = dict.fromkeys(letter(at) for ground in found for at in _barely_behind(ground.one))
    if small:
        yield (
            f"two runs of one recipe with other seeds end up to {SEEDS_APART:g} apart: that {listed(list(small))} is "
            "behind by so little says nothing of the settings"
        )


def _barely_behind(standing: Standing) -> list[int]:
    return [
        at
        for at, behind in enumerate(standing.behind)
        if behind is not None and behind < SEEDS_APART and standing.level(at) is False
    ]


def _metric(row: Losses) -> Iterator[str]:
    if row.metric == "train_loss":
        yield "only a training loss can be compared: it falls on data that is repeated, too"
