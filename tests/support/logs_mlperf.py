"""A log of MLPerf Training as mlperf_logging prints it: Llama 2 70B with LoRA."""

from __future__ import annotations

import json

CALLBACKS = "/workspace/ft-llm/custom_callbacks.py"
SETTINGS: dict[str, object] = {
    "submission_benchmark": "llama2_70b_lora",
    "submission_org": "reference_implementation",
    "submission_division": "closed",
    "seed": 16930,
    "global_batch_size": 8,
    "train_samples": 3901,
    "eval_samples": 173,
    "gradient_accumulation_steps": 2,
    "max_sequence_length": 8192,
    "opt_adamw_weight_decay": 0.0001,
    "opt_gradient_clip_norm": 0.3,
    "opt_learning_rate_warmup_factor": 0.0,
    "opt_learning_rate_training_steps": 1024,
    "opt_base_learning_rate": 0.0005,
}
EVAL_EVERY = 20


def line(key: str, value: object = None, *, at: float = 0.0, kind: str = "POINT_IN_TIME", **metadata: object) -> str:
    """One event, `at` seconds after the start."""
    event = {
        "namespace": "",
        "time_ms": 1_714_994_000_000 + round(1000 * at),
        "event_type": kind,
        "key": key,
        "value": value,
        "metadata": {"file": CALLBACKS, "lineno": 181, **metadata},
    }
    return f":::MLLOG {json.dumps(event)}\n"


def start(**changed: object) -> str:
    """The events before the first row; a setting that is None is not printed."""
    settings = {key: value for key, value in {**SETTINGS, **changed}.items() if value is not None}
    said = "".join(line(key, value) for key, value in settings.items())
    begins = line("init_stop", kind="INTERVAL_END") + line("run_start", kind="INTERVAL_START")
    return line("cache_clear", True) + line("init_start", kind="INTERVAL_START") + said + begins


def log(rows: int = 60) -> bytes:
    """A start, `rows` losses of training, one a step, an evaluation after every 20th, and the end."""
    lines = [start()]
    for step in range(1, rows + 1):
        loss, samples = 0.9 / (1 + 0.02 * step) + 0.9, 8 * step
        lines.append(line("train_loss", loss, at=step, samples_count=samples, lr=5e-4 / (1 + step)))
        if step % EVAL_EVERY == 0:
            lines.append(line("eval_start", at=step + 0.1, kind="INTERVAL_START", samples_count=samples))
            lines.append(line("eval_accuracy", loss + 0.03, at=step + 0.5, samples_count=samples))
            lines.append(line("eval_stop", at=step + 0.5, kind="INTERVAL_END", samples_count=samples))
    lines.append(line("run_stop", kind="INTERVAL_END", samples_count=8 * rows, status="success"))
    return "".join(lines).encode()
