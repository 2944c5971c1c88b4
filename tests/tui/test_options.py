from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from fake_store import know_these

from tui.errors import UserError
from tui.options import add_common, count, counted_gpu, read_options


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("524288", 524288),
        ("524,288", 524288),
        ("40.56M", 40.56e6),
        ("1.5B", 1.5e9),
        ("125m", 125e6),
        ("1e6", 1e6),
        ("2 k", 2e3),
    ],
)
def test_counts_are_taken_as_people_write_them(text: str, value: float) -> None:
    """With commas, with a letter, with an exponent."""
    assert count(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "0", "-3", "M", "1.2.3", "12X", "nan", "inf", "1e400", "0.5", "1e19"])
def test_what_is_no_count_is_refused(text: str) -> None:
    """Also zero: no model has no parameters."""
    with pytest.raises(argparse.ArgumentTypeError):
        count(text)


@pytest.mark.parametrize(
    ("text", "gpus", "name"),
    [
        ("8x H100", 8, "H100"),
        ("2 x RTX 4070", 2, "RTX 4070"),
        ("4×A100", 4, "A100"),
        ("H100", None, "H100"),
        ("0", None, "0"),
        ("xH100", None, "xH100"),
        ("0x H100", None, "0x H100"),
    ],
)
def test_a_gpu_may_be_counted(text: str, gpus: int | None, name: str) -> None:
    """As people write it; an index or a name alone says no number."""
    assert counted_gpu(text) == (gpus, name)
    assert (read_options(parsed("--gpu", text)).gpus, read_options(parsed("--gpu", text)).gpu) == (gpus, name)


def parsed(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_common(parser)
    return parser.parse_args(argv)


@pytest.mark.parametrize("argv", [("--peak", "58.3e12"), ("--peak", "0"), ("--interval", "0"), ("--interval", "1e300")])
def test_numbers_in_another_unit_are_refused(argv: tuple[str, str]) -> None:
    """A peak in FLOP/s is a trillion times too high."""
    with pytest.raises(SystemExit):
        parsed(*argv)


def test_a_peak_is_given_in_tflops_and_kept_in_flops() -> None:
    """SI inside."""
    assert read_options(parsed("--peak", "58.3")).peak_flops == pytest.approx(58.3e12)
    assert read_options(parsed()).peak_flops is None


def test_an_unknown_format_is_refused_with_the_known_ones() -> None:
    """One line that helps."""
    with pytest.raises(UserError, match=r"no such format; known: .*nanogpt"):
        read_options(parsed("--format", "nonsense"))


def test_a_store_is_a_format_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """--format takes its id, and a refusal lists it."""
    know_these(monkeypatch)

    assert read_options(parsed("--format", "mlflow")).format == "mlflow"
    with pytest.raises(UserError, match="mlflow"):
        read_options(parsed("--format", "nonsense"))


def test_the_data_set_is_kept_as_a_path() -> None:
    """It is counted later, by whoever reads the run."""
    assert read_options(parsed("--data", "data/train.bin")).data == Path("data/train.bin")
    assert read_options(parsed()).data is None
