"""What `bench` prints: the table and the JSON object of the contract."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench_results import CPU_RESULT, H200_RUN, RESULT

from gpu.bench_plan import Case
from gpu.bench_result import BenchDevice, BenchResult, Conditions, Rate, Share, Skipped
from tui.bench_report import aligned, document, report


def test_the_table_has_all_that_was_asked_for() -> None:
    """Median, spread, best, the shares, clock, power, temperature and throttling of one row, then the peak."""
    lines = report(RESULT).splitlines()
    assert lines[0] == "NVIDIA H200 - torch 2.13.0 - driver 580.159 - D = A @ B"
    row = next(line for line in lines if line.startswith("bf16"))
    for cell in (
        "8192 x 8192 x 8192",
        " 742 ",
        "735 - 747",
        " 751 ",
        " 60 ",
        "75 %",
        "85 %",
        "1.62 GHz",
        "698 W",
        "64.0 C",
    ):
        assert cell in row, cell
    assert row.endswith("sw_power_cap")
    assert (
        "peak bf16  742 TFLOP/s at 8192 x 8192 x 8192, 75 % of the published peak, 85 % of the peak at its clock"
        in lines
    )
    assert "not measured: fp8 64 x 40 x 64: fp8 needs N and K that 16 divides" in lines


def test_unknown_is_a_dash_not_a_zero() -> None:
    """A GPU without NVML has no clock, no power and no share."""
    bare = replace(H200_RUN, conditions=Conditions(), share=Share(), contended=None)
    text = report(replace(RESULT, measurements=(bare,), contended=None))
    assert next(line for line in text.splitlines() if line.startswith("bf16")).split()[-6:] == ["-"] * 6
    assert "NVML does not tell" in text


def test_a_cpu_is_shown_in_gflops_with_its_load() -> None:
    """190 GFLOP/s, the share of CPU time that it got and what others took; no clock columns."""
    text = report(CPU_RESULT)
    assert "2 threads" in text
    row = next(line for line in text.splitlines() if line.startswith("fp32"))
    assert row.split()[6:] == ["190", "180", "-", "195", "197", "60", "98", "%", "2", "%"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"contended": True}, "CONTENDED"),
        ({"measurements": (replace(H200_RUN, contended=True),)}, "742 contended"),
        ({"measurements": (replace(H200_RUN, settled=False),)}, "--seconds"),
        ({"measurements": (replace(H200_RUN, cold_cache=False),)}, "cache"),
        ({"measurements": (replace(H200_RUN, rate=Rate(742e12, 600e12, 747e12, 751e12)),)}, "uneven"),
    ],
)
def test_what_is_doubtful_is_labelled(change: dict[str, Any], words: str) -> None:
    """Each doubt has its words, and a clean result has none of them."""
    assert words in report(replace(RESULT, **change))
    assert words not in report(RESULT)


def test_no_measurement_is_no_table() -> None:
    """Nothing to show."""
    assert report(BenchResult("refused", "in use")) == ""


def test_a_foreign_name_cannot_write_escapes() -> None:
    """The device's name comes from a driver, a reason from torch."""
    odd = BenchDevice("cuda", "GPU\x1b[2J", "GPU-1")
    skipped = (Skipped(Case("bf16", (1, 1, 1)), "bad\x1b]0;title\x07"),)
    assert "\x1b" not in report(replace(RESULT, device=odd, skipped=skipped))


def test_columns_are_aligned() -> None:
    """Every cell of a column ends (or begins) where the others do."""
    assert aligned([["a", "bb", "c"], ["aaa", "b", "ccc"]]) == ["a    bb    c", "aaa  b   ccc"]


def test_the_json_object_is_that_of_the_contract() -> None:
    """The names and units of the contract, for a GPU."""
    found = document(RESULT, Path("/cache/x.json"))
    assert found["schema"] == 1
    assert {"kind": "cuda", "name": "NVIDIA H200", "uuid": "GPU-1234", "driver": "580.159"}.items() <= found[
        "device"
    ].items()
    assert (found["torch"], found["contended"]) == ("2.13.0", False)
    (row,) = found["results"]
    assert row["dtype"] == "bf16"
    assert row["shape"] == [8192, 8192, 8192]
    assert row["tflops"] == {"median": 742.0, "p10": 735.0, "p90": 747.0, "best": 751.0}
    assert {name: row[name] for name in ("runs", "sm_clock_hz", "power_w", "temperature_c", "throttle")} == {
        "runs": 60,
        "sm_clock_hz": 1.62e9,
        "power_w": 698.0,
        "temperature_c": 64.0,
        "throttle": ["sw_power_cap"],
    }
    peak = {"tflops": 742.0, "shape": [8192, 8192, 8192], "share_of_spec": 0.75, "share_at_clock": 0.847}
    assert found["peak"] == {"bf16": peak}
    assert (found["memory_bandwidth"], found["model"], found["saved"]) == (None, None, "/cache/x.json")


@pytest.mark.parametrize("result", [RESULT, CPU_RESULT, BenchResult("refused", "in use"), BenchResult("interrupted")])
def test_every_float_is_finite_and_nothing_is_lost_in_json(result: BenchResult) -> None:
    """It can be written without NaN, and reads back the same; unknown throttling is null, not an empty list."""
    found = document(result)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert all(math.isfinite(value) for value in _floats(found))
    assert all(row["throttle"] is None for row in document(CPU_RESULT)["results"])


def _floats(tree: Any) -> list[float]:
    if isinstance(tree, dict):
        return [value for item in tree.values() for value in _floats(item)]
    if isinstance(tree, list):
        return [value for item in tree for value in _floats(item)]
    return [tree] if isinstance(tree, float) else []
