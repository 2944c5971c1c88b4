"""The log formats that are read, one file each, and how a log's format is recognised."""

from __future__ import annotations

from parsers.format import Format
from parsers.formats.build_nanogpt import BuildNanoGPT
from parsers.formats.composer import Composer
from parsers.formats.csv import Csv
from parsers.formats.deepspeed import DeepSpeed
from parsers.formats.fairseq import Fairseq
from parsers.formats.generic import Generic
from parsers.formats.gpt_neox import GptNeoX
from parsers.formats.huggingface import HuggingFace
from parsers.formats.jsonl import Jsonl
from parsers.formats.keras import Keras
from parsers.formats.levanter import Levanter
from parsers.formats.lightning_csv import LightningCsv
from parsers.formats.litgpt import LitGPT
from parsers.formats.llamafactory import LlamaFactory
from parsers.formats.llmc import LlmC
from parsers.formats.maxtext import MaxText
from parsers.formats.megatron import Megatron
from parsers.formats.mlflow import MLflow
from parsers.formats.mlperf import MLPerf
from parsers.formats.mlx_lm import MlxLM
from parsers.formats.modded_nanogpt import ModdedNanoGPT
from parsers.formats.nanochat import Nanochat
from parsers.formats.nanogpt import NanoGPT
from parsers.formats.nanotron import Nanotron
from parsers.formats.olmo import OLMo
from parsers.formats.tensorboard import TensorBoard
from parsers.formats.torchtitan import TorchTitan
from parsers.formats.torchtune import TorchTune
from parsers.formats.tqdm import Tqdm
from parsers.formats.trainer_state import TrainerState
from parsers.formats.wandb import Wandb
from parsers.rows.foreign import words
from parsers.stores.store import Store

FORMATS: tuple[type[Format], ...] = (
    NanoGPT,
    BuildNanoGPT,
    Nanochat,
    LlmC,
    ModdedNanoGPT,
    HuggingFace,
    Megatron,
    GptNeoX,
    DeepSpeed,
    TorchTitan,
    TorchTune,
    LitGPT,
    Nanotron,
    OLMo,
    Composer,
    MaxText,
    Levanter,
    Fairseq,
    MlxLM,
    Keras,
    MLPerf,
    Tqdm,
    LlamaFactory,
    LightningCsv,
    Csv,
    Jsonl,
    Generic,
)
"""All formats of lines, in the order in which `traintop formats` lists them."""
STORES: tuple[type[Store], ...] = (TrainerState, TensorBoard, Wandb, MLflow)
"""All formats of files that are no lines."""

LEAST = 0.3
"""How sure a format must be of itself."""
MARGIN = 0.1
"""By how much it must be surer than the next one."""
GLANCE_BYTES = 16 << 10
GLANCE_LEAST, GLANCE_MARGIN = 0.9, 0.5
"""So much of the newest lines is enough where it leaves no doubt: to look at all costs more than to read it."""
SHOWN = 60


def recognise(window: bytes) -> tuple[type[Format], str] | None:
    """The format of a log that holds the lines in `window`, and why, in one sentence for people.

    None where none is sure, or two are about as sure: it may still become clear as the log grows.
    """
    newest = window[-GLANCE_BYTES:] if len(window) > GLANCE_BYTES else b""
    kind = _surest(newest[newest.find(b"\n") + 1 :], GLANCE_LEAST, GLANCE_MARGIN) if newest else None
    kind = kind or _surest(window, LEAST, MARGIN)
    return None if kind is None else (kind, _why(kind, window))


def _surest(window: bytes, least: float, margin: float) -> type[Format] | None:
    sure = sorted(((kind.sniff(window), at) for at, kind in enumerate(FORMATS)), reverse=True)
    best, at = sure[0]
    if best < least or (len(sure) > 1 and best - sure[1][0] < margin):
        return None
    return FORMATS[at]


def by_name(name: str) -> type[Format] | None:
    """The format of lines with that id, else None."""
    return next((kind for kind in FORMATS if kind.name == name), None)


def _why(kind: type[Format], window: bytes) -> str:
    for line in window.split(b"\n"):
        if kind.sniff(line) > 0:
            shown = "".join(c for c in words(line) if c.isprintable())
            cut = shown if len(shown) <= SHOWN else shown[:SHOWN] + "..."
            return f'{kind.title} prints "{cut}"'
    return f"its lines are {kind.title}'s"
