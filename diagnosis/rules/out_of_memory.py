"""Rule out-of-memory."""

from __future__ import annotations

from diagnosis.batch import Settings, batch_settings, halved, in_words
from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.memory import BatchChoice, estimate, setting_of
from diagnosis.needs import Need
from diagnosis.oom import OutOfMemory, parse
from diagnosis.wording import memory

ID = "out-of-memory"
NEEDS: tuple[Need, ...] = ()

FRAGMENTED = 0.15
"""Share of reserved but unused memory against used memory above which the allocator's pieces are the cause."""
NEIGHBOUR = 0.05
"""Share of the card below which what others hold is the display's, or the rounding of the message."""
ROUNDING_BYTES = 2 * 2**20
"""The allocator rounds requests from 10 MiB up to a multiple of 2 MiB, and smaller ones to 2 or 20 MiB."""
TELLING_BYTES = 64 * 2**20
"""Below, the rounding leaves too many tensors possible."""
TELLING_SHARE = 0.01
"""Where the tokens of a micro-batch are not known, the size must be known to 1 % to give them."""


def rule(case: Case) -> Finding | None:
    """The GPU's memory was not enough: for which tensor, why, and what would fit.

    Fires on an out-of-memory error in the log. A note where the run went on after it. Tells a full card from
    fragmentation (more than 15 % of the used memory reserved but in pieces) and from a neighbour (other processes hold
    what was missing), and names the tensor whose size was asked for: logits are tokens x vocabulary x 2 or 4 bytes.

    Why: the request that fails is the last straw; its size often tells which tensor it was.
    Do: the micro-batch and accumulation that are given keep the tokens per step, so the loss stays the same.
    False alarms: none; the proposed batch is an estimate, good to some 25 %.
    Sources: PyTorch c10/cuda/CUDACachingAllocator.cpp (the message); Korthikanti 2022; measured on nanoGPT.
    """
    errors = [n for n in case.notices if n.kind == "out-of-memory"]
    if not errors:
        return None
    step = errors[-1].step
    went_on = case.steps.last is not None and case.steps.last > (-1 if step is None else step)
    said = parse(errors[-1].text)
    tensor, tokens = _tensor(case, said)
    choice = _fitting(case, said, tokens)
    settings = halved(case) if choice is None else batch_settings(case, choice.micro_batch)
    return Finding(
        id=ID,
        severity="info" if went_on else "critical",
        confidence=1.0,
        title=_title(said, tensor),
        evidence=(*_sizes(said), _cause(said), *((f"likely {tensor}",) if tensor else ())),
        advice=_advice(case, said, choice, settings),
        settings=settings,
        first_step=step,
        step=step,
    )


def _title(said: OutOfMemory, tensor: str | None) -> str:
    if said.tried is None:
        return "The GPU ran out of memory"
    kind = "" if tensor is None else f", likely {tensor.split(':')[0]}"
    return f"Out of GPU memory at a request of {memory(said.tried)}{kind}"


def _sizes(said: OutOfMemory) -> tuple[str, ...]:
    named = (
        ("asked for", said.tried),
        ("free", said.free),
        ("total", said.total),
        ("held by tensors", said.allocated),
        ("reserved but unused", said.unallocated),
        ("held outside this process", said.others),
    )
    known = [
        f"{memory(size)} {name}" if name != "asked for" else f"asked for {memory(size)}" for name, size in named if size
    ]
    return (", ".join(known),) if known else ()


def _cause(said: OutOfMemory) -> str:
    if said.tried is None or said.free is None:
        return "the message does not say how much was missing"
    if said.free > said.tried:
        return "more was free than asked for: a limit set for the process, or memory shared with the system"
    if _fragmented(said):
        return "cause: fragmentation, the reserved but unused pieces would have been enough"
    if _neighbour(said):
        return "cause: other processes hold what was missing"
    return f"cause: the card is full, {memory(said.tried - said.free)} were missing"


def _fragmented(said: OutOfMemory) -> bool:
    if said.tried is None or said.free is None or not said.unallocated or not said.allocated:
        return False
    return said.unallocated > FRAGMENTED * said.allocated and said.unallocated + said.free >= said.tried


def _neighbour(said: OutOfMemory) -> bool:
    if said.tried is None or said.free is None or not said.others or said.others < NEIGHBOUR * (said.total or 0.0):
        return False
    return said.free + said.others >= said.tried


def _tensor(case: Case, said: OutOfMemory) -> tuple[str | None, int | None]:
    """The tensor of that size, with its dimensions, and the tokens of a micro-batch that it implies."""
    shape = case.size.shape if case.size else None
    vocabulary = (shape.vocab_size if shape else None) or _whole(case, "vocab_size")
    tokens = _known_tokens(case)
    if said.tried is None or said.tried < TELLING_BYTES or not vocabulary:
        return None, tokens
    if tokens is None and said.tried_error + ROUNDING_BYTES > TELLING_SHARE * said.tried:
        return None, None
    for width, kind in ((2, "16-bit"), (4, "fp32")):
        fits = [n for n in _candidates(case, tokens) if _is(said, n * vocabulary * width)]
        if fits:
            return f"the logits: {fits[0]:,} tokens x {vocabulary:,} x {width} B ({kind})", fits[0]
    if shape and shape.n_embd and _is(said, vocabulary * shape.n_embd * 4):
        return f"the embedding or its gradient: {vocabulary:,} x {shape.n_embd} x 4 B", tokens
    if shape and shape.n_embd and tokens and _is(said, tokens * 4 * shape.n_embd * 2):
        return f"an MLP's activations: {tokens:,} tokens x {4 * shape.n_embd:,} x 2 B", tokens
    return _attention(case, said, tokens), tokens


def _attention(case: Case, said: OutOfMemory, tokens: int | None) -> str | None:
    shape = case.size.shape if case.size else None
    if shape is None or not shape.n_head or not shape.block_size or not tokens:
        return None
    for width in (2, 4):
        if _is(said, tokens * shape.n_head * shape.block_size * width):
            return f"the attention matrix: {tokens:,} tokens x {shape.n_head} heads x {shape.block_size:,} x {width} B"
    return None


def _is(said: OutOfMemory, size: float) -> bool:
    if said.tried is None:
        return False
    return said.tried - said.tried_error - ROUNDING_BYTES <= size <= said.tried + said.tried_error


def _candidates(case: Case, tokens: int | None) -> list[int]:
    """How many tokens a micro-batch can have: the known number, or any share of the step's tokens."""
    if tokens is not None:
        return [tokens]
    step = round(case.tokens_per_step) if case.tokens_per_step else 0
    return [step // n for n in range(1, 4097) if step and step % n == 0]


def _known_tokens(case: Case) -> int | None:
    batch, context = _whole(case, "batch_size"), _whole(case, "block_size")
    if context is None and case.size is not None:
        context = case.size.shape.block_size
    return batch * context if batch and context else None


def _whole(case: Case, name: str) -> int | None:
    value = case.number(name)
    return None if value is None or value < 1 else round(value)


def _fitting(case: Case, said: OutOfMemory, tokens: int | None) -> BatchChoice | None:
    """The largest micro-batch that is expected to fit and is smaller than the one that did not."""
    context = case.size.shape.block_size if case.size else None
    if said.total is None or not context:
        return None
    failed = tokens // context if tokens else _whole(case, "batch_size")
    made = estimate(
        case.size,
        micro_batch=failed or 1,
        tokens_per_step=case.tokens_per_step,
        setting=setting_of(case.facts),
        limit_bytes=said.total - (said.others or 0.0),
    )
    fitting = [c for c in made.choices if c.fits and (not failed or c.micro_batch < failed)] if made else []
    return fitting[-1] if fitting else None


def _advice(case: Case, said: OutOfMemory, choice: BatchChoice | None, settings: Settings) -> tuple[str, ...]:
    given = []
    if _fragmented(said):
        given.append("Start with `PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True` in the environment.")
    elif _neighbour(said):
        given.append(f"Free the {memory(said.others or 0.0)} that other processes hold on this GPU.")
    if not settings:
        given.append("Halve the micro-batch and double the gradient accumulation: the tokens per step stay the same.")
        return tuple(given)
    expected = "" if choice is None else f"{memory(choice.expected_bytes)} expected, and "
    kept = f"{case.tokens_per_step:,.0f} tokens per step" if case.tokens_per_step else "the tokens per step"
    given.append(f"Set {in_words(settings)}: {expected}{kept} are kept.")
    return tuple(given)
