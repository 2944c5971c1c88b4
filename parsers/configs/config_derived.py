"""Facts that a config states in parts: the tokens of a step, a warm-up as a share of the run, a decay by its length."""

from __future__ import annotations

import math
from collections.abc import Callable

from parsers.configs.config_table import (
    DECAY_END_SHARE,
    DECAY_LENGTH,
    DEVICES,
    HORIZON,
    MIN_LR_SHARE,
    NODES,
    PLAIN_SCHEDULE,
    REPLICAS,
    SHARD_REPLICAS,
    SHARDS,
    TAIL,
    TAIL_SHARE,
    WARMUP_SHARE,
    WARMUP_TOKENS,
    WITHIN_REPLICA,
)
from parsers.records import Fact

Known = dict[str, Fact]

TRUNCATING = ("cutoff_len", "max_length", "max_seq_length", "sequence_len")
"""Lengths that only cut what is longer, as fine-tuning does unless it packs."""


def derive(known: Known) -> None:
    """Adds to the facts of one config, by name, those that follow from several of them."""
    for rule in RULES:
        made = rule(known)
        if made is not None and (made.name not in known or _is_unset(known[made.name])):
            known[made.name] = made


def _is_unset(held: Fact) -> bool:
    return held.name == "warmup_steps" and held.value == 0  # TrainingArguments has both, and 0 is its default


def _number(known: Known, name: str) -> float | None:
    found = known.get(name)
    return None if found is None or isinstance(found.value, str | bool) else float(found.value)


def _made(known: Known, name: str, value: float, *parts: str) -> Fact:
    """A fact of several parts; its `where` names the file once and each part's setting."""
    first = known[parts[0]]
    others = [known[part].where.rsplit(", ", 1)[-1] for part in parts[1:]]
    whole = value == int(value) and name != "min_lr"
    return Fact(name, int(value) if whole else value, first.origin, " and ".join([first.where, *others]))


def _global_batch(known: Known) -> Fact | None:
    """nanotron: micro-batch x accumulation x data-parallel replicas (config/config.py, global_batch_size)."""
    parts = ("batch_size", "gradient_accumulation_steps", REPLICAS)
    numbers = [_number(known, part) for part in parts]
    if any(n is None for n in numbers):
        return None
    return _made(known, "global_batch_size", math.prod(n for n in numbers if n is not None), *parts)


def _world_of_nodes(known: Known) -> Fact | None:
    """Lightning, NeMo and litgpt: devices x num_nodes."""
    devices, nodes = _number(known, DEVICES), _number(known, NODES)
    return None if devices is None or nodes is None else _made(known, "world_size", devices * nodes, DEVICES, NODES)


def _world_of_ranks(known: Known) -> Fact | None:
    """The product of all degrees, of nanotron (config/parallelism_config.py) and torchtitan (config/configs.py).

    One that is not given is 1; without torchtitan's degree of shards, which is -1 for what is left over, it is open.
    """
    first = next((name for name in (REPLICAS, SHARDS) if name in known), None)
    if first is None:
        return None
    parts = [first, *(name for name in (SHARD_REPLICAS, *WITHIN_REPLICA) if name in known)]
    return _made(known, "world_size", math.prod(_number(known, part) or 1 for part in parts), *parts)


def _tokens_per_step(known: Known) -> Fact | None:
    batch, length = _number(known, "global_batch_size"), known.get("block_size")
    if batch is None or length is None or isinstance(length.value, str):
        return None
    packed = known.get("packed")
    if packed is None and length.where.rsplit(".", 1)[-1].rsplit(", ", 1)[-1] in TRUNCATING:
        return None
    if packed is not None and packed.value is False:
        return None
    return _made(known, "tokens_per_step", batch * length.value, "global_batch_size", "block_size")


def _decay_by_share(known: Known) -> Fact | None:
    """GPT-NeoX: lr_decay_fraction of the iterations, rounded down (training.py, get_learning_rate_scheduler)."""
    share, planned = _number(known, DECAY_END_SHARE), _number(known, "planned_steps")
    if share is None or planned is None:
        return None
    return _made(known, "decay_steps", math.floor(share * planned), DECAY_END_SHARE, "planned_steps")


def _warmup_in_tokens(known: Known) -> Fact | None:
    tokens, step = _number(known, WARMUP_TOKENS), _number(known, "tokens_per_step")
    if tokens is None or not step:
        return None
    return _made(known, "warmup_steps", math.ceil(tokens / step), WARMUP_TOKENS, "tokens_per_step")


def _warmup(known: Known) -> Fact | None:
    """Transformers rounds up (training_args.py, get_warmup_steps); GPT-NeoX, MaxText and Levanter down: one step."""
    share = _number(known, WARMUP_SHARE)
    over = next((name for name in ("decay_steps", "planned_steps") if name in known), None)
    if not share or over is None:
        return None
    return _made(known, "warmup_steps", math.ceil(share * (_number(known, over) or 0)), WARMUP_SHARE, over)


def _min_lr(known: Known) -> Fact | None:
    share, peak = _number(known, MIN_LR_SHARE), _number(known, "learning_rate")
    return (
        None if share is None or peak is None else _made(known, "min_lr", share * peak, MIN_LR_SHARE, "learning_rate")
    )


def _decay_steps(known: Known) -> Fact | None:
    """nanotron: lr_decay_steps after lr_decay_starting_step, by default the warm-up's end (config/config.py)."""
    length = _number(known, DECAY_LENGTH)
    start = next((name for name in ("decay_start", "warmup_steps") if name in known), None)
    if length is None or start is None:
        return None
    return _made(known, "decay_steps", length + (_number(known, start) or 0), DECAY_LENGTH, start)


def _end(known: Known) -> str | None:
    return next((name for name in ("decay_steps", "planned_steps") if name in known), None)


def _start_of_tail(known: Known) -> Fact | None:
    """Where the decay at the end of a plateau begins: by its steps or by its share of the run.

    Megatron-LM optimizer_param_scheduler.py (lr_wsd_decay_iters), Transformers optimization.py (get_wsd_schedule),
    OLMo-core optim/scheduler.py (WSD), torchtitan components/lr_scheduler.py (decay_ratio), MaxText
    utils/maxtext_utils.py. All but torchtitan's say it also where the schedule is another.
    """
    end = _end(known)
    name = TAIL if TAIL in known else TAIL_SHARE
    told = known.get(name)
    if end is None or told is None or not (_is_wsd(known) or told.where.endswith("decay_ratio")):
        return None
    last, tail = _number(known, end) or 0.0, _number(known, name) or 0.0
    start = last - (tail if name == TAIL else round(tail * last))
    return _made(known, "decay_start", start, end, name) if start >= 0 else None


def _end_of_tail(known: Known) -> Fact | None:
    tail = next((name for name in (TAIL, TAIL_SHARE) if name in known), None)
    if tail is None or "decay_start" not in known or "planned_steps" not in known:
        return None
    return _made(known, "decay_steps", _number(known, "planned_steps") or 0, "planned_steps")


def _is_wsd(known: Known) -> bool:
    schedule = known.get("schedule")
    return schedule is not None and schedule.value == "wsd"


def _decay_to_the_end(known: Known) -> Fact | None:
    """Composer optim/scheduler.py, OLMo olmo/optim.py (t_max) and MaxText utils/maxtext_utils.py: to the last step.

    Unless a t_max or learning_rate_schedule_steps says otherwise.
    """
    schedule = known.get("schedule")
    if schedule is None or "planned_steps" not in known or HORIZON in known:
        return None
    told = schedule.where.endswith(("scheduler.name", "lr_schedule_type")) and schedule.value in ("cosine", "linear")
    return _made(known, "decay_steps", _number(known, "planned_steps") or 0, "planned_steps") if told else None


def _decay_of_transformers(known: Known) -> Fact | None:
    """Transformers' cosine and linear schedules end at the last step (optimization.py)."""
    return _made(known, "decay_steps", _number(known, "planned_steps") or 0, "planned_steps") if _ends(known) else None


def _floor_of_transformers(known: Known) -> Fact | None:
    """And at zero."""
    schedule = known["schedule"] if _ends(known) else None
    return None if schedule is None else Fact("min_lr", 0.0, schedule.origin, schedule.where)


def _ends(known: Known) -> bool:
    schedule = known.get("schedule")
    return (
        schedule is not None
        and schedule.where.endswith("lr_scheduler_type")
        and schedule.value in ("cosine", "linear")
        and {PLAIN_SCHEDULE, "planned_steps"} <= known.keys()
    )


RULES: tuple[Callable[[Known], Fact | None], ...] = (
    _global_batch,
    _world_of_nodes,
    _world_of_ranks,
    _tokens_per_step,
    _decay_by_share,
    _warmup,
    _warmup_in_tokens,
    _min_lr,
    _decay_steps,
    _start_of_tail,
    _end_of_tail,
    _decay_to_the_end,
    _decay_of_transformers,
    _floor_of_transformers,
)
