"""What the names of columns, tags and keys mean, as real trainers and people's own loops write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.names import Meaning, Taken, columns_of, meaning_of, mfu_scale, step_of, unit_told

NAMES = {
    "train_loss": "loss|train_loss|train/loss|train/CrossEntropyLoss|train/CE loss|loss/train|Loss/train|lm loss|"
    "lm_loss|lm-loss-training/lm loss|TRAIN_LOSS|trainLoss|train_loss_step|train_loss_epoch|reduced_train_loss|"
    "loss/train/total|metrics/train/LanguageCrossEntropy|loss_metrics/global_avg_loss|"
    "running_loss|cross_entropy|train/nll|loss value",
    "eval_train_loss": "eval/train_loss|eval_train_loss|train_eval_loss",
    "val_loss": "eval_loss|eval/loss|val_loss|val/loss|valid_loss|validation_loss|Validation Loss|loss_val|loss/val|"
    "Loss/validation|test_loss|dev_loss|train/eval_loss|metrics/eval/LanguageCrossEntropy|lm loss validation|val_ce|"
    "validation_metrics/loss|lm-loss-validation/lm loss validation|val_loss_epoch",
    "val_loss/wiki": "eval_wiki_loss|val/wiki/loss|val_loss_wiki|validation/wiki loss",
    "val_loss/c4_en": "eval/c4_en-validation/CrossEntropyLoss|eval/lm/c4_en-validation/CE loss",
    "val_bpb": "val_bpb|val/bpb|bpb|bits_per_byte|eval/bits-per-byte",
    "learning_rate": "lr|LR|learning_rate|learning-rate|learning rate|train/lr|lr-AdamW|lr-AdamW/pg1|lr_0|"
    "optim/learning_rate_group0|optim/LR (group 0)|lr-DecoupledAdamW/group0|train/learning_rate",
    "grad_norm": "grad_norm|train/grad_norm|grad-norm|gnorm|grad norm|gradient_norm|total_grad_norm|GradNorm|"
    "optim/total_grad_norm|optim/total grad norm|l2_norm/grad/global|grad/norm/total|grad_l2_norm",
    "loss_scale": "loss_scale|loss-scale|loss scale|grad_scale|amp_scale",
    "tokens": "tokens|tokens_seen|num_tokens|num_input_tokens_seen|consumed_tokens|total_tokens|"
    "throughput/total_tokens|train/num_input_tokens_seen|throughput/total tokens|trained_tokens|time/token",
    "tokens_per_second": "tokens_per_sec|tokens_per_second|tok/s|tok/sec|tps|throughput(tps)|train/tok_per_sec|"
    "throughput/tokens_per_sec|Tokens/s|tokens per second",
    "step_seconds": "dt_s|dt (s)|step_time_s|sec/step|s/it|iter_time_sec|seconds_per_step|train_step_timing in s|"
    "iteration-time|throughput/duration|time_metrics/end_to_end(s)",
    "mfu": "mfu|MFU|bf16_mfu|train/mfu|throughput/device/mfu",
    "epoch": "epoch|Epoch|train/epoch|current_epoch|epochs",
}
SCALED = {
    "dt_ms": Meaning("step_seconds", 1e-3),
    "step_time_ms": Meaning("step_seconds", 1e-3),
    "step_ms": Meaning("step_seconds", 1e-3),
    "train/iter_ms": Meaning("step_seconds", 1e-3),
    "dt(ms)": Meaning("step_seconds", 1e-3),
    "ms/step": Meaning("step_seconds", 1e-3),
    "elapsed_time_per_iteration_ms": Meaning("step_seconds", 1e-3),
    "mfu(%)": Meaning("mfu", 0.01),
    "mfu_pct": Meaning("mfu", 0.01),
    "tflops": Meaning("tflops", 1e12),
    "TFLOPS/GPU": Meaning("tflops", 1e12),
    "TFLOP/s/GPU": Meaning("tflops", 1e12),
    "model_tflops_per_gpu": Meaning("tflops", 1e12),
    "throughput/gflops_per_second": Meaning("tflops", 1e9),
    "device/flops_per_sec": Meaning("tflops", 1.0),
    "memory_gb": Meaning("memory_bytes", 1e9),
    "gpu_mem_mb": Meaning("memory_bytes", 1e6),
    "memory/max_reserved(GiB)": Meaning("memory_bytes", 2.0**30),
    "peak_vram_MiB": Meaning("memory_bytes", 2.0**20),
    "tokens_B": Meaning("tokens", 1e9),
    "tokens (M)": Meaning("tokens", 1e6),
    "ktok/s": Meaning("tokens_per_second", 1e3),
    "tgs": Meaning("tokens_per_second", 1.0, per_device=True),
    "tokens_per_second_per_gpu": Meaning("tokens_per_second", 1.0, per_device=True),
    "throughput/device/tokens_per_second": Meaning("tokens_per_second", 1.0, per_device=True),
}
NOTHING = (
    "ppl|perplexity|val_ppl|accuracy|eval_accuracy|reward|kl|entropy|policy_loss|value_loss|kl_loss|aux_loss|"
    "load_balancing_loss|vae/recon_loss|d_loss|g_loss|z_loss|train/z_loss|val/kl_loss|mse_loss|contrastive_loss|"
    "loss_std|min_loss|best_val_loss|best_loss|val_loss_improved|packet_loss|profit_loss|loss_ratio|lossless|loss_fn|"
    "lrm|min_lr|max_lr|lr_mult|lr_scheduler_steps|lr-AdamW/pg1-momentum|lr-AdamW-weight_decay|"
    "grad_norm/layer.0.weight|param_norm|weight_norm|grad_norm_clipped|grad_norm_std|clip_grad_norm_max|norm|"
    "dt|step_time|iter_time|train_time|train_time_ms|total_time|epoch_time|elapsed_time|eval_runtime|it/s|"
    "samples_per_second|eval_samples_per_second|eval_tokens_per_second|tokens_per_step|tokens_per_batch|max_tokens|"
    "memory|peak_memory_active|memory_percent|cpu_mem_gb|memory_free_gb|vram_total_gb|total_flos|flops|peak_flops|hfu|"
    "batch_size|throughput|step|lm loss vs samples|learning-rate vs samples|lm loss validation ppl|"
    "eval/downstream_ce_loss/arc_easy_ce_loss|train_foo_loss|loss1|mean_token_accuracy|val_bpc|train/bpb||///|loss_"
    + "x"
    * 300
)


def parts(text: str) -> list[str]:
    return text.split("|")


@pytest.mark.parametrize(("metric", "name"), [(metric, n) for metric, names in NAMES.items() for n in parts(names)])
def test_names_of_trainers(metric: str, name: str) -> None:
    """Each of these names is logged by a trainer or a loop, for that metric and in SI units."""
    assert meaning_of(name) == Meaning(metric)


@pytest.mark.parametrize("name", SCALED)
def test_units_in_names(name: str) -> None:
    """A unit in a name gives the factor to SI; a rate of one device is marked as such."""
    assert meaning_of(name) == SCALED[name]


@pytest.mark.parametrize("name", parts(NOTHING))
def test_names_that_mean_no_metric(name: str) -> None:
    """Other losses, other rates, and times and memory without a unit are not taken for something they may not be."""
    assert meaning_of(name) is None


@given(st.sampled_from(parts("train_loss|val_loss|learning_rate|grad_norm|num_tokens|tokens_per_sec|dt_ms")), st.data())
def test_case_and_separators_do_not_matter(name: str, data: st.DataObject) -> None:
    """LEARNING-RATE, Learning.Rate and learning rate are one name."""
    spelt = data.draw(st.sampled_from([str.upper, str.title, str.lower]))(name)
    assert meaning_of(spelt.replace("_", data.draw(st.sampled_from("-_. /")))) == meaning_of(name)


@given(st.text(max_size=60))
def test_any_text_is_safe(name: str) -> None:
    """Foreign keys raise nothing, and the name of a set has no control characters in it."""
    meaning = meaning_of(name)
    step_of([name])
    unit_told([name])
    assert meaning is None or meaning.metric.isprintable()


def test_one_name_for_each_metric() -> None:
    """Of several names for one metric the best is taken: the step's loss, the plain set, the first rate."""
    names = "train_loss_epoch|train_loss_step|best_val_loss|val_loss_step|val_loss_epoch|lr-A/pg2|lr-A/pg1|test_loss"
    assert list(columns_of(parts(names))) == ["train_loss_step", "val_loss_epoch", "lr-A/pg2"]
    assert list(columns_of(["train/loss", "train/ce_loss", "train/z_loss"])) == ["train/ce_loss"]
    assert list(columns_of(["tgs", "tokens_per_sec"])) == ["tokens_per_sec"]
    assert list(columns_of(["memory_allocated_gb", "memory_reserved_gb"])) == ["memory_reserved_gb"]


def test_several_evaluation_sets() -> None:
    """The only set is val_loss; of several named ones the first is, and a plain one comes before them."""
    metrics = {n: m.metric for n, m in columns_of(["eval_wiki_loss"]).items()}
    assert metrics == {"eval_wiki_loss": "val_loss"}
    metrics = {n: m.metric for n, m in columns_of(["eval_wiki_loss", "eval_code_loss"]).items()}
    assert metrics == {"eval_wiki_loss": "val_loss", "eval_code_loss": "val_loss/code"}
    metrics = {n: m.metric for n, m in columns_of(["eval_wiki_loss", "eval_loss", "test_loss"]).items()}
    assert metrics == {"eval_wiki_loss": "val_loss/wiki", "eval_loss": "val_loss"}
    metrics = {n: m.metric for n, m in columns_of(["test_loss", "eval_wiki_loss"]).items()}
    assert metrics == {"eval_wiki_loss": "val_loss"}


def test_a_test_set_serves_where_there_is_no_other() -> None:
    """test_loss is val_loss only where nothing was validated on."""
    assert columns_of(["loss", "test_loss"])["test_loss"] == Meaning("val_loss")
    assert "test_loss" not in columns_of(["test_loss", "val_loss"])


def test_norm_beside_a_loss() -> None:
    """A bare norm is that of the gradient beside a training loss, and nothing alone."""
    assert columns_of(["step", "loss", "norm"])["norm"] == Meaning("grad_norm")
    assert columns_of(["step", "norm"]) == {}


def test_the_mean_loss_of_a_whole_run_is_no_loss_of_a_step() -> None:
    """The HF Trainer writes it at the end, beside train_runtime, under the name that others use for each step."""
    assert columns_of(["train_loss", "train_runtime", "step"]) == {}
    taken = Taken()
    assert list(taken.row(["loss", "step"])) == ["loss"]
    assert list(taken.row(["train_loss", "train_runtime", "epoch"])) == ["epoch"]


def test_names_that_come_later() -> None:
    """A better name takes over when it comes; a worse one does not."""
    taken = Taken()
    assert list(taken.row(["train_loss_epoch"])) == ["train_loss_epoch"]
    assert list(taken.row(["train_loss_step"])) == ["train_loss_step"]
    assert list(taken.row(["train_loss_epoch"])) == []
    assert taken.columns == {"train_loss_step": Meaning("train_loss")}


def test_a_formats_own_names() -> None:
    """A trainer's own meaning of a name comes before what the name means elsewhere."""
    taken = Taken({"throughput": Meaning("tokens_per_second")})
    assert taken.row(["throughput", "tps"]) == {"throughput": Meaning("tokens_per_second")}


@pytest.mark.parametrize(
    ("names", "step"),
    [
        ("_step|train/global_step|epoch", "train/global_step"),
        ("step|iter", "step"),
        ("iter|_step", "iter"),
        ("trainer/global_step|epoch", "trainer/global_step"),
        ("Iteration|loss", "Iteration"),
        ("current_steps|total_steps", "current_steps"),
        ("num_updates|epoch", "num_updates"),
        ("epoch|batch|loss", "batch"),
        ("epoch|loss", None),
        ("eval_step|val/step|max_steps|total_steps|train_steps|eval_steps", None),
        ("steps_per_second|step_time", None),
    ],
)
def test_what_counts_the_steps(names: str, step: str | None) -> None:
    """The trainer's own count comes before W&B's, an update before a batch; an epoch and a plan are no steps."""
    assert step_of(parts(names)) == step


def test_mfu_above_one_and_a_half_is_percent() -> None:
    """41.5 is a per cent; 1.02 is what a too low peak gives."""
    assert (mfu_scale(41.5), mfu_scale(1.02), mfu_scale(0.4)) == (0.01, 1.0, 1.0)


def test_what_tells_a_language_model() -> None:
    """Perplexity and tokens are of text; rewards are of reinforcement learning; a loss alone says nothing."""
    assert unit_told(["loss", "val_perplexity"]) == "nats"
    assert unit_told(["step", "loss", "tokens_seen"]) == "nats"
    assert unit_told(["loss", "rewards/mean", "num_tokens"]) == "other"
    assert unit_told(["epoch", "loss", "accuracy"]) is None
