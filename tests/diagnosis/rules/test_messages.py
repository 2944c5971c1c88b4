"""harmless-message: the rule that explains what looks bad and is not."""

from __future__ import annotations

from cases import make_case

from diagnosis.rules import harmless_message
from parsers.records import Notice

LOSSES = {"train_loss": (range(431), [3.0] * 431)}


def test_a_known_harmless_line_is_explained() -> None:
    """The SM count gates an autotuner and says nothing of the batch."""
    text = "W1118 22:27:11 torch/_inductor/utils.py:1250] [0/0] Not enough SMs to use max_autotune_gemm mode"

    found = harmless_message.rule(make_case(LOSSES, notices=[Notice("warning", text, None)]))

    assert found is not None
    assert found.severity == "info"
    assert "68 SMs" in found.evidence[0]


def test_an_unknown_warning_is_not_called_harmless() -> None:
    """What is not known to be harmless is left alone."""
    assert harmless_message.rule(make_case(LOSSES, notices=[Notice("warning", "UserWarning: nan in input")])) is None
