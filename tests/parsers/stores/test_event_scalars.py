"""Scalars out of event records: by layout, as columns, and one by one, always with the same numbers."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable

import numpy as np
import pytest
from event_files import START, event, message, record, scalar, simple, tensor, text, varint, version
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.stores.event_facts import facts_of, is_hugging_face, is_language_model
from parsers.stores.event_layout import layout_of
from parsers.stores.event_messages import UnreadableError, values
from parsers.stores.event_records import HEADER_BYTES, TRAILER_BYTES, frames
from parsers.stores.event_scalars import FEW_TAGS, LOOKS, Found, ScalarReader
from parsers.stores.event_tags import Tags

Row = tuple[int, float, float]


def found_in(records: Iterable[bytes], reader: ScalarReader | None = None) -> Found:
    return (reader or ScalarReader()).read(frames(b"".join(records)).batches)


def by_tag(found: Found) -> dict[str, list[Row]]:
    """Step, seconds after START and value, by tag."""
    return {
        s.tag: list(zip(s.steps.tolist(), (s.seconds - START).tolist(), s.values.tolist(), strict=True))
        for s in found.scalars
    }


def data(whole: bytes) -> bytes:
    return whole[HEADER_BYTES:-TRAILER_BYTES]


def only(*values_: bytes) -> dict[str, list[Row]]:
    return by_tag(found_in([event(3, *values_)]))


STEPS = [0, 1, 127, 128, 16_383, 16_384, 2**31, 2**63 - 1, -1]


@pytest.mark.parametrize("step", STEPS)
def test_steps_of_any_size(step: int) -> None:
    """A step of any number of bytes, 0 (which is not written) and a negative one are read, fast or one by one."""
    whole = scalar(step, "loss", 1.5, seconds=START)
    assert layout_of(data(whole)) is not None
    assert by_tag(found_in([whole] * 3)) == {"loss": [(step, 0.0, 1.5)] * 3}
    assert [(said.step, said.value) for said in values(data(whole))] == [(step, 1.5)]


def test_many_tags_in_their_order() -> None:
    """Rows of many tags of one length come apart, each with its places, and in the order of the file."""
    tags = [f"loss/{number:03}" for number in range(3 * FEW_TAGS)]
    found = found_in(scalar(step, tag, step + at / 64) for step in range(200) for at, tag in enumerate(tags))
    assert [s.tag for s in found.scalars] == tags
    for at, scalars in enumerate(found.scalars):
        assert scalars.steps.tolist() == list(range(200))
        assert scalars.values.tolist() == [step + at / 64 for step in range(200)]
        assert scalars.at.tolist() == [step * len(tags) + at for step in range(200)]


FLOAT, DOUBLE = b"\x08\x01", b"\x08\x02"
TENSORS = {
    "float_val": FLOAT + message(5, struct.pack("<f", 2.5)),
    "float_val, not packed": FLOAT + b"\x2d" + struct.pack("<f", 2.5),
    "float in content": FLOAT + message(4, struct.pack("<f", 2.5)),
    "double_val": DOUBLE + message(6, struct.pack("<d", 2.5)),
    "double in content": DOUBLE + message(4, struct.pack("<d", 2.5)),
    "half": b"\x08\x13" + message(13, varint(0x4100)),
    "half in content": b"\x08\x13" + message(4, struct.pack("<e", 2.5)),
    "bfloat16": b"\x08\x0e" + message(13, varint(0x4020)),
    "bfloat16 in content": b"\x08\x0e" + message(4, struct.pack("<H", 0x4020)),
}


@pytest.mark.parametrize("content", TENSORS.values(), ids=TENSORS.keys())
def test_tensors_of_one_element(content: bytes) -> None:
    """A number in a tensor is read whatever its type and wherever the writer keeps it."""
    assert only(tensor("loss", content)) == {"loss": [(3, 3.0, 2.5)]}


@pytest.mark.parametrize(("dtype", "field"), [(3, 7), (9, 10), (22, 16), (23, 17), (10, 11)])
def test_tensors_of_integers(dtype: int, field: int) -> None:
    """An integer and a truth value are numbers too."""
    assert only(tensor("epoch", varint(1 << 3) + varint(dtype) + message(field, varint(1)))) == {
        "epoch": [(3, 3.0, 1.0)]
    }


@pytest.mark.parametrize(
    ("content", "shape"),
    [
        (FLOAT + message(5, struct.pack("<2f", 1, 2)), message(2, message(2, b"\x08\x02"))),
        (FLOAT, message(2, message(2, b"\x08\x00"))),
        (FLOAT + message(4, b"123"), b"\x12\x00"),
        (b"\x08\x08" + message(4, bytes(8)), b"\x12\x00"),
    ],
    ids=["two elements", "none", "three bytes", "a complex number"],
)
def test_tensors_that_are_no_scalar(content: bytes, shape: bytes) -> None:
    """What is not one number gives none."""
    assert only(tensor("loss", content, shape=shape)) == {}


def test_several_values_in_one_event() -> None:
    """TF 1 merges summaries: each scalar of an event is read, and what stands among them is passed over."""
    histogram = message(1, b"weights") + message(5, bytes(60))
    assert only(simple("loss", 1.0), histogram, simple("lr", 0.5)) == {"loss": [(3, 3.0, 1.0)], "lr": [(3, 3.0, 0.5)]}


def test_others_are_passed_over() -> None:
    """The version, histograms and images give nothing; the scalars among records of their length are all read."""
    histogram = event(1, message(1, b"weights") + message(5, bytes(20)))
    same_length = "x" * (len(histogram) - len(scalar(1, "", 1.0)))
    many = [histogram] * (LOOKS + 3)
    assert by_tag(found_in([version(), *many, scalar(1, same_length, 1.0)])) == {same_length: [(1, 1.0, 1.0)]}


def test_not_a_number() -> None:
    """NaN and infinity are data."""
    found = found_in([scalar(1, "loss", float("nan")), scalar(2, "loss", float("inf"))])
    assert np.isnan(found.scalars[0].values).tolist() == [True, False]
    assert found.scalars[0].values[1] == float("inf")


def test_ignored_tags() -> None:
    """A tag that is ignored, from then on, gives nothing, on both ways."""
    ignored: set[bytes] = set()
    reader = ScalarReader(ignored)
    records = [scalar(1, "loss", 1.0), scalar(1, "what", 2.0), event(1, simple("what", 1.0), simple("loss", 2.0))]
    assert sorted(by_tag(found_in(records, reader))) == ["loss", "what"]
    ignored.add(b"what")
    assert by_tag(found_in(records, reader)) == {"loss": [(1, 1.0, 1.0), (1, 1.0, 2.0)]}


def test_no_events() -> None:
    """Records that are no messages are counted and cost nothing else; a tag that is no UTF-8 is read."""
    found = found_in(
        [record(b"\xff" * 30), scalar(1, "loss", 1.0), event(2, message(1, b"lo\xffss") + b"\x15" + bytes(4))]
    )
    assert found.unreadable == 1
    assert by_tag(found) == {"loss": [(1, 1.0, 1.0)], "lo\N{REPLACEMENT CHARACTER}ss": [(2, 2.0, 0.0)]}


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_random_messages(content: bytes) -> None:
    """Random data raise nothing but what says that they are no event."""
    layout_of(content)
    found_in([record(content)] * 2)


VALUES = st.floats(width=32, allow_nan=False)
ROWS = st.tuples(st.integers(-(2**63), 2**63 - 1), st.sampled_from(["loss", "lr", "losses", "é"]), VALUES)


@settings(deadline=None)
@given(st.lists(ROWS, max_size=30), st.integers(0, 255), st.integers(0, 60))
def test_fast_and_slow_agree(rows: list[tuple[int, str, float]], byte: int, at: int) -> None:
    """Whatever is in a record, columns and the protobuf library give the same numbers, a changed byte or not."""
    for step, tag, value in rows:
        content = bytearray(data(scalar(step, tag, value)))
        content[at % len(content)] = byte
        if layout_of(bytes(content)) is None:
            continue
        try:
            slow = [(said.tag, said.step, said.seconds, said.value) for said in values(bytes(content))]
        except UnreadableError:
            slow = []
        (fast,) = found_in([record(bytes(content))]).scalars
        expected = slow[0]
        assert fast.tag == expected[0].decode("utf-8", "replace")
        np.testing.assert_array_equal(fast.steps, [expected[1]])
        np.testing.assert_array_equal(fast.seconds, [expected[2]])
        np.testing.assert_array_equal(fast.values, [expected[3]])


def test_a_tag_is_chosen_once() -> None:
    """Of two tags for a metric the better of the first block is kept, whatever comes later."""
    tags = Tags()
    first = found_in([scalar(1, "train_loss_epoch", 9.0), scalar(1, "train_loss_step", 1.0)])
    assert [(c.metric, c.rows.tag) for c in tags.curves(first.scalars)] == [("train_loss", "train_loss_step")]
    later = found_in([scalar(2, "train/loss", 9.0), scalar(2, "train_loss_step", 1.0), scalar(2, "val/loss", 2.0)])
    assert {c.metric: c.rows.tag for c in tags.curves(later.scalars)} == {
        "train_loss": "train_loss_step",
        "val_loss": "val/loss",
    }
    assert set(tags.left_out) == {"train_loss_epoch", "train/loss"}


def test_units_of_tags() -> None:
    """A tag that says its unit is brought to SI, an MFU in percent to a fraction; tokens of one device are left out."""
    said = {"step_time_ms": 250.0, "mfu": 40.0, "tokens_per_second_per_gpu": 1e4}
    curves = Tags().curves(found_in(scalar(1, tag, value) for tag, value in said.items()).scalars)
    assert {c.metric: c.rows.values.tolist() for c in curves} == {"step_seconds": [0.25], "mfu": [0.4]}


def test_texts_of_hugging_face() -> None:
    """The arguments and the model's config that its callback writes become facts; -1 and 0 are no plans."""
    arguments = {
        "learning_rate": 5e-5, "max_steps": -1, "num_train_epochs": 3, "warmup_steps": 0, "bf16": True,
        "per_device_train_batch_size": 8, "gradient_accumulation_steps": 4, "lr_scheduler_type": "cosine",
        "logging_steps": 10, "weight_decay": 0.0, "torch_compile": False,
    }  # fmt: skip
    model = {"n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257, "architectures": ["GPT2LMHeadModel"]}
    found = found_in([event(0, text("args", json.dumps(arguments))), event(0, text("model_config", json.dumps(model)))])
    facts = [fact for tag, said in found.texts for fact in facts_of(tag, said, "events")]
    assert {fact.name: fact.value for fact in facts} == {
        "learning_rate": 5e-5, "planned_epochs": 3, "dtype": "bfloat16", "batch_size": 8, "schedule": "cosine",
        "gradient_accumulation_steps": 4, "weight_decay": 0.0, "compile": False,
        "n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257,
    }  # fmt: skip
    assert facts[0].where == "args in events"
    assert is_hugging_face(*found.texts[0])
    assert is_language_model(*found.texts[1])
    assert is_language_model(found.texts[1][0], '{"model_type": "gpt2", "architectures": null}')
    assert not is_language_model(
        found.texts[1][0], '{"model_type": "gpt2", "architectures": ["GPT2ForTokenClassification"]}'
    )
    assert not is_language_model(found.texts[1][0], '{"model_type": "bert", "architectures": null}')


@pytest.mark.parametrize(
    "said", ["Namespace(lr=0.1)", "[1, 2]", '{"learning_rate": "high"}', "[" * 100_000, '{"a": NaN']
)
def test_texts_that_say_nothing(said: str) -> None:
    """Another program's text of the same name, or a broken one, is no fact."""
    assert facts_of("args/text_summary", said, "events") == []
    assert not is_hugging_face("args/text_summary", said)
    assert not is_language_model("model_config/text_summary", said)
