"""Settings at hand and the wrappings in which they are kept: W&B, Hydra, Hugging Face, nanochat, Meta."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from parsers.configs.config import ConfigError, facts_of_mapping, read_config
from parsers.configs.config_kinds import overrides
from parsers.configs.config_names import MEANINGS
from parsers.configs.config_values import READERS
from parsers.records import Fact, Value


def known(settings: dict[str, object]) -> dict[str, Value]:
    return {fact.name: fact.value for fact in facts_of_mapping(settings, "log", "")}


def test_settings_may_be_text_under_dotted_names() -> None:
    """MLflow keeps nothing but text, W&B joins the names of sections."""
    said: dict[str, object] = {"trainer.max_steps": "1000", "optim/lr": "3e-4", "n_layer": "12", "bf16": "True"}
    assert facts_of_mapping(said, "config", "params") == [
        Fact("planned_steps", 1000, "config", "params, trainer.max_steps"),
        Fact("learning_rate", 3e-4, "config", "params, optim/lr"),
        Fact("n_layer", 12, "config", "params, n_layer"),
        Fact("dtype", "bfloat16", "config", "params, bf16"),
    ]


@pytest.mark.parametrize(
    "settings",
    [{"eval": {"batch_size": 3, "lr": 1}}, {"val_data": {"batch_size": 3}}, {"discriminator": {"lr": 1e-3}},
     {"some_plugin": {"lr": 1e-3, "epochs": 3}}, {"vision_config": {"hidden_size": 3}}, {"n_layer": None},
     {"n_layer": True}, {"n_layer": -1}, {"n_layer": "twelve"}, {"n_layer": 12.5}, {"lr": float("nan")},
     {"lr": "1" * 40}, {"max_steps": -1}, {"betas": [0.9]}, {"betas": "none"}, {"max_duration": "3 weeks"},
     {"warmup": "soon"}, {"lr_scheduler_type": "none"}, {"lr_scheduler": True}, {"dtype": "auto"},
     {"run_name": "${name}"}, {"dataset": ["a", "b"]}, {"vocab_size": 10**400},
     {"a": {"n_layer": 2}, "b": {"n_layer": 3}}, {}],
)  # fmt: skip
def test_what_is_open_gives_no_fact(settings: dict[str, object]) -> None:
    """Another section's, unset, of another type, or said twice in two ways."""
    assert known(settings) == {}


def test_the_surest_setting_wins() -> None:
    """A path before a name, a plain name before one that may mean more, the top before a section."""
    assert known({"max_seq_length": 512, "training": {"seq_len": 1024}}) == {"block_size": 1024}
    assert known({"batch_size": 128, "micro_batch_size": 4}) == {"batch_size": 4}
    assert known({"model": {"vocab_size": 100}, "vocab_size": 200}) == {"vocab_size": 200}
    assert known({"a": {"n_layer": 2}, "b": {"n_layer": 2}}) == {"n_layer": 2}


def test_the_longest_context_of_a_model_is_not_what_it_is_trained_on() -> None:
    """The limit is a fact of its own, and no tokens of a step are made of it."""
    limit: dict[str, object] = {"max_position_embeddings": 131_072, "global_batch_size": 8}
    assert known(limit) == {"max_positions": 131_072, "global_batch_size": 8}
    both = known({**limit, "seq_length": 4096})
    assert (both["block_size"], both["max_positions"], both["tokens_per_step"]) == (4096, 131_072, 32_768)


def test_a_length_that_only_cuts_gives_no_tokens_per_step() -> None:
    """Fine-tuning data is shorter than it; packed data is not."""
    cut: dict[str, object] = {"cutoff_len": 2048, "global_batch_size": 16}
    assert "tokens_per_step" not in known(cut)
    assert known({**cut, "packing": True})["tokens_per_step"] == 32_768
    assert "tokens_per_step" not in known({"seq_len": 2048, "global_batch_size": 16, "packing": False})


def test_hugging_face_arguments() -> None:
    """max_steps overrides the epochs, the ratio holds where the steps are 0, max_length is a setting of generation."""
    said: dict[str, object] = {
        "max_steps": 1000, "num_train_epochs": 3.0, "warmup_steps": 0, "warmup_ratio": 0.03, "learning_rate": 5e-5,
        "lr_scheduler_type": "linear", "eval_strategy": "epoch", "eval_steps": 500, "logging_steps": 10,
        "per_device_train_batch_size": 8, "per_device_eval_batch_size": 3, "max_length": 20, "min_length": 0,
    }  # fmt: skip
    assert known(said) == {
        "planned_steps": 1000, "warmup_steps": 30, "learning_rate": 5e-5, "schedule": "linear", "decay_steps": 1000,
        "min_lr": 0.0, "log_interval": 10, "batch_size": 8,
    }  # fmt: skip
    assert known({"max_steps": -1, "num_train_epochs": 3.0}) == {"planned_epochs": 3.0}


def test_a_schedule_with_a_floor_of_its_own_does_not_end_at_zero() -> None:
    """cosine_with_min_lr takes its floor from elsewhere."""
    assert known({"lr_scheduler_type": "cosine_with_min_lr", "max_steps": 10}) == {
        "schedule": "cosine", "planned_steps": 10,
    }  # fmt: skip


WRAPPED: list[tuple[str, object, dict[str, Value]]] = [
    ("config.yaml", {"wandb_version": 1, "_wandb": {"desc": None, "value": {"cli_version": "0.16"}},
                     "n_layer": {"desc": None, "value": 12}, "optim": {"desc": None, "value": {"lr": 0.1}}},
     {"n_layer": 12, "learning_rate": 0.1}),
    ("config.json", {"n_layer": {"value": 12}, "lr": {"value": 0.1, "desc": None}},
     {"n_layer": 12, "learning_rate": 0.1}),
    ("wandb-metadata.json", {"os": "Linux", "python": "3.11", "program": "train.py", "gpu": "NVIDIA GeForce RTX 4070",
                             "gpu_count": 1, "args": ["config/x.py", "--batch_size=12", "--lr", "1e-3", "--compile"]},
     {"batch_size": 12, "learning_rate": 1e-3, "compile": True, "gpu_name": "NVIDIA GeForce RTX 4070"}),
    ("overrides.yaml", ["+model.n_layer=6", "optimizer.lr=3e-4", "~logger"], {"n_layer": 6, "learning_rate": 3e-4}),
    ("trainer_state.json", {"log_history": [], "max_steps": 8712, "num_train_epochs": 3, "train_batch_size": 4,
                            "eval_steps": 500, "logging_steps": 5, "epoch": 1.2, "global_step": 7},
     {"planned_steps": 8712, "planned_epochs": 3.0, "log_interval": 5, "batch_size": 4}),
    ("meta_001000.json", {"step": 1000, "device_batch_size": 32, "max_seq_len": 2048,
                          "model_config": {"sequence_len": 2048, "vocab_size": 65_536, "n_layer": 20, "n_head": 10,
                                           "n_kv_head": 5, "n_embd": 1280},
                          "user_config": {"run": "d20", "total_batch_size": 524_288, "num_iterations": -1}},
     {"batch_size": 32, "block_size": 2048, "vocab_size": 65_536, "n_layer": 20, "n_head": 10, "n_kv_head": 5,
      "n_embd": 1280, "run_name": "d20", "tokens_per_step": 524_288}),
    ("args.json", {"device_batch_size": 32, "total_batch_size": 524_288},
     {"batch_size": 32, "tokens_per_step": 524_288}),
    ("params.json", {"dim": 4096, "n_layers": 32, "n_heads": 32, "n_kv_heads": 8, "vocab_size": 128_256},
     {"n_embd": 4096, "n_layer": 32, "n_head": 32, "n_kv_head": 8, "vocab_size": 128_256}),
    ("config.json", {"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 1024,
                     "n_ctx": 1024, "vocab_size": 50_257, "resid_pdrop": 0.1},
     {"n_embd": 768, "n_layer": 12, "n_head": 12, "max_positions": 1024, "vocab_size": 50_257, "dropout": 0.1,
      "model_type": "gpt2"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "expected"), WRAPPED)
def test_wrapped_settings_are_unwrapped(tmp_path: Path, name: str, content: object, expected: dict[str, Value]) -> None:
    """Each wrapping is known by its own keys."""
    path = tmp_path / name
    path.write_text(json.dumps(content))  # JSON is YAML too
    assert {fact.name: fact.value for fact in read_config(path)} == expected


def test_a_list_that_is_none_of_overrides_holds_no_settings(tmp_path: Path) -> None:
    """Hydra's file holds "name=value" alone."""
    path = tmp_path / "overrides.yaml"
    path.write_text("- one\n- two\n")
    with pytest.raises(ConfigError, match="holds no settings"):
        read_config(path)


def test_words_of_a_command_line() -> None:
    """With and without a sign between a name and its value."""
    words = ["train.py", "--a=1", "--b", "2", "--c", "--d", "x=y", "+e.f=3", "stray"]
    assert overrides(words) == {"a": "1", "b": "2", "c": "true", "d": "true", "x": "y", "e.f": "3"}


def test_each_kind_in_the_table_can_be_read() -> None:
    """No setting names a kind of value that nothing reads."""
    assert {one.kind for one in MEANINGS.values()} == set(READERS)


def test_parameters_in_32_bits_may_be_computed_with_in_16() -> None:
    """Hugging Face's dtype is that of the saved weights, torchtitan's of the master copy; nanoGPT's is autocast's."""
    hugging_face: dict[str, object] = {"transformers_version": "5.0.0", "dtype": "float32", "torch_dtype": "float32"}
    assert known(hugging_face) == {}
    assert known({**hugging_face, "bf16": True}) == {"dtype": "bfloat16"}
    assert known({"architectures": ["X"], "text_config": {"dtype": "float32"}}) == {}
    assert known({"training": {"dtype": "float32"}}) == {}
    assert known({"training": {"dtype": "bfloat16"}}) == {"dtype": "bfloat16"}
    assert known({"dtype": "float32"}) == {"dtype": "float32"}


@pytest.mark.parametrize(
    ("said", "expected"),
    [("p=f32,c=bfloat16", "bfloat16"), ("params=float32,compute=float16,output=float32", "float16"),
     ("c=f32", "float32"), ("f32", None), (3, None)],
)  # fmt: skip
def test_a_policy_names_the_type_of_the_matmuls(said: object, expected: str | None) -> None:
    """Of parameters, computation and output."""
    assert known({"trainer": {"mp": said}}).get("dtype") == expected


@pytest.mark.parametrize(("said", "expected"), [(16, "float16"), ("32", "float32"), ("16-true", "float16"), (8, None)])
def test_lightning_counts_bits(said: object, expected: str | None) -> None:
    """As a number or as text."""
    assert known({"trainer": {"precision": said}}).get("dtype") == expected


def test_a_schedule_of_another_kind_is_named_as_it_is() -> None:
    """So that nobody takes it for a cosine."""
    assert known({"lr_scheduler_type": "polynomial"}) == {"schedule": "polynomial"}
    assert known({"scheduler": {"_target_": "a.b.C", "name": "torch.optim.lr_scheduler.OneCycleLR"}}) == {
        "schedule": "onecyclelr"
    }


@pytest.mark.parametrize(
    "name",
    ["cosine_with_restarts", "cosine_annealing_warm_restarts", "piecewise_constant", "cosine_linear_envelope",
     "halfcoswithwarmup", "coswithwarmupandlineardecay", "wsds"],
)  # fmt: skip
def test_a_name_that_holds_anothers_is_not_that_schedule(name: str) -> None:
    """A cosine that begins again, or that a line cuts off, does not end as a cosine does."""
    assert known({"scheduler": {"name": name}, "max_duration": "100ba"}) == {"schedule": name, "planned_steps": 100}


def test_the_floor_of_a_cosine_may_stand_in_the_arguments_of_the_schedule() -> None:
    """Transformers' lr_scheduler_kwargs."""
    said: dict[str, object] = {"lr_scheduler_type": "cosine_with_min_lr", "learning_rate": 1e-3}
    assert known({**said, "lr_scheduler_kwargs": {"min_lr_rate": 0.1}})["min_lr"] == pytest.approx(1e-4)
    assert known({**said, "lr_scheduler_kwargs": {"min_lr": 2e-5}})["min_lr"] == 2e-5


def test_a_plateau_of_transformers_ends_some_steps_before_the_end() -> None:
    """num_decay_steps are the last."""
    said: dict[str, object] = {
        "lr_scheduler_type": "warmup_stable_decay", "max_steps": 1000, "lr_scheduler_kwargs": {"num_decay_steps": 100},
    }  # fmt: skip
    assert known(said) == {"schedule": "wsd", "planned_steps": 1000, "decay_start": 900, "decay_steps": 1000}


def test_an_interval_of_1_as_a_fraction_is_the_whole_epoch() -> None:
    """Lightning's and Transformers' intervals are shares where they are no integers."""
    assert known({"val_check_interval": 1.0, "limit_val_batches": 1.0, "eval_steps": 0.5}) == {}
    assert known({"val_check_interval": 1, "limit_val_batches": 10}) == {"eval_interval": 1, "eval_iters": 10}


def test_a_schedule_with_a_length_of_its_own_does_not_end_with_the_run() -> None:
    """Composer's and OLMo's t_max; "1dur" is all of the run."""
    said: dict[str, object] = {"max_duration": "100ba", "scheduler": {"name": "cosine_with_warmup"}}
    assert known(said)["decay_steps"] == 100
    assert known({**said, "scheduler": {"name": "cosine_with_warmup", "t_max": "1dur"}})["decay_steps"] == 100
    for length in ("50ba", 5e12):
        assert "decay_steps" not in known({**said, "scheduler": {"name": "cosine_with_warmup", "t_max": length}})


def test_settings_that_mean_something_else_in_their_trainer() -> None:
    """A share of litgpt's epoch, mlx-lm's tuned layers, fairseq's lowest rate before it stops, no epochs at all."""
    assert known({"train": {"lr_warmup_fraction": 0.1, "max_steps": 100}}) == {"planned_steps": 100}
    assert known({"iters": 100, "num_layers": 16, "steps_per_report": 10}) == {"planned_steps": 100, "log_interval": 10}
    assert known({"optimization": {"min_lr": 1e-9, "max_epoch": 0}}) == {}
    assert known({"max_target_length": 8, "eval_steps": 20}) == {"block_size": 8, "eval_iters": 20}


def test_a_warm_up_in_tokens_takes_as_many_steps_as_hold_them() -> None:
    """OLMo-core's schedules count what their units say; without the tokens of a step it is open."""
    scheduler = {"units": "tokens", "warmup": 2**23, "warmup_steps": None, "decay": 2**25, "_CLASS_": "olmo_core.WSD"}
    said: dict[str, object] = {"train_module": {"scheduler": scheduler}}
    assert known(said) == {"schedule": "wsd"}
    assert known({**said, "data_loader": {"global_batch_size": 2**20}}) == {
        "schedule": "wsd", "tokens_per_step": 2**20, "warmup_steps": 8,
    }  # fmt: skip


def test_what_tells_of_a_layout_and_of_its_memory(tmp_path: Path) -> None:
    """Heads of their own width, a gate, active experts, checkpointing, ZeRO: by each trainer's own name."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps({
        "model_type": "qwen3_moe", "head_dim": 128, "hidden_act": "silu", "num_experts": 128, "num_experts_per_tok": 8,
        "swiglu": True, "mlp_class_name": "LLaMAMLP", "gradient_checkpointing": True, "zero_optimization": {"stage": 2},
    }))  # fmt: skip
    assert {fact.name: fact.value for fact in read_config(path)} == {
        "model_type": "qwen3_moe", "head_dim": 128, "activation": "silu", "n_expert": 128, "n_expert_active": 8,
        "gated_mlp": True, "mlp_type": "LLaMAMLP", "gradient_checkpointing": True, "zero_stage": 2,
    }  # fmt: skip
