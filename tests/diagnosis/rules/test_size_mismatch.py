from __future__ import annotations

from dataclasses import replace

import pytest
from cases import make_case
from runs import founding_case, founding_size

from diagnosis.model import Shape, size_of
from diagnosis.rules.size_mismatch import rule


def test_the_founding_run() -> None:
    """A comment says 125M, the log 40.56M, and the width is the cause: 768 gives 123.6M."""
    found = rule(founding_case(size=founding_size(claimed=125e6)))

    assert found is not None
    assert found.severity == "warning"
    assert found.title == "The model has 40.56M parameters, not ~125M"
    assert "n_embd = 384; 768 gives 123.6M" in found.evidence
    assert "Set n_embd to 768" in found.advice[0]
    assert found.settings == (("n_embd", 768),)
    assert any("line 22" in line and "3.1 times fewer" in line for line in found.evidence)
    assert (found.first_step, found.step) == (0, 20_000)


def test_the_corrected_run_is_silent() -> None:
    """The healthy look-alike: 123.59M claimed as 125M."""
    assert rule(founding_case(size=founding_size(claimed=125e6, n_embd=768))) is None


@pytest.mark.parametrize(("factor", "fires"), [(1.34, False), (1.36, True), (1 / 2.5, True)])
def test_a_factor_of_1_35_from_both_sides(factor: float, fires: bool) -> None:
    """|ln| of 0.3 is the border, whichever is larger; no other convention comes near these claims."""
    size = size_of(Shape(), flag_params=100e6, claimed=100e6 * factor)
    assert size is not None

    assert (rule(make_case(size=size)) is not None) is fires


@pytest.mark.parametrize("claimed", [21.2e6, 40.56e6, 40.95e6])
def test_conventions_of_counting_are_no_mismatch(claimed: float) -> None:
    """Without the embedding, with it, or with positions too it is the same model."""
    assert rule(founding_case(size=founding_size(claimed=claimed))) is None


def test_the_depth_can_be_the_cause() -> None:
    """4 layers of GPT-2's width need 12 for 124M; 12 layers of it need more width for 400M."""
    found = rule(founding_case(size=founding_size(claimed=400e6, n_layer=12, n_embd=768)))
    shallow = rule(founding_case(size=founding_size(claimed=124e6, n_layer=4, n_embd=768)))

    assert found is not None
    assert "n_embd" in found.advice[0]
    assert shallow is not None
    assert shallow.settings == (("n_layer", 12),)


def test_without_a_vocabulary_it_is_taken_from_the_count() -> None:
    """4 layers of 64 with 0.21M parameters, claimed as 10M: 448 would do."""
    size = size_of(Shape(4, 4, 64, None, 96), printed=0.21e6, printed_kind="without position embedding", claimed=10e6)
    assert size is not None
    found = rule(make_case(size=size))

    assert found is not None
    assert found.settings == (("n_embd", 448),)


def test_without_dimensions_no_line_is_invented() -> None:
    """A count and a claim alone are a mismatch without a cause."""
    size = size_of(Shape(), flag_params=1e6, claimed=10e6)
    assert size is not None
    found = rule(make_case(size=size))

    assert found is not None
    assert found.settings == ()
    assert found.first_step is None


def test_unknown_is_silent() -> None:
    """No size, no claim or no count: nothing to compare."""
    size = founding_size(claimed=125e6)

    assert rule(make_case()) is None
    assert rule(make_case(size=founding_size())) is None
    assert rule(make_case(size=replace(size, parameters=None))) is None


@pytest.mark.parametrize(
    ("layers", "width", "claimed", "setting"),
    [
        (24, 512, 350e6, ("n_embd", 1024)),
        (12, 1024, 350e6, ("n_layer", 24)),
        (36, 640, 774e6, ("n_embd", 1280)),
        (12, 1280, 774e6, ("n_layer", 36)),
        (48, 800, 1.5e9, ("n_embd", 1600)),
        (12, 1600, 1.5e9, ("n_layer", 48)),
    ],
)
def test_the_dimensions_of_each_gpt2_are_known(
    layers: int, width: int, claimed: float, setting: tuple[str, int]
) -> None:
    """Where only one differs from medium, large or XL it is that one, and not the nearest width."""
    found = rule(founding_case(size=founding_size(claimed, n_layer=layers, n_embd=width, n_head=8)))

    assert found is not None
    assert found.settings == (setting,)
