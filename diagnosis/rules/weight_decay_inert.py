"""Rule weight-decay-inert."""

from __future__ import annotations

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.needs import PEAK_RATE, PLANNED_STEPS, SCHEDULE, WEIGHT_DECAY
from diagnosis.optimiser import beta2_for, decayed_share, memory_tokens, pretrains
from diagnosis.wording import count, times

ID = "weight-decay-inert"
NEEDS = (WEIGHT_DECAY, PEAK_RATE, PLANNED_STEPS, SCHEDULE)

INERT = 0.5
"""Time constants: judgement. Over so many a weight that gets no updates keeps exp(-0.5) = 61 % of itself."""
LEAST_MEMORY, MOST_MEMORY = 2e6, 400e6
"""Tokens. From beta2 = 0.95 at 0.14M a step to 0.999 at 0.5M: what runs have been tuned with."""
LEAST_SHARE, MOST_SHARE = 1 / 5000, 1 / 5
"""Of the run's tokens: what is little or much for a short or a very long run."""
GOOD_MEMORY = 10e6
"""Tokens, to set: 0.95 at 0.5M a step, which GPT-3 and nanoGPT use, is 7M."""
LEAST_TOKENS = 5.0
"""Per parameter: judgement. A run of fewer, of new tokens, has nothing that weight decay could hold back."""
COUPLED = ("adam", "torch.optim.adam")


def rule(case: Case) -> Finding | None:
    """Weight decay that has no time to act, or a beta2 that remembers too few or too many tokens.

    Fires when learning rate x weight decay, summed over the planned steps, is below 0.5: the weights are an average of
    the updates over 1 / (rate x decay) steps, and that is twice the run. That is said of runs of 5 tokens per parameter
    or more, and of those that repeat their data: others need no decay. Else when beta2's half-life is outside 2M to
    400M tokens and outside 1/5000 to 1/5 of the run's tokens.

    Why: such a decay shrinks a weight by less than 40 % in the whole run, so that it neither regularises nor sets the
    step sizes: changing it changes little. A memory of a few batches makes Adam's steps follow their noise; one as
    long as the run keeps the gradients of its first steps in them.
    Do: nothing for the loss of a single epoch; do not count on it against repeated data. Set the beta2 that is given.
    False alarms: decay that is coupled with the gradient, as in plain Adam. Silent unless it is surely Adam from
    scratch, and the schedule is known to the planned end.
    Sources: Wang & Aitchison 2024 (arXiv 2405.13698): the timescale should not be much longer than the run; sums of
    0.16, 0.20, 0.59 and 1.10 in four GPT-2 runs; Marek 2025 (arXiv 2507.07101) for beta2.
    """
    if not pretrains(case):
        return None
    return _decay(case) or _memory(case)


def _decay(case: Case) -> Finding | None:
    share, decay, planned = decayed_share(case), case.number("weight_decay"), case.steps.planned
    if share is None or not decay or not planned or share >= INERT or not _wants_decay(case):
        return None
    if (case.text("optimizer") or "").lower() in COUPLED:
        return None
    return Finding(
        id=ID,
        severity="info",
        confidence=0.8,
        title=f"Weight decay {decay:g} has no time to act",
        evidence=(
            f"learning rate x weight decay adds up to {share:.2f} in {planned:,} steps",
            f"the weights average their updates over {times(1 / share)} x the run",
        ),
        advice=("Leave it, but do not count on it: against repeated data take dropout or fewer epochs.",),
        first_step=case.steps.first,
        step=case.steps.last,
    )


def _wants_decay(case: Case) -> bool:
    tokens, unique = case.tokens_planned, case.number("unique_tokens")
    parameters = case.size.parameters if case.size else None
    if not tokens:
        return False
    return bool(unique and tokens > unique) or bool(parameters and tokens >= LEAST_TOKENS * parameters)


def _memory(case: Case) -> Finding | None:
    beta2, batch, tokens = case.number("beta2"), case.tokens_per_step, case.tokens_planned
    memory = None if beta2 is None or not batch else memory_tokens(beta2, batch)
    if memory is None or not batch or not tokens:
        return None
    short = memory < min(LEAST_MEMORY, LEAST_SHARE * tokens)
    if not short and memory <= max(MOST_MEMORY, MOST_SHARE * tokens):
        return None
    told = float(f"{beta2_for(GOOD_MEMORY, batch):.4g}")
    return Finding(
        id=ID,
        severity="info",
        confidence=0.5,
        title=f"beta2 = {beta2:g} remembers too {'few' if short else 'many'} tokens: {count(memory)}",
        evidence=(
            f"at {count(batch)} tokens a step it half forgets in {memory / batch:,.0f} steps",
            f"2M to 400M tokens are usual; this run has {count(tokens)}",
        ),
        advice=(f"Set beta2 to {told:g}: a memory of about {count(GOOD_MEMORY)} tokens.",),
        first_step=case.steps.first,
        step=case.steps.last,
        settings=(("beta2", told),),
    )
