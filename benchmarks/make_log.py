"""Writes a nanoGPT log of any length, the same bytes for the same seed.

    python benchmarks/make_log.py train.log --iterations 1000000

The run is a healthy one of GPT-2's 124M parameters on OpenWebText. Its loss is what the law of `diagnosis.budget`
gives for this size and the tokens so far, and on top what a cosine schedule has still to anneal (Tissue et al. 2024);
with the noise of a micro-batch on each iter line and the sampling error of an eval on each step line. Times, the MFU
and their relation are nanoGPT's: the step of an eval contains it, and the printed MFU is a running mean (0.9 old, 0.1
new) over the printed lines, in units of an A100.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
import numpy.typing as npt

from diagnosis.budget import BESIROGLU, OPENWEBTEXT

Floats = npt.NDArray[np.float64]

A100_FLOPS = 312e12
TRUE_MFU = 0.4
N_LAYER, N_EMBD, VOCAB_SIZE, BLOCK_SIZE = 12, 768, 50304, 1024
MATRICES = 12 * N_LAYER * N_EMBD**2 + VOCAB_SIZE * N_EMBD
VECTORS = (2 * N_LAYER + 1) * N_EMBD
BATCH_SIZE, ACCUMULATION, EVAL_ITERS = 12, 40, 200
TOKENS_PER_STEP = BATCH_SIZE * ACCUMULATION * BLOCK_SIZE
PEAK_LR, MIN_LR = 6e-4, 6e-5
CHECKPOINT_SECONDS = 1.5

ANNEALING = 0.135
"""Nats that a full annealing is worth."""
LAG_STEPS, LAG_SHARE = 1000, 0.05
"""How long the loss takes to follow the learning rate: steps, and at most that share of the run."""
SEQUENCE_NOISE = 0.38
"""Standard deviation of the loss of one sequence of 1,024 tokens, nats."""
NOISE_FREEDOM = 15
"""Degrees of freedom of Student's t: single batches stray a little further than a Gaussian allows."""

ITER_LINE = "iter %d: loss %.4f, time %.2fms, mfu %.2f%%\n"


@dataclass(frozen=True, slots=True)
class Plan:
    """How long the run is and how often it speaks, in iterations."""

    iterations: int
    log_interval: int
    eval_interval: int

    @property
    def warmup(self) -> int:
        return min(2000, self.iterations // 10)


def write_log(path: Path, iterations: int, *, log_interval: int = 1, eval_interval: int = 1000, seed: int = 0) -> None:
    """Writes the whole log: header, evals and iter lines 0 to `iterations`, which is inclusive as in nanoGPT."""
    plan = Plan(iterations, log_interval, eval_interval)
    with path.open("w", encoding="utf-8") as log:
        log.write(header(plan))
        log.writelines(body(plan, np.random.default_rng(seed)))


def header(plan: Plan) -> str:
    """What nanoGPT prints before its first step, the echo of a config with its comments included."""
    return f"""Overriding config with config/train_synthetic.py:
# a synthetic run, made for measuring
out_dir = 'out-synthetic'
eval_interval = {plan.eval_interval}
eval_iters = {EVAL_ITERS}
log_interval = {plan.log_interval}
always_save_checkpoint = True

dataset = 'openwebtext'
batch_size = {BATCH_SIZE}
block_size = {BLOCK_SIZE}
gradient_accumulation_steps = 5 * {ACCUMULATION // 5}  # 0.5M tokens per step

learning_rate = {PEAK_LR:g}
max_iters = {plan.iterations}
lr_decay_iters = {plan.iterations}
warmup_iters = {plan.warmup}
min_lr = {MIN_LR:g}
weight_decay = 1e-1

tokens per iteration will be: {TOKENS_PER_STEP:,}
Initializing a new model from scratch
defaulting to vocab_size of GPT-2 to 50304 (50257 rounded up for efficiency)
number of parameters: {(MATRICES + VECTORS) / 1e6:.2f}M
num decayed parameter tensors: {4 * N_LAYER + 2}, with {MATRICES + BLOCK_SIZE * N_EMBD:,} parameters
num non-decayed parameter tensors: {2 * N_LAYER + 1}, with {VECTORS:,} parameters
using fused AdamW: True
compiling the model... (takes a ~minute)
"""


def body(plan: Plan, random: np.random.Generator) -> Iterator[str]:
    """The step and iter lines, in blocks from one eval to the next."""
    curve = loss_curve(plan)
    evals = curve[:: plan.eval_interval, None] + eval_noise(random, len(range(0, len(curve), plan.eval_interval)))
    rows = iter_rows(plan, curve, random)
    for number, step in enumerate(range(0, len(curve), plan.eval_interval)):
        yield f"step {step}: train loss {evals[number, 0]:.4f}, val loss {evals[number, 1]:.4f}\n"
        if step > 0:
            yield "saving checkpoint to out-synthetic\n"
        block = rows[np.searchsorted(rows[:, 0], step) : np.searchsorted(rows[:, 0], step + plan.eval_interval)]
        yield (ITER_LINE * len(block)) % tuple(block.ravel().tolist())


def learning_rate(plan: Plan) -> Floats:
    """Linear warm-up and a cosine to the minimum, as a share of the peak, shape (iterations + 1,)."""
    steps = np.arange(plan.iterations + 1)
    done = np.clip((steps - plan.warmup) / max(1, plan.iterations - plan.warmup), 0.0, 1.0)
    cosine = MIN_LR / PEAK_LR + 0.5 * (1.0 + np.cos(np.pi * done)) * (1.0 - MIN_LR / PEAK_LR)
    return np.where(steps < plan.warmup, (steps + 1) / (plan.warmup + 1), cosine)


def loss_curve(plan: Plan) -> Floats:
    """The loss before each update without noise, nats, shape (iterations + 1,).

    The law is counted from the tokens at which it gives the ln(vocabulary) of an untrained model.
    """
    rate, steps = learning_rate(plan), np.arange(plan.iterations + 1)
    floor = BESIROGLU.E + BESIROGLU.A * (MATRICES + VECTORS) ** -BESIROGLU.a + OPENWEBTEXT.value
    untrained = (BESIROGLU.B / (np.log(VOCAB_SIZE) - floor - ANNEALING)) ** (1 / BESIROGLU.b)
    law = floor + BESIROGLU.B * (steps * TOKENS_PER_STEP + untrained) ** -BESIROGLU.b
    annealed = np.where(steps < plan.warmup, 0.0, (1.0 - rate) / (1.0 - MIN_LR / PEAK_LR))
    lag = max(1.0, min(LAG_STEPS, LAG_SHARE * plan.iterations))
    loss: Floats = law + ANNEALING * (1.0 - running_mean(annealed, 1.0 - 1.0 / lag, start=0.0))
    return loss


def running_mean(values: Floats, keep: float, start: float) -> Floats:
    """Each value mixed into the mean of those before it: keep x old + (1 - keep) x new, shape of `values`."""
    means: Iterable[float] = accumulate(
        values.tolist(), lambda old, new: keep * old + (1.0 - keep) * new, initial=start
    )
    return np.fromiter(means, np.float64, len(values) + 1)[1:]


def eval_noise(random: np.random.Generator, count: int) -> Floats:
    """Sampling error of `count` evals of both splits, nats, shape (count, 2)."""
    return random.normal(0.0, SEQUENCE_NOISE / np.sqrt(EVAL_ITERS * BATCH_SIZE), (count, 2))


def iter_rows(plan: Plan, curve: Floats, random: np.random.Generator) -> Floats:
    """What each iter line prints, shape (lines, 4): iteration, loss, milliseconds, MFU in per cent."""
    steps = np.arange(0, len(curve), plan.log_interval)
    spread = SEQUENCE_NOISE / np.sqrt(BATCH_SIZE) / np.sqrt(NOISE_FREEDOM / (NOISE_FREEDOM - 2))
    losses = curve[steps] + spread * random.standard_t(NOISE_FREEDOM, len(steps))
    seconds, flops = step_seconds(plan, steps, random)
    shares = flops / seconds / A100_FLOPS
    settled = steps >= 5
    printed = np.full(len(steps), -1.0)
    if settled.any():
        printed[settled] = running_mean(shares[settled], 0.9, start=shares[settled][0])
    return np.column_stack((steps, losses, seconds * 1e3, printed * 100.0))


def step_seconds(plan: Plan, steps: npt.NDArray[np.int64], random: np.random.Generator) -> tuple[Floats, float]:
    """The time of each of these steps, evals and checkpoints included, and the FLOPs of a step (6N + 12 L d T)."""
    flops_per_token = 6 * (MATRICES + VECTORS) + 12 * N_LAYER * N_EMBD * BLOCK_SIZE
    flops = float(flops_per_token * TOKENS_PER_STEP)
    steady = flops / (TRUE_MFU * A100_FLOPS)
    seconds = steady * (1.0 + 0.002 * np.abs(random.standard_t(NOISE_FREEDOM, len(steps))))
    forward_passes = 2 * EVAL_ITERS / (3 * ACCUMULATION)  # a forward pass is a third of a micro-batch
    seconds[steps % plan.eval_interval == 0] += steady * forward_passes + CHECKPOINT_SECONDS
    seconds[steps == 0] += 40.0  # compilation
    return seconds, flops


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--iterations", type=int, default=1_000_000)
    parser.add_argument("--log-interval", type=int, default=1)
    parser.add_argument("--eval-interval", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    write_log(
        given.path,
        given.iterations,
        log_interval=given.log_interval,
        eval_interval=given.eval_interval,
        seed=given.seed,
    )


if __name__ == "__main__":
    main()
