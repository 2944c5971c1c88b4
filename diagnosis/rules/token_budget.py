"""Rule token-budget."""

from __future__ import annotations

from diagnosis.budget import CHINCHILLA_TOKENS_PER_PARAMETER, Budget, budget_of, compute_optimal, laws_hold
from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.model import ModelSize
from diagnosis.needs import PARAMETERS, TOKENS_SEEN
from diagnosis.vocabulary import is_fresh
from diagnosis.wording import count, times

ID = "token-budget"
NEEDS = (PARAMETERS, TOKENS_SEEN)

UNDER_TRAINED = 5.0
INFERENCE_STYLE = 60.0
"""Tokens per parameter: judgement. By Besiroglu's fit a 124M model ends 0.085 nats above the best use of its compute at
5, and 0.016 at 60, from where on a cheaper model is what more tokens buy."""
LEAST_COST = 0.005
"""Nats; less is shown as 0.00."""


def rule(case: Case) -> Finding | None:
    """The tokens against 20 per parameter and the fitted optimum, and what twice the tokens would buy.

    Fires as a note once the size and the tokens are known, for models trained from scratch. Below 5 tokens per
    parameter at the planned end it says under-trained, above 60 "inference-style": more tokens than is optimal for
    the compute, for a model that is cheaper to run. Of bytes, characters and models below 10M parameters it gives the
    ratio alone: no law was fitted to such.

    Why: 20 tokens per parameter is the optimum of compute, not a point at which learning ends; models trained on
    10,000 per parameter still improve.
    Do: choose by what the model is for; the numbers say what more tokens or another size would give.
    False alarms: distillation, to which the law does not apply. Silent for experts and for what was trained before.
    Sources: Hoffmann 2022, Besiroglu 2024 (fit), Muennighoff 2023 (repetition), Sardana 2023, Gadre 2024.
    """
    budget, size, seen = case.budget, case.size, case.tokens_seen
    if budget is None or budget.ratio is None or size is None or not size.parameters or not seen:
        return None
    if case.traits.loss_unit in ("other", "unknown") or is_fresh(case) is False or (size.shape.n_expert or 1) > 1:
        return None
    end = case.tokens_planned if (case.tokens_planned or 0.0) > 1.005 * seen else None
    final = (end or seen) / budget.optimal_tokens
    lawful = laws_hold(size.parameters, size.shape.vocab_size or case.number("vocab_size"))
    return Finding(
        id=ID,
        severity="info",
        confidence=0.95,
        title=_title(budget.ratio, final, lawful=lawful),
        evidence=(
            f"{count(seen)} tokens / (20 x {count(size.parameters)} parameters) = {times(budget.ratio)}",
            *((f"planned: {count(end)} tokens = {times(final)}",) if end else ()),
            *_other_counts(size.non_embedding, seen),
            *(_law(size, end or seen, budget.unique_tokens, planned=end is not None) if lawful else ()),
            *_repetition(budget),
        ),
        advice=(_advice(final, budget, lawful=lawful),),
        first_step=case.steps.first,
        step=case.steps.last,
    )


def _title(ratio: float, final: float, *, lawful: bool) -> str:
    """At most 60 letters, so that it stands in one line of a list."""
    title = f"{times(ratio)} x 20 tokens per parameter"
    if final > ratio:
        title += f" (plan: {times(final)})"
    per_parameter = final * CHINCHILLA_TOKENS_PER_PARAMETER
    word = "under-trained" if per_parameter < UNDER_TRAINED else "inference-style"
    return title if not lawful or UNDER_TRAINED <= per_parameter <= INFERENCE_STYLE else f"{title}: {word}"


def _other_counts(non_embedding: float | None, seen: float) -> tuple[str, ...]:
    if not non_embedding:
        return ()
    ratio = seen / (CHINCHILLA_TOKENS_PER_PARAMETER * non_embedding)
    return (f"counted without the embedding ({count(non_embedding)}), as OLMo does: {times(ratio)}",)


def _law(size: ModelSize, tokens: float, unique: float | None, *, planned: bool) -> tuple[str, ...]:
    """What the laws say of the end of the run."""
    at_end = budget_of(size, tokens_seen=tokens, unique_tokens=unique)
    if at_end is None:
        return ()
    said = []
    if at_end.loss_gain_doubling_tokens is not None:
        twice = "twice the planned tokens" if planned else "twice the tokens"
        said.append(f"{twice} would lower the loss by {at_end.loss_gain_doubling_tokens:.2f}")
    if at_end.overtraining_cost is not None and at_end.overtraining_cost >= LEAST_COST:
        best, best_tokens = compute_optimal(6 * (size.parameters or 0.0) * tokens)
        said.append(
            f"the same compute at its optimum, {count(best)} parameters on {count(best_tokens)} tokens, "
            f"would end {at_end.overtraining_cost:.2f} lower"
        )
    return tuple(said)


def _repetition(budget: Budget) -> tuple[str, ...]:
    if budget.epochs is None or budget.unique_tokens is None:
        return ()
    cost = "" if budget.repetition_cost is None else f", which costs {budget.repetition_cost:.2f}"
    return (f"{times(budget.epochs)} epochs over {count(budget.unique_tokens)} unique tokens{cost}",)


def _advice(final: float, budget: Budget, *, lawful: bool) -> str:
    if not lawful:
        return "Judge by the validation loss whether more tokens or another size pay: no law was fitted to such models."
    per_parameter = final * CHINCHILLA_TOKENS_PER_PARAMETER
    if per_parameter < UNDER_TRAINED:
        return (
            f"Plan more tokens ({count(budget.optimal_tokens)} are compute-optimal), or a smaller model for these ones."
        )
    if per_parameter > INFERENCE_STYLE:
        return "Train on for a model that is cheap to run; for the lowest loss at this compute take a bigger one."
    return "Train on as long as the gain is worth the time: the ratio is an optimum of compute, not a limit."
