"""The messages in a `.wandb` file, as far as they matter here: history, config, run and exit.

Source: wandb/proto/wandb_internal.proto (0.31) of wandb/wandb. Only the fields below are declared: the protobuf library
passes over all others, and wandb itself is not needed. Old and new clients name a value by `key` or by `nested_key`
(one element for a plain name) and give it as JSON and, if `x_history_value_encoding` says so, typed.

Reading is fast because the items of a history row are taken as bytes: all that stands before the value is the same in
each row that has the name, so an item is parsed as a message only until its beginning is known.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from functools import cache
from typing import Any

import numpy as np

from parsers.names import Taken, meaning_of, step_of
from parsers.records import Floats, Ints

STEP, TIME = "_step", "_timestamp"
FIELDS: dict[str, dict[str, tuple[int, str]]] = {
    "HistoryItem": {
        "key": (1, "string"),
        "nested_key": (2, "string*"),
        "integer": (5, "sint64|"),
        "number": (6, "double|"),
        "json": (8, "string|"),
        "value_json": (16, "string"),
    },
    "HistoryStep": {"num": (1, "int64")},
    "HistoryRecord": {"item": (1, "bytes*"), "step": (2, "HistoryStep")},
    "ConfigItem": {"key": (1, "string"), "nested_key": (2, "string*"), "value_json": (16, "string")},
    "ConfigRecord": {"update": (1, "ConfigItem*"), "remove": (2, "ConfigItem*")},
    "RunRecord": {
        "config": (4, "ConfigRecord"),
        "display_name": (8, "string"),
        "starting_step": (14, "int64"),
        "resumed": (18, "bool"),
    },
    "MetricRecord": {"glob_name": (2, "string"), "step_metric": (4, "string")},
    "RunExitRecord": {"exit_code": (1, "int32")},
    "Record": {
        "history": (2, "HistoryRecord|"),
        "config": (5, "ConfigRecord|"),
        "metric": (12, "MetricRecord|"),
        "run": (17, "RunRecord|"),
        "exit": (18, "RunExitRecord|"),
    },
}
"""Message -> field -> (number, type); * is repeated, | is one of several that exclude each other."""
TYPES = {"double": 1, "int64": 3, "int32": 5, "bool": 8, "string": 9, "message": 11, "bytes": 12, "sint64": 18}
"""Of descriptor.proto."""
VALUE = b"\x82\x01"
"""The tag of value_json; then come its length, one byte for all that can be a number, and the text.

wandb-core writes a typed value behind it, Python clients before it.
"""
LONGEST = 127
NOT_FINITE = {b'"NaN"': np.nan, b'"Infinity"': np.inf, b'"-Infinity"': -np.inf}
"""As some clients write them; JSON has no such numbers."""


@cache
def classes() -> dict[str, Any]:
    """The message classes, built from FIELDS."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="wandb_history.proto", package="wandb_history", syntax="proto3")
    for name, fields in FIELDS.items():
        message = file.message_type.add(name=name)
        if any(kind.endswith("|") for _, kind in fields.values()):
            message.oneof_decl.add(name="content")
        for title, (number, kind) in fields.items():
            plain = kind.rstrip("*|")
            made = message.field.add(name=title, number=number, label=3 if kind.endswith("*") else 1)
            made.type = TYPES.get(plain, TYPES["message"])  # type: ignore[assignment]
            if plain in FIELDS:
                made.type_name = f".wandb_history.{plain}"
            if kind.endswith("|"):
                made.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    found = {name: pool.FindMessageTypeByName(f"wandb_history.{name}") for name in FIELDS}
    return {name: message_factory.GetMessageClass(descriptor) for name, descriptor in found.items()}


Column = dict[int, bytes]
"""The values of one name since they were last asked for: row -> a byte for the length, the text, perhaps more."""


class History:
    """Takes messages and keeps what they say until it is asked for."""

    def __init__(self) -> None:
        self.taken = Taken()
        """The names that are metrics."""
        self.rows = 0
        """History rows since `columns` was last called."""
        self.ever = False
        """Whether there ever was a history row."""
        self.config: dict[str, Any] = {}
        """The run's config as it is now."""
        self.config_changed = False
        self.run_name: str | None = None
        self.resumed_at: int | None = None
        """The first step of this file, where the run was resumed and began in another."""
        self.exit_code: int | None = None
        self.unreadable = 0
        """Messages that were none."""
        self._step_metric: str | None = None
        self._names: set[str] = set()
        """All that were ever seen in a row."""
        self._columns: dict[str, Column] = {STEP: {}, TIME: {}}
        self._unwanted: Column = {}
        """Takes the values of all other names, so that a row is read without asking which they are."""
        self._beginnings: dict[bytes, Column] = {}
        """What stands before the value of an item -> its column."""

    @property
    def step_name(self) -> str:
        """The name that counts the steps: what the user's code declared or logs as such, else W&B's own `_step`."""
        return self._step_metric or step_of(self._columns) or STEP

    def read(self, payloads: Iterable[bytes]) -> None:
        """Takes messages in. One that is none is counted."""
        from google.protobuf.message import DecodeError

        parse = classes()["Record"].FromString
        for payload in payloads:
            try:
                message = parse(payload)
                if (kind := message.WhichOneof("content")) is not None:
                    self._readers[kind](self, getattr(message, kind))
            except (DecodeError, ValueError, RecursionError):
                self.unreadable += 1

    def columns(self) -> dict[str, tuple[Ints, Floats]]:
        """The new numbers of each name, with the rows (0 is the first new one) they stand in; then forgets them."""
        self.rows = 0
        self._unwanted.clear()
        given = {}
        for name, column in self._columns.items():
            if column:
                given[name] = _numbers(column)
                column.clear()
        return given

    def _history(self, record: Any) -> None:
        row, columns, others = self.rows, self._beginnings, []
        for item in record.item:
            beginning, _, value = item.partition(VALUE)
            try:
                columns[beginning][row] = value
            except KeyError:
                others.append(item)
        if others:
            self._read_items(record.item, others, row)
        if record.HasField("step"):
            self._columns[STEP].setdefault(row, _prefixed(b"%d" % record.step.num))
        self.rows = row + 1
        self.ever = True

    def _read_items(self, items: Iterable[bytes], others: Iterable[bytes], row: int) -> None:
        """Reads those items of a row whose beginning is not known."""
        kind = classes()["HistoryItem"]
        parsed = {item: kind.FromString(item) for item in items}
        names = {item: message.key or ".".join(message.nested_key) for item, message in parsed.items()}
        self._learn(names.values())
        for item in others:
            message, column = parsed[item], self._columns.get(names[item], self._unwanted)
            column[row] = _prefixed((message.value_json or _typed(message)).encode())
            beginning = kind(key=message.key, nested_key=message.nested_key).SerializeToString()
            if item.startswith(beginning + VALUE) and VALUE not in beginning:
                self._beginnings[beginning] = column

    def _learn(self, names: Collection[str]) -> None:
        """Decides which names of a row are worth their values."""
        fresh = [name for name in names if name not in self._names]
        if not fresh:
            return
        self._names.update(fresh)
        self.taken.add(names)
        for name in fresh:
            if name in self.taken.columns or step_of((name,)) is not None:
                self._columns.setdefault(name, {})

    def _config(self, record: Any) -> None:
        for item in record.update:
            *above, last = list(item.nested_key) or [item.key]
            place = self.config
            for part in above:
                inner = place.get(part)
                place[part] = place = inner if isinstance(inner, dict) else {}
            place[last] = json.loads(item.value_json)
            self.config_changed = True
        for item in record.remove:
            self.config.pop(item.key or ".".join(item.nested_key), None)

    def _run(self, record: Any) -> None:
        self.run_name = record.display_name or self.run_name
        if record.resumed or record.starting_step:
            self.resumed_at = record.starting_step
        self._config(record.config)

    def _metric(self, record: Any) -> None:
        """`define_metric("*", step_metric=...)` names the steps, unless they are epochs or tokens."""
        name = record.step_metric
        if record.glob_name == "*" and name and name != STEP and meaning_of(name) is None:
            self._step_metric = name
            self._columns.setdefault(name, {})
            self._beginnings.clear()

    def _exit(self, record: Any) -> None:
        self.exit_code = record.exit_code

    _readers = {"history": _history, "config": _config, "run": _run, "metric": _metric, "exit": _exit}  # noqa: RUF012  never changed


def _typed(item: Any) -> str:
    """A value that is not given as value_json; "" where it is no number."""
    kind = item.WhichOneof("content")
    return "" if kind is None else str(getattr(item, kind))


def _prefixed(text: bytes) -> bytes:
    """A text as it stands in a Column; nothing for one that is too long for a number."""
    return bytes([len(text)]) + text if len(text) <= LONGEST else b""


def _numbers(column: Column) -> tuple[Ints, Floats]:
    """The rows and values of what is a number. Words, truth values and nulls are no numbers."""
    texts = [value[1 : value[0] + 1] if value else b"" for value in column.values()]
    try:
        return np.fromiter(column, np.int64, len(column)), np.fromiter(map(float, texts), np.float64, len(texts))
    except ValueError:
        pairs = [(row, value) for row, text in zip(column, texts, strict=True) for value in _number(text)]
        return np.array([row for row, _ in pairs], np.int64), np.array([value for _, value in pairs], np.float64)


def _number(text: bytes) -> list[float]:
    """The value, as a list of one; an empty list for what is no number."""
    try:
        return [NOT_FINITE[text] if text in NOT_FINITE else float(text)]
    except ValueError:
        return []
