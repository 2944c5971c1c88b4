"""Snapshots for tests of the screen, with the numbers of a real 40 M run on an RTX 4070 and deterministic noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import runs
from cases import Points, make_case
from founding_laws import laws_at

from diagnosis.budget import Band, Budget, ExpectedLoss
from diagnosis.case import Case
from diagnosis.efficiency import Efficiency
from diagnosis.finding import Finding
from diagnosis.forecast import Forecast
from diagnosis.trend import Trend
from gpu.sample import GpuProcess, GpuSample
from parsers.records import Value
from tui.snapshot import FindingView, ReplayClock, Snapshot

GIB = 2**30
NOW = 1_763_500_000.0

FACTS: dict[str, Value] = runs.FACTS | {"dropout": 0.1, "weight_decay": 0.1}

FINDINGS = (
    Finding(
        "size-mismatch",
        "warning",
        0.97,
        "The model has 40.6 M parameters, not ~125 M",
        ("n_embd = 384; 768 gives 123.6 M", "12 layers, 12 heads, vocabulary 50,304"),
        ("Set n_embd = 768 in config/train_fineweb.py and start anew: a checkpoint of this size cannot grow.",),
        0,
        14_500,
    ),
    Finding(
        "mfu-reference",
        "warning",
        0.99,
        "The printed MFU is of an A100",
        ("40.2 TFLOP/s is 69 % of this GPU", "printed 11.3 % × 312 TFLOP/s"),
        ("Read the MFU here; the printed one needs flops_promised = 58.3e12 in model.py.",),
        200,
        14_500,
    ),
    Finding(
        "val-below-train",
        "info",
        0.9,
        "Validation is below training by 0.07",
        ("both in eval mode: the val split is easier or tiny",),
        ("Draw the val split from shuffled documents, at least 10 M tokens.",),
        1_500,
        14_500,
    ),
    Finding(
        "dropout-cost",
        "info",
        0.9,
        "Dropout costs 0.090 ± 0.010 nats in the printed training loss",
        ("train mode 3.73, eval mode 3.64 over 29 evals",),
        ("Set dropout = 0.0: at 0.1 epochs nothing can be learnt by heart.",),
        3_000,
        14_500,
    ),
    Finding("token-budget", "info", 1.0, "9.4 × the Chinchilla optimum", ("7.60 B of 0.81 B",), (), 1_600, 14_500),
    Finding(
        "harmless-message",
        "info",
        1.0,
        '"Not enough SMs" is harmless',
        ("one autotune mode needs 68 SMs",),
        (),
        0,
        0,
    ),
)

RTX_4070 = GpuSample(
    index=0,
    name="NVIDIA GeForce RTX 4070",
    uuid="GPU-1",
    utilization=0.98,
    memory_total_bytes=int(11.99 * GIB),
    memory_used_bytes=int(10.9 * GIB),
    memory_reserved_bytes=int(0.3 * GIB),
    memory_free_bytes=int(1.1 * GIB),
    power_watts=186.4,
    power_limit_watts=200.0,
    temperature_c=68.0,
    sm_clock_hz=2.61e9,
    throttle=(),
    processes=(GpuProcess(50169, int(10.4 * GIB), "python", True), GpuProcess(1234, int(0.2 * GIB), "Xorg", False)),
)


def _noise(n: int, size: float, seed: int = 7) -> npt.NDArray[np.float64]:
    return np.random.default_rng(seed).normal(0.0, size, n)


def loss_at(steps: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """A curve that falls from ln(50304) as that run did: 5.4 at 500, 4.0 at 2,000, 3.57 at 14,500."""
    return np.asarray(3.32 + 5.35 * np.exp(-steps / 280.0) + 2.2 / (1 + steps / 250.0) ** 0.55, np.float64)


def founding_case(step: int = 14_500, **fields: Any) -> Case:
    """The run at `step`; any field of Case by name."""
    watched: dict[str, Any] = {"silence_seconds": 2.0, "silence_limit_seconds": 900.0, "gpus": (RTX_4070,)}
    return replace(make_case(founding_series(step), FACTS), **(laws_at(step) | watched | fields))


def founding_series(step: int) -> dict[str, Points]:
    """Iter lines every 200 steps, evals every 500; the step that holds an eval takes its seconds too."""
    train, evals = np.arange(0, step + 1, 200), np.arange(0, step + 1, 500)
    val = loss_at(evals) + _noise(101, 0.008, 1)[: len(evals)]
    return {
        "train_loss": (train, loss_at(train) + 0.16 + _noise(5001, 0.13)[: len(train)]),
        "eval_train_loss": (evals, val + 0.07),
        "val_loss": (evals, val),
        "step_seconds": (train, np.where(train % 500 == 0, 19.16, 3.91)),
    }


def founding(step: int = 14_500, **fields: Any) -> Snapshot:
    """A full snapshot of that run; any field of Snapshot by name."""
    known: dict[str, Any] = {
        "taken_at": NOW,
        "label": "train.log",
        "case": founding_case(step),
        "findings": tuple(FindingView(finding) for finding in FINDINGS),
        "gpus": (RTX_4070,),
        "utilization_history": ((0.9, 0.95, 0.97, 0.98, 0.98, 0.99, 0.97, 0.6, 0.98, 0.98),),
    }
    return Snapshot(**(known | fields))


def waiting() -> Snapshot:
    """Nothing yet: the log is not there."""
    return Snapshot(
        NOW,
        "train.log",
        waiting_for="train.log does not exist yet",
        gpu_fault="no NVIDIA driver on this machine",
    )


def replayed() -> Snapshot:
    """The run in a replay, paused."""
    return founding(replay=ReplayClock(position_seconds=56_000.0, duration_seconds=78_600.0, speed=60.0, paused=True))


def broken() -> Snapshot:
    """A run that became NaN, on a GPU that answers little, with hostile names."""
    steps = np.arange(0, 3_000, 10)
    values = np.where(steps < 1_510, loss_at(steps), np.nan)
    values[40] = np.inf
    case = make_case(
        series={"train_loss": (steps, values), "val_loss": ([0, 1000, 2000], [10.9, 4.4, np.nan])},
        facts={"planned_steps": 20_000, "dataset": "日本語\x1b[31m\x07 데이터"},
        state="diverged",
        path="/runs/\x1b]0;owned\x07日本語/\u202etxt.gol",
        segments=(0, 800),
        notes=("the clock ran\tbackwards\x1b[2J",),
    )
    named = Finding(
        "non-finite",
        "critical",
        1.0,
        "Loss is NaN \x1b[2J全部失敗" * 4,
        ("x" * 300, "日" * 120),
        ("y" * 400,),
        1_510,
        2_990,
    )
    gpu = GpuSample(
        index=3,
        name="GPU \x1b[31m日本" * 6,
        faults=(("utilization", "not supported"), ("power_watts", "lost\x07")),
        processes=(GpuProcess(7, None, "\x1b[1m日" * 9, None),),
    )
    lost = GpuSample(index=None, name=None, faults=(("gpu", "GPU is lost"),))
    return Snapshot(
        NOW, "\x1b[31mtrain\x07.log", case, (FindingView(named), FindingView(FINDINGS[0], cleared=True)), (gpu, lost)
    )


def huge() -> Snapshot:
    """Numbers far beyond what any run has."""
    steps = np.array([0, 10**12, 10**15, 10**17])
    case = make_case(
        series={"train_loss": (steps, [1e300, -1e300, 1e-300, 0.0]), "val_loss": (steps, [1e308, 5.0, -1e308, np.inf])},
        facts={"planned_steps": 10**18},
        tokens_per_step=1e30,
        tokens_seen=1e47,
        tokens_planned=1e48,
        eta_seconds=1e20,
        silence_seconds=1e15,
        state="stalled",
        efficiency=Efficiency(1e-12, 1e40, 1e40, 1e45, 1e45, 1e9, 1e3, "flag", "x" * 99, 1e9, 1e60, "y" * 99, 1e5, 1e9),
        trend=Trend("rising", "val_loss", 1e200, -1e200, 1e300, 0.0, None, (0, 10**17), 4, 1e308, 1e200),
        forecast=Forecast(10**18, "val_loss", 1e300, -1e300, 1e308, "?"),
        budget=Budget(
            1e-9, 1e50, 1e51, 1e3, 1e3, 1e40, 1e9, ExpectedLoss(Band(1e99, -1e99, 1e300), "z" * 99), 1e9, 1e9
        ),
        eval_standard_error=1e30,
    )
    gpu = replace(
        RTX_4070, utilization=9e9, memory_used_bytes=10**30, power_watts=1e30, temperature_c=1e12, sm_clock_hz=1e30
    )
    return Snapshot(1e18, "train.log" * 40, case, (), (gpu,) * 16, utilization_history=((1e9, float("nan")),) * 16)


SNAPSHOTS: dict[str, Callable[[], Snapshot]] = {
    "founding": founding,
    "started": lambda: founding(0),
    "waiting": waiting,
    "replayed": replayed,
    "broken": broken,
    "huge": huge,
    "empty": lambda: Snapshot(0.0, ""),
    "eight GPUs": lambda: founding(gpus=(RTX_4070,) * 8, utilization_history=((0.5, 1.0),) * 8),
    "bare": lambda: Snapshot(NOW, "train.log", make_case()),
}
