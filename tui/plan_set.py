"""`--set n_embd=768`: changes to a run's settings, by a fact's name or by what a trainer calls it."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence

from diagnosis.plan import Plan
from parsers.configs.config import facts_of_mapping
from parsers.configs.config_names import MEANINGS
from parsers.configs.config_table import HELPERS, TABLE
from parsers.configs.config_values import values
from parsers.configs.settings import literal
from parsers.records import Fact, Value
from tui.errors import UserError

KINDS = {fact: kind for fact, kind, _ in reversed(TABLE) if fact not in HELPERS}
"""How the value of each fact is read, by its first and surest row of the table."""
MOST_PARAMETERS, MOST_TOKENS_PER_STEP, MOST_TOKENS = 1e14, 1e11, 1e18
"""Some hundred times what anybody has trained, beyond which there are only slips."""
EXTRA = {"parameters", "unique_tokens"}
"""Facts that no config states."""


def read_changes(words: Sequence[str]) -> dict[str, Fact]:
    """The facts in "n_embd=768" or "n_embd=768,n_head=12"; raises UserError for what is none."""
    changes: dict[str, Fact] = {}
    for name, text in _pairs(words):
        for fact in _facts(name, text):
            known = changes.get(fact.name)
            if known is not None and known.value != fact.value:
                raise UserError(f"--set {name}={text}: {fact.name} is {known.value} already; set it once")
            changes[fact.name] = fact
    return changes


def _pairs(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    for word in words:
        pieces = word.split(",")
        for piece in pieces if all("=" in one for one in pieces) else [word]:
            name, sign, text = piece.partition("=")
            if not (sign and name.strip() and text.strip()):
                raise UserError(f"--set {word}: write NAME=VALUE, as in --set n_embd=768")
            yield name.strip(), text.strip()


def _facts(name: str, text: str) -> list[Fact]:
    """The value as the settings of a config are read: 5*8, 1e-3, true, cosine."""
    found = literal(text.capitalize() if text.lower() in ("true", "false") else text)
    value: Value = text if found is None else found
    if name in EXTRA:
        if isinstance(value, bool | str) or value <= 0:
            raise UserError(f"--set {name}={text}: is no count; write a number such as 124e6")
        return [Fact(name, value, "flag", "--set")]
    if name in KINDS:
        made = [Fact(fact, known, "flag", "--set") for fact, known in values(name, KINDS[name], value).items()]
    else:
        made = facts_of_mapping({name: value}, "flag", "--set")
    if not made:
        raise UserError(_refusal(name, text))
    return made


def _refusal(name: str, text: str) -> str:
    if name in KINDS or name.strip().lower() in MEANINGS:
        return f"--set {name}={text}: {text!r} is no value for {name}"
    near = difflib.get_close_matches(name, [*KINDS, *EXTRA, *(n for n in MEANINGS if "." not in n)], 1)
    return f"--set {name}: is no setting that it knows" + (f"; did you mean {near[0]}?" if near else "")


def absurd(plan: Plan) -> str | None:
    """What of a plan no run can be, in one line with the mend: a slip in a number of the config or of a flag."""
    size = plan.size.parameters if plan.size else None
    embedding = plan.parts.token_embedding
    if size is not None and size > MOST_PARAMETERS:
        return f"it has {size:.2g} parameters; check n_layer, n_embd, n_inner, vocab_size and --params"
    if size is not None and embedding is not None and size < embedding:
        return f"its embedding alone has {embedding:,.0f} of {size:,.0f} parameters; check --params and vocab_size"
    if plan.tokens_per_step is not None and plan.tokens_per_step > MOST_TOKENS_PER_STEP:
        return f"a step has {plan.tokens_per_step:.2g} tokens; check batch_size and gradient_accumulation_steps"
    if plan.tokens is not None and plan.tokens > MOST_TOKENS:
        return f"it plans {plan.tokens:.2g} tokens; check planned_steps and the tokens of a step"
    return None


def contradiction(facts: Mapping[str, Fact]) -> str | None:
    """What of a model's dimensions cannot hold together, in one line with the mend; None where nothing is known to."""
    numbers = _numbers(facts)
    width, heads, groups = (numbers.get(name) for name in ("n_embd", "n_head", "n_kv_head"))
    if width and heads and "head_dim" not in numbers and "model_type" not in facts and width % heads:
        whole = [n for n in range(1, int(width) + 1) if width % n == 0]
        near = min(whole, key=lambda n: abs(n - heads))
        return f"n_embd {width:g} is not divisible by n_head {heads:g}; add --set n_head={near}"
    if heads and groups and heads % groups:
        return f"n_head {heads:g} is not divisible by n_kv_head {groups:g}; add --set n_kv_head={heads:g}"
    return None


def tokens_disagree(facts: Mapping[str, Fact]) -> str | None:
    """Where the tokens of a step are not what batch, accumulation and context make; None where they may be.

    The accumulation may be of each GPU: then a step has a multiple of it.
    """
    numbers = _numbers(facts)
    said, context = numbers.get("tokens_per_step"), numbers.get("block_size")
    if said and context and said % context:
        return f"tokens_per_step {said:,.0f} is no whole number of sequences of {context:,.0f} tokens"
    parts = [numbers.get(name, 0.0) for name in ("batch_size", "gradient_accumulation_steps", "block_size")]
    product = math.prod(parts)
    if not said or not product or said % product == 0:
        return None
    return f"tokens_per_step {said:,.0f} is no multiple of batch_size x accumulation x block_size = {product:,.0f}"


def _numbers(facts: Mapping[str, Fact]) -> dict[str, float]:
    values = {name: fact.value for name, fact in facts.items()}
    return {name: float(v) for name, v in values.items() if isinstance(v, int | float) and not isinstance(v, bool)}
