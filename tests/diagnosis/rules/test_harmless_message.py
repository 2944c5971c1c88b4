"""Rule harmless-message: the lines that it explains, and those that it leaves alone."""

from __future__ import annotations

import pytest
from cases import make_case

from diagnosis.finding import Finding
from diagnosis.rules.harmless_message import rule
from parsers.records import Notice, NoticeKind
from parsers.rows.messages import Messages

NOT_ENOUGH = "W1118 22:27:11 torch/_inductor/utils.py:1250] [0/0] Not enough SMs to use max_autotune_gemm mode"
TF32 = (
    "/venv/torch/_inductor/compile_fx.py:236: UserWarning: TensorFloat32 tensor cores for float32 matrix "
    "multiplication available but not enabled. Consider setting `torch.set_float32_matmul_precision('high')`."
)
RECOMPILES = "W0101 [5/8] torch._dynamo hit config.recompile_limit (8)"


def said(*lines: str, kind: NoticeKind = "warning", dtype: str | None = None) -> Finding | None:
    facts = {} if dtype is None else {"dtype": dtype}
    notices = [Notice(kind, line, 7) for line in lines]
    return rule(make_case({"train_loss": (range(431), [3.0] * 431)}, facts, notices))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (NOT_ENOUGH, "68 SMs"),
        ("train.py:196: FutureWarning: `torch.cuda.amp.GradScaler(args...)` is deprecated.", "spelling"),
        ("train.py:112: FutureWarning: `torch.cuda.amp.autocast(args...)` is deprecated.", "later torch"),
        ("model.py:9: FutureWarning: You are using `torch.load` with `weights_only=False`", "later torch"),
    ],
)
def test_a_known_harmless_line_is_explained(line: str, why: str) -> None:
    """Each as the reader of messages hands it on; there is nothing to do."""
    (notice,) = Messages().read(line.encode(), 7)
    found = said(notice.text)

    assert found is not None
    assert (found.severity, found.first_step, found.advice) == ("info", 7, ("Nothing to do.",))
    assert why in found.evidence[0]


@pytest.mark.parametrize(
    ("dtype", "harmless"), [("bfloat16", True), ("16-mixed", True), ("float32", False), (None, False)]
)
def test_the_hint_about_tf32_is_harmless_in_16_bits_alone(dtype: str | None, harmless: bool) -> None:
    """A run in float32 is slower for what the line says."""
    assert (said(TF32, dtype=dtype) is not None) is harmless


@pytest.mark.parametrize("line", [RECOMPILES, "UserWarning: nan in input", "UserWarning: lr_scheduler.step() first"])
def test_what_may_do_harm_is_not_called_harmless(line: str) -> None:
    """What hits the recompile limit runs uncompiled; what is not known is left alone."""
    assert said(line, dtype="bfloat16") is None


def test_only_warnings_are_explained() -> None:
    """The last words of a crash may hold the same."""
    assert said(NOT_ENOUGH, kind="traceback") is None


def test_several_are_one_finding() -> None:
    """With a line of evidence each, and none twice."""
    found = said(NOT_ENOUGH, NOT_ENOUGH, TF32, dtype="bfloat16")

    assert found is not None
    assert found.title == '"Not enough SMs" and 1 more are harmless'
    assert len(found.evidence) == 2
