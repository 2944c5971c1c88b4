"""How many tokens the input_ids column of Arrow and Parquet files holds; counted in a process of its own.

pyarrow takes some 50 MB and a damaged file may crash it: `python -P -m parsers.datasets.token_tables` pays for both. It
reads a JSON list of paths and prints one JSON line: {"tokens": N, "dtype": "int32"} or {"error": "..."}.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from parsers.clean import printable
from parsers.datasets.token_files import Counted, DataError

COLUMN = "input_ids"
ROWS = 256
"""Read at once where a Parquet file does not say how many values it holds."""
INSTALL = 'pip install "traintop[data]"'


def count_tables(paths: Sequence[Path]) -> Counted:
    """Tokens of Arrow and Parquet files together. Raises DataError where pyarrow or the column is missing."""
    command = [sys.executable, "-P", "-m", "parsers.datasets.token_tables"]
    names = json.dumps([str(path.absolute()) for path in paths]).encode()
    try:
        done = subprocess.run(command, input=names, capture_output=True, check=False)  # noqa: S603  ourselves
        said = json.loads(done.stdout or b"{}")
    except (OSError, ValueError) as error:
        raise DataError(f"{paths[0]} cannot be read ({printable(str(error))}); check the file") from None
    if "tokens" in said:
        return Counted(int(said["tokens"]), str(said["dtype"]))
    reason = said.get("error") or f"{paths[0]} cannot be read: pyarrow ended with {done.returncode}; check the file"
    raise DataError(printable(str(reason)))


def main(names: Sequence[str]) -> None:
    """Prints what the files hold, or why that cannot be said."""
    try:
        tokens, dtypes = 0, set()
        for name in names:
            count, dtype = _count(Path(name))
            tokens += count
            dtypes.add(dtype)
        said: dict[str, object] = {"tokens": tokens, "dtype": " and ".join(sorted(dtypes))}
    except DataError as error:
        said = {"error": str(error)}
    print(json.dumps(said))


def _count(path: Path) -> tuple[int, str]:
    try:
        import pyarrow as pa
    except ImportError:
        raise DataError(f"{path} needs pyarrow to be read; {INSTALL}") from None
    try:
        return _parquet(path) if path.suffix == ".parquet" else _arrow(path)
    except (pa.ArrowException, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise DataError(f"{path} cannot be read ({reason}); check the file") from None


def _parquet(path: Path) -> tuple[int, str]:
    """By the footer: a leaf's values less its nulls, which also stand for empty and missing lists."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, memory_map=True) as file:
        dtype = _dtype(path, file.schema_arrow)
        groups = [file.metadata.row_group(i) for i in range(file.num_row_groups)]
        leaves = [c for g in groups for c in map(g.column, range(g.num_columns)) if _leads(c.path_in_schema)]
        if all(c.statistics is not None and c.statistics.has_null_count for c in leaves):
            return sum(c.num_values - c.statistics.null_count for c in leaves), dtype
        return sum(map(_tokens, file.iter_batches(ROWS, columns=[COLUMN]))), dtype


def _leads(path_in_schema: str) -> bool:
    return path_in_schema.split(".", 1)[0] == COLUMN


def _arrow(path: Path) -> tuple[int, str]:
    """By the offsets of the lists, in a stream as of Hugging Face's datasets or a file as of Feather."""
    import pyarrow as pa

    with pa.memory_map(str(path)) as source:
        is_file = source.read(6) == b"ARROW1"
        source.seek(0)
        reader = pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)
        dtype = _dtype(path, reader.schema)
        return sum(map(_tokens, _batches(reader, is_file=is_file))), dtype


def _batches(reader: Any, *, is_file: bool) -> Iterator[Any]:
    if is_file:
        return (reader.get_batch(i) for i in range(reader.num_record_batches))
    return iter(reader)


def _dtype(path: Path, schema: Any) -> str:
    import pyarrow as pa

    if COLUMN not in schema.names:
        columns = ", ".join(schema.names[:12]) or "none"
        raise DataError(f"{path} has no column {COLUMN} (its columns: {columns}); name the tokenised data set")
    kind = schema.field(COLUMN).type
    inner = kind.value_type if pa.types.is_nested(kind) and hasattr(kind, "value_type") else kind
    if not pa.types.is_integer(inner):
        raise DataError(f"{path} has a column {COLUMN} of {kind}, no token ids; name the tokenised data set")
    return str(inner)


def _tokens(batch: Any) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    column = batch.column(COLUMN)
    if not pa.types.is_nested(column.type):
        return int(len(column) - column.null_count)
    return int(pc.sum(pc.list_value_length(column)).as_py() or 0)


if __name__ == "__main__":
    main(json.load(sys.stdin))
