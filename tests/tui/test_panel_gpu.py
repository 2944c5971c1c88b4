"""What the GPU panel says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from said import LOOK, says
from snapshots import GIB, RTX_4070, broken, founding

from gpu.sample import GpuProcess, GpuSample, Throttle


def test_the_gpu_line() -> None:
    """Busy, memory, free, power, heat, clock, throttling; who computes there."""
    shown = says("gpu", founding(), 120, 4)
    assert "GPU 0  NVIDIA GeForce RTX 4070" in shown
    for words in ("98 %", "VRAM 10.9 / 12.0 GiB", "1.1 free", "186 / 200 W", "68 °C", "2.61 GHz", "no throttling"):
        assert words in shown
    assert "this run: python 50169 10.4 GiB" in shown
    assert shown.index("this run") < shown.index("Xorg")


@pytest.mark.parametrize(
    ("reasons", "words"),
    [(("hw_thermal", "sw_power_cap"), "▲ overheated"), (("sw_power_cap",), "power cap"), (None, "throttling –")],
)
def test_throttling_that_hurts_has_a_sign(reasons: tuple[Throttle, ...] | None, words: str) -> None:
    """A power cap is ordinary; heat is not, and it comes before what may not fit."""
    shown = says("gpu", founding(gpus=(replace(RTX_4070, throttle=reasons),)), 80, 1)
    if reasons is not None and "hw_thermal" in reasons:
        assert words in shown
        assert shown.index(words) < shown.index("W ")
    assert words in says("gpu", founding(gpus=(replace(RTX_4070, throttle=reasons),)), 140, 1)


def test_what_cannot_be_read_says_why() -> None:
    """Each query may fail alone; a lost GPU loses all."""
    shown = says("gpu", broken(), 120, 5)
    assert "busy – (not supported)" in shown
    assert "– GPU is lost" in shown


def test_eight_gpus_in_few_lines() -> None:
    """A line each, and how many did not fit."""
    gpus = tuple(replace(RTX_4070, index=at, processes=()) for at in range(8))
    assert "8 × NVIDIA GeForce RTX 4070" in says("gpu", founding(gpus=gpus), 120, 10)
    assert "… 5 more" in says("gpu", founding(gpus=gpus), 120, 6)


def test_a_gpu_that_was_only_named_is_not_read() -> None:
    """For a finished log from elsewhere."""
    named = GpuSample(None, "NVIDIA GeForce RTX 4070", memory_total_bytes=12 * GIB)
    assert "by its name (--gpu): no readings   VRAM" in says("gpu", founding(gpus=(named,)), 100, 3)
    assert "RTX 4070 by its name" in says("gpu", founding(gpus=(named,)), 80, 1)


def test_the_full_gpu_panel_lists_everything() -> None:
    """Every process with what it is, every fault."""
    gpu = replace(
        RTX_4070,
        driver="550.1",
        faults=(("power_watts", "not supported"),),
        processes=(GpuProcess(9, None, None, None),),
    )
    shown = says("gpu", founding(gpus=(gpu,)), 100, 24, replace(LOOK, full="gpu"))
    for words in ("550.1", "power watts", "– not supported", "pid 9 –"):
        assert words in shown
