"""Published logs of Megatron-LM, Megatron-DeepSpeed, GPT-NeoX and nanotron. Skips where they are not at hand."""

from __future__ import annotations

import pytest
from format_checks import curves, facts
from raw_logs import published, shared

from parsers.clean import clean
from parsers.format import Format
from parsers.formats import recognise
from parsers.formats.deepspeed import DeepSpeed
from parsers.formats.gpt_neox import GptNeoX
from parsers.formats.huggingface import HuggingFace
from parsers.formats.megatron import Megatron
from parsers.formats.nanotron import Nanotron

OURS: tuple[type[Format], ...] = (Megatron, GptNeoX, DeepSpeed, Nanotron)
LOSSES: tuple[tuple[type[Format], str, int], ...] = (
    (Megatron, "megatron/issue_396_no_loss_grad_nan.txt", 0),
    (Megatron, "megatron/megatron_deepspeed_3d_ds_off.out", 62),
    (Megatron, "megatron/megatron_deepspeed_3d_ds_on.out", 49),
    (Megatron, "megatron/megatron_gpt2_n4_mp16.out", 19),
    (Megatron, "megatron/megatron_gpt2_n8.out", 19),
    (Megatron, "megatron/tr11_176B_bloom_loss_spike.txt", 11),
    (Megatron, "megatron/tr8_104B_exp12_spike_missing_loss.txt", 7),
    (Megatron, "megatron/tr8b_104B_overflow_divergence.txt", 9),
    (GptNeoX, "gpt-neox/issue_947_llama_bf16.txt", 2),
    (Nanotron, "nanotron/issue_390_log.txt", 4),
)


def text(name: str) -> bytes:
    return clean(published(name))


@pytest.mark.parametrize(("kind", "name", "rows"), LOSSES, ids=lambda one: str(one))
def test_a_log_is_recognised_and_each_loss_read(kind: type[Format], name: str, rows: int) -> None:
    """Counted by hand with grep."""
    found = recognise(text(name))
    assert found is not None
    assert found[0] is kind
    assert len(curves(kind, text(name)).get("train_loss", [])) == rows


def test_the_loss_scale_falls_while_steps_overflow() -> None:
    """The 104B run before it diverged: from 2^20 to 2^15 in six steps."""
    scales = [scale for _, scale in curves(Megatron, text("megatron/tr8b_104B_overflow_divergence.txt"))["loss_scale"]]
    assert scales == sorted(scales, reverse=True)
    assert (scales[0], scales[-1]) == (2.0**20, 2.0**15)


def test_the_row_without_a_loss_has_its_loss_scale() -> None:
    """Iteration 9027 was skipped."""
    found = curves(Megatron, text("megatron/tr8_104B_exp12_spike_missing_loss.txt"))
    assert 9027 not in dict(found["train_loss"])
    assert dict(found["loss_scale"])[9027] == 8192.0


def test_a_start_tells_shape_schedule_and_batch() -> None:
    """A model of 7168 x 48 on 32 GPUs."""
    known = facts(Megatron, text("megatron/megatron_gpt2_n8.out"))
    assert (known["n_layer"], known["n_embd"], known["world_size"], known["vocab_size"]) == (48, 7168, 32, 50688)
    assert (known["warmup_steps"], known["decay_steps"], known["tokens_per_step"]) == (8, 800, 4096)


def test_deepspeed_stays_behind_hugging_face_in_its_log() -> None:
    """A log of both."""
    window = text("hf-trainer/hf_deepspeed_gpt2_n16.out")
    assert 0 < DeepSpeed.sniff(window) <= HuggingFace.sniff(window) - 0.1


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.name)
def test_other_trainers_logs_are_not_taken(kind: type[Format]) -> None:
    """None of their lines looks like one of ours."""
    folders = {"megatron", "gpt-neox", "nanotron", "hf-trainer", "wandb-offline", "cases"}
    others = [
        p for p in sorted(shared("corpus").glob("*/*")) if p.parent.name not in folders and p.stat().st_size < 1 << 19
    ]
    assert others
    assert [p.name for p in others if kind.sniff(clean(p.read_bytes()))] == []
