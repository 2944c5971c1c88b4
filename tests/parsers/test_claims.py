"""Model sizes that somebody wrote down."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.claims import Claim, claimed_size, size_in_name


@pytest.mark.parametrize(
    ("comment", "parameters"),
    [("# Model (~125M parameters) – perfect for 12 GB VRAM", 125e6), ("# 124M params", 124e6),
     ("# 1.5B parameters", 1.5e9),
     ("# config for training GPT-2 (124M) down to very nice loss of ~2.85 on 1 node of 8X A100 40GB", 124e6),
     ("# gpt2-xl (1558M)", 1558e6), ("n_embd = 768  # ~85 M params", 85e6), ("# parameters: 350M", 350e6),
     ("# model: 40.5m", 40.5e6), ("# ~800K params", 800e3), ("x = '# 3M params' # 7M params", 7e6)],
)  # fmt: skip
def test_a_size_in_a_comment_is_a_claim(comment: str, parameters: float) -> None:
    """With its unit, beside "parameters" or beside a model's name."""
    assert claimed_size(f"a = 1\n{comment}\n") == Claim(round(parameters), 2)


@pytest.mark.parametrize(
    "comment",
    ["# ~3B tokens seen (adjust up to 10000 if loss keeps dropping)", "# this makes total number of tokens be 300B",
     "# these make the total batch size be ~0.5M", "# perfect for 12 GB VRAM", "# A100 40GB", "x = '124M params'",
     "x = 125000000", "# model trained on 10B tokens", "# the model of 2024", "# 8X A100", "# GPT-2 on 16MB of text"],
)  # fmt: skip
def test_other_numbers_are_no_claim(comment: str) -> None:
    """Tokens, batches, memory, strings and code."""
    assert claimed_size(comment) is None


def test_a_claim_beside_parameters_goes_before_one_beside_a_model() -> None:
    """Wherever it stands."""
    assert claimed_size("# like GPT-2 (124M)\nx = 1\n# 85M parameters\n") == Claim(85_000_000, 3)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("125M-single-parquet-4070", 125e6), ("gpt2-124M", 124e6), ("owt_350m_run2", 350e6), ("big-1.5B", 1.5e9),
     ("fineweb-10B", None), ("fineweb", None), ("gpt2", None), ("run-4070", None), ("a100MB", None), ("", None)],
)  # fmt: skip
def test_a_size_in_a_runs_name(name: str, parameters: float | None) -> None:
    """Billions beside a data set's name count its tokens."""
    assert size_in_name(name) == parameters


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_may_come(text: str) -> None:
    """Noise raises nothing, and what is taken for a size could be one."""
    claim, named = claimed_size(text), size_in_name(text)
    assert claim is None or claim.parameters > 0
    assert named is None or named > 0


def test_a_size_of_nothing_is_no_claim() -> None:
    """A tiny model's name rounds to 0M."""
    assert claimed_size("# Model (~0M parameters)\n") is None
    assert size_in_name("0M-run") is None
    assert size_in_name("0.00M-run") is None
    assert size_in_name("0.5M-run") == 500_000
