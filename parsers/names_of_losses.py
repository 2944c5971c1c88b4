"""Which loss a name names: of training, of which evaluation set, or one that is no language model's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from parsers.words import Word, terms

TRAIN = terms("train training tr trn")
EVAL = terms("eval evaluation evaluate")
VAL = terms("val valid validation dev heldout") | EVAL
TEST = frozenset({"test"})
SPLITS = TRAIN | VAL | TEST

LANGUAGE = terms(
    "lm clm mlm ce nll xent xe cross entropy crossentropy language modeling modelling causal token tokens sft"
)
SHORT = frozenset({"ce", "nll", "xent", "xe", "crossentropy"})
"""A cross entropy without the word loss."""
MEANS = terms("mean avg average running ema smooth smoothed total moving")
SILENT = terms(
    "loss losses metric metrics chart charts stat stats global reduced current cur step epoch batch iter iteration "
    "model per of log logs scalars scalar summary"
)
OTHER_LOSSES = terms(
    "policy value values actor critic kl kld aux auxiliary balance balancing router z zloss recon reconstruction vae "
    "gan d g disc discriminator gen generator adv adversarial reward rewards dpo kto orpo ppo grpo pg vf td q "
    "contrastive clip siglip bbox box cls class classification seg mask dfl obj iou mse mae l huber rmse distill kd "
    "commitment codebook vq perceptual lpips diffusion noise flow mtp load ortho feature pixel depth reg "
    "regularization regularizer downstream audio image vision energy force pde bc ic entropy temperature"
)
NO_LOSS = terms(
    "best min max lowest highest std var variance delta diff gap ratio improvement improved patience prev previous "
    "last initial target threshold scale scaler scaled time runtime seconds ppl perplexity acc accuracy bits bpb count "
    "num n steps weight weights coef coefficient lambda norm grad gradient lr final spike spikes skipped percentile "
    "median"
)

NO_NAME = re.compile(r"[^\w./-]")
NO_SPLIT, NO_LANGUAGE, MEAN, OTHER_PERIOD, TEST_SET = 2, 1, 4, 8, 1000


@dataclass(frozen=True, slots=True)
class Loss:
    """`metric` is train_loss, eval_train_loss, val_loss or val_loss/NAME; of two for one metric the lower rank wins."""

    metric: str
    rank: int


def loss_of(name: str, words: Sequence[Word]) -> Loss | None:
    """The loss that a name with these words names; None for what is no loss, or no language model's."""
    spoken = [word.text for word in words]
    said = set(spoken)
    crossed = "cross" in said and "entropy" in said
    if not ("loss" in said or crossed or (said & SHORT and said & SPLITS)) or said & NO_LOSS:
        return None
    if spoken[-2:] == ["loss", "value"]:
        words, spoken = words[:-1], spoken[:-1]
    split = _split(name, words)
    left = [word for word in words if word.text not in SPLITS | LANGUAGE | MEANS | SILENT]
    other = set(spoken) & (OTHER_LOSSES - ({"entropy"} if crossed else set()))
    if split is None or other or (left and split != "val_loss"):
        return None
    rank = _rank(set(spoken), split)
    if left:
        return None if said & TEST else Loss(f"val_loss/{_set_name(name, left)}", rank)
    return Loss(split, rank + (TEST_SET if said & TEST else 0))


def _split(name: str, words: Sequence[Word]) -> str | None:
    """The metric, by the split that is named nearest to the loss: the last part of the name comes first."""
    leaf = name.rfind("/")
    near = {word.text for word in words if word.start > leaf} & SPLITS
    far = {word.text for word in words if word.start <= leaf} & SPLITS
    both = near | far
    if not both:
        return "train_loss"
    if both & TRAIN and both & EVAL and not both & (VAL - EVAL):
        return "val_loss" if near and not near & TRAIN else "eval_train_loss"
    if near & TRAIN and near & (VAL | TEST):
        return None
    chosen = near or far
    if chosen & TRAIN:
        return "train_loss" if not chosen & (VAL | TEST) else None
    return "val_loss"


def _rank(spoken: set[str], split: str) -> int:
    rank = 0 if spoken & LANGUAGE else NO_LANGUAGE
    rank += 0 if spoken & SPLITS else NO_SPLIT
    rank += MEAN if spoken & MEANS else 0
    period = "epoch" if split == "train_loss" else "step"
    return rank + (OTHER_PERIOD if period in spoken else 0)


def _set_name(name: str, left: Sequence[Word]) -> str:
    """The evaluation set as the log spells it."""
    whole = name[left[0].start : left[-1].end]
    if sum(word.end - word.start for word in left) < len(whole) - len(left):  # other words stand between
        whole = "_".join(name[word.start : word.end] for word in left)
    return NO_NAME.sub("_", whole)
