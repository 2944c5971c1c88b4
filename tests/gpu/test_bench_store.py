"""Peaks that are kept between calls, and files that are none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gpu.bench_plan import Case
from gpu.bench_result import BenchDevice, BenchResult, Measurement, Rate
from gpu.bench_store import load_saved, save, store_path, why_unsaved

UUID = "GPU-11111111-2222"


def measured(dtype: str, flops: float, contended: bool | None = False) -> Measurement:
    """One case at that rate."""
    return Measurement(
        case=Case(dtype, (8192,) * 3),
        rate=Rate(flops, flops * 0.99, flops * 1.01, flops * 1.02),
        median_seconds=1e-3,
        runs=10,
        launches_per_run=1,
        settled=True,
        cold_cache=True,
        deviation=0.01,
        flags={},
        contended=contended,
    )


def result(*measurements: Measurement) -> BenchResult:
    """A call that went well."""
    return BenchResult(
        "done", device=BenchDevice("cuda", "NVIDIA H200", UUID), torch="2.13.0", measurements=measurements
    )


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache directory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_what_is_saved_is_loaded(cache: Path) -> None:
    """The best median by type, FLOP/s, under the GPU's UUID; nothing else is left in the directory."""
    path = save(result(measured("bf16", 7e14), measured("bf16", 7.4e14), measured("tf32", 3e14)))
    assert load_saved(UUID) == pytest.approx({"bf16": 7.4e14, "tf32": 3e14})
    assert list((cache / "traintop" / "bench").iterdir()) == [path]


def test_another_type_is_added_and_the_same_replaced() -> None:
    """A later call with --dtype fp16 keeps the bf16 peak; the newest of a type counts."""
    save(result(measured("bf16", 7e14)))
    save(result(measured("fp16", 6e14)))
    save(result(measured("bf16", 6.5e14)))
    assert load_saved(UUID) == pytest.approx({"bf16": 6.5e14, "fp16": 6e14})


def test_a_contended_type_is_left_out() -> None:
    """What was left of a device is no reference for it."""
    save(result(measured("bf16", 7e14), measured("fp16", 1e14, contended=True)))
    assert load_saved(UUID) == pytest.approx({"bf16": 7e14})


@pytest.mark.parametrize(
    ("case", "why"),
    [
        (result(), "nothing"),
        (result(measured("bf16", 7e14, contended=True)), "something else"),
        (replace(result(measured("bf16", 7e14)), outcome="interrupted"), "interrupted"),
        (replace(result(measured("bf16", 7e14)), outcome="error"), "failed"),
        (replace(result(measured("bf16", 7e14)), device=None), "no name"),
    ],
)
def test_what_is_no_reference_is_not_kept(case: BenchResult, why: str) -> None:
    """Nothing, contended, cut short or nameless."""
    assert why in (why_unsaved(case) or "")


def test_a_whole_result_is_kept() -> None:
    """Also where NVML could not tell whether it was alone."""
    assert why_unsaved(result(measured("bf16", 7e14, contended=None))) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"schema": 2, "peak": {"bf16": {"tflops": 1}}}',
        b'{"schema": 1}',
        b'{"schema": 1, "peak": [1]}',
        b'{"schema": 1, "peak": {"bf16": 7}}',
        b'{"schema": 1, "peak": {"bf16": {"tflops": NaN}}}',
        b'{"schema": 1, "peak": {"bf16": {"tflops": -1}}}',
        b'{"schema": 1, "peak": {"bf16": {"tflops": true}}}',
        b"[" * 100_000,
    ],
)
def test_a_file_that_makes_no_sense_is_no_file(content: bytes) -> None:
    """No peak, no exception, and the next save puts it right."""
    path = store_path(UUID)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert load_saved(UUID) is None
    save(result(measured("bf16", 7e14)))
    assert load_saved(UUID) == pytest.approx({"bf16": 7e14})


def test_what_was_never_measured_is_unknown() -> None:
    """No file, no peak."""
    assert load_saved(UUID) is None


@pytest.mark.parametrize("key", ["../../etc/passwd", "/etc/passwd", "a/b c\x00d", "x" * 500])
def test_a_name_cannot_leave_the_directory(cache: Path, key: str) -> None:
    """A CPU's name or a UUID becomes one plain file name."""
    assert store_path(key).parent == cache / "traintop" / "bench"
    assert len(store_path(key).name) < 200


def test_a_relative_cache_directory_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As the XDG base directory specification says of paths that are not absolute."""
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert store_path("x") == tmp_path / ".cache" / "traintop" / "bench" / "x.json"


def test_a_failed_write_leaves_the_old_file(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """The file is replaced at once or not at all, and no part of it stays."""
    save(result(measured("bf16", 7e14)))

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        save(result(measured("bf16", 1e14)))
    assert load_saved(UUID) == pytest.approx({"bf16": 7e14})
    assert [path.suffix for path in (cache / "traintop" / "bench").iterdir()] == [".json"]
