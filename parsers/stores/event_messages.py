"""The message layer of event files: what one record says, read by the protobuf library.

Only the fields that scalars and texts need are declared; all others are passed over. Numbers of fields and types as in
TensorBoard 2.21 (tensorboard/compat/proto: event.proto, summary.proto, tensor.proto, tensor_shape.proto, types.proto).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

PACKAGE = "traintop_events"
"""Not TensorBoard's own: its messages may be loaded in the same process."""

Field = tuple[str, int, str]
"""Name, number and type: a scalar type of protobuf or another message, "*" before it if it is repeated."""

MESSAGES: dict[str, list[Field]] = {
    "Event": [("wall_time", 1, "double"), ("step", 2, "int64"), ("summary", 5, "Summary")],
    "Summary": [("value", 1, "*Value")],
    "Value": [("tag", 1, "bytes"), ("simple_value", 2, "float"), ("tensor", 8, "Tensor")],
    "Tensor": [
        ("dtype", 1, "int32"),
        ("shape", 2, "Shape"),
        ("content", 4, "bytes"),
        ("float_val", 5, "*float"),
        ("double_val", 6, "*double"),
        ("int_val", 7, "*int32"),
        ("string_val", 8, "*bytes"),
        ("int64_val", 10, "*int64"),
        ("bool_val", 11, "*bool"),
        ("half_val", 13, "*int32"),
        ("uint32_val", 16, "*uint32"),
        ("uint64_val", 17, "*uint64"),
    ],
    "Shape": [("dim", 2, "*Dim")],
    "Dim": [("size", 1, "int64")],
}
"""A tag is declared as bytes, since foreign text that is no UTF-8 would make the whole message unreadable."""

DTYPES = {
    1: ("float_val", "<f4"),
    2: ("double_val", "<f8"),
    3: ("int_val", "<i4"),
    4: ("int_val", "<u1"),
    5: ("int_val", "<i2"),
    6: ("int_val", "<i1"),
    9: ("int64_val", "<i8"),
    10: ("bool_val", "?"),
    17: ("int_val", "<u2"),
    22: ("uint32_val", "<u4"),
    23: ("uint64_val", "<u8"),
}
"""types.proto's DataType -> where a tensor that is no `content` keeps its values, and how `content` is laid out."""
STRING, BFLOAT16, HALF = 7, 14, 19


class UnreadableError(Exception):
    """The record is no Event."""


@dataclass(frozen=True, slots=True)
class Said:
    """One value of a summary: a number, or a text."""

    tag: bytes
    step: int
    seconds: float
    """Wall-clock time, seconds since 1970."""
    value: float | str


def values(record: bytes) -> Iterator[Said]:
    """The numbers and texts in one record's data, in their order; UnreadableError where the data are no Event."""
    event = _event_class()()
    try:
        event.ParseFromString(record)
    except _decode_error() as error:
        raise UnreadableError(str(error)) from None
    for value in event.summary.value:
        found = value.simple_value if value.HasField("simple_value") else None
        if found is None and value.HasField("tensor"):
            found = _single(value.tensor)
        if found is not None:
            yield Said(value.tag, event.step, event.wall_time, found)


def _single(tensor: Any) -> float | str | None:
    """The only element of a tensor; None for one of several or none, and for another type."""
    sizes = [dim.size for dim in tensor.shape.dim]
    if any(size != 1 for size in sizes):
        return None
    if tensor.dtype == STRING:
        return tensor.string_val[0].decode("utf-8", "replace") if len(tensor.string_val) == 1 else None
    if tensor.dtype in (HALF, BFLOAT16):
        bits = list(tensor.half_val) or np.frombuffer(tensor.content[: len(tensor.content) // 2 * 2], "<u2").tolist()
        return _half(bits[0], tensor.dtype) if len(bits) == 1 else None
    if tensor.dtype not in DTYPES:
        return None
    field, layout = DTYPES[tensor.dtype]
    found = list(getattr(tensor, field))
    if tensor.content and len(tensor.content) == np.dtype(layout).itemsize:
        found = np.frombuffer(tensor.content, layout).tolist()
    return float(found[0]) if len(found) == 1 else None


def _half(bits: int, dtype: int) -> float:
    """A float of 16 bits, kept in the low half of an integer: IEEE's, or the upper half of a float of 32 bits."""
    word = np.array([bits & 0xFFFF], np.uint32)
    if dtype == BFLOAT16:
        return float((word << np.uint32(16)).view(np.float32)[0])
    return float(word.astype(np.uint16).view(np.float16)[0])


@cache
def _decode_error() -> type[Exception]:
    from google.protobuf.message import DecodeError

    return DecodeError


@cache
def _event_class() -> Any:
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message_factory import GetMessageClass

    file = FileDescriptorProto(name="events.proto", package=PACKAGE, syntax="proto2")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            bare = kind.removeprefix("*")
            label = FieldDescriptorProto.LABEL_OPTIONAL if bare == kind else FieldDescriptorProto.LABEL_REPEATED
            added = message.field.add(name=field, number=number, label=label)
            if bare in MESSAGES:
                added.type, added.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{PACKAGE}.{bare}"
            else:
                added.type = FieldDescriptorProto.Type.Value(f"TYPE_{bare.upper()}")
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.Event"))
