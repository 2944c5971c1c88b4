"""Rule dataset-end: the words that say it, the step they were said at, and what they are not."""

from __future__ import annotations

import pytest
from cases import make_case

from diagnosis.case import Case
from diagnosis.rules.dataset_end import rule
from parsers.records import Notice, NoticeKind
from parsers.rows.messages import Messages

LINES = [
    "[titan] 2026-05-18 16:04:46,338 - root - WARNING - Ran out of data; last step was canceled.",
    "There seems not to be a single sample in your epoch_iterator, stopping training at step 500! This is expected",
    "There seems to be not a single sample in your epoch_iterator, stopping training at step 500! This is expected",
    "WARNING:tensorflow:Your input ran out of data; interrupting training. Make sure that your dataset",
    "/usr/lib/python3.12/epoch_iterator.py:107: UserWarning: Your input ran out of data; interrupting training.",
]
ERRORS = ["StopIteration", "AssertionError: no samples left to consume: 335360, 257280"]


def at_step(last: int, planned: int | None, text: str, kind: NoticeKind = "traceback", said: int | None = 500) -> Case:
    facts = {} if planned is None else {"planned_steps": planned}
    rows = {"train_loss": (range(0, last + 1, 10), [3.0] * (last // 10 + 1))}
    return make_case(rows, facts, [Notice(kind, text, said)], state="crashed")


@pytest.mark.parametrize("line", LINES)
def test_the_words_of_the_trainers_are_known(line: str) -> None:
    """As the reader of messages hands them on."""
    notices = Messages().read(line.encode(), 500)
    assert [notice.kind for notice in notices] == ["warning"]
    found = rule(at_step(500, 1000, notices[0].text, "warning"))
    assert found is not None
    assert (found.severity, found.first_step, found.step) == ("warning", 500, 500)
    assert found.title == "The data ended at step 500 of 1,000"


@pytest.mark.parametrize("line", ERRORS)
def test_an_error_of_the_loader_says_it_too(line: str) -> None:
    """The last line of a traceback."""
    messages = Messages()
    assert messages.read(b"Traceback (most recent call last):", 500) == []
    notices = messages.read(line.encode(), 500)
    assert rule(at_step(500, 1000, notices[0].text)) is not None


@pytest.mark.parametrize(
    "line", ["# Ran out of data; last step was canceled", 'print("Ran out of data; last step was")']
)
def test_code_says_nothing(line: str) -> None:
    """A log may hold the trainer's own source."""
    assert Messages().read(line.encode(), 500) == []


@pytest.mark.parametrize(("planned", "severity"), [(None, "info"), (505, "info"), (506, "warning")])
def test_it_is_a_warning_only_before_the_plan(planned: int | None, severity: str) -> None:
    """Rows are printed every so many steps: one percent before the plan is its end."""
    found = rule(at_step(500, planned, "StopIteration"))
    assert found is not None
    assert found.severity == severity


def test_a_run_that_went_on_did_not_end() -> None:
    """Keras says it of one epoch and begins the next."""
    text = "Your input ran out of data; interrupting training"
    assert rule(at_step(500, 1000, text, "warning", said=400)) is None
    assert rule(at_step(500, 1000, text, "warning", said=None)) is None


def test_a_later_error_does_not_hide_it() -> None:
    """The launcher adds its own."""
    case = at_step(500, 1000, "StopIteration")
    both = (*case.notices, Notice("traceback", "torch.distributed.elastic.ChildFailedError:", 500))
    assert rule(make_case({"train_loss": ([0, 500], [9.0, 3.0])}, notices=both)) is not None


@pytest.mark.parametrize("kind", ["checkpoint", "reader"])
def test_only_what_the_trainer_complains_of_counts(kind: NoticeKind) -> None:
    """A checkpoint may bear any name."""
    assert rule(at_step(500, 1000, "StopIteration", kind)) is None


@pytest.mark.parametrize("text", ["KeyError: 'StopIteration'", "RuntimeError: CUDA error", "KeyboardInterrupt"])
def test_other_ends_are_none_of_it(text: str) -> None:
    """Nor a word of it within another message."""
    assert rule(at_step(500, 1000, text)) is None
