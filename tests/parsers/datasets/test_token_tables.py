"""Tokens in Arrow and Parquet files that pyarrow itself writes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from parsers.datasets.token_tables import main
from parsers.datasets.unique_tokens import DataError, TokenCount, unique_tokens

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

ROWS = [[1, 2, 3], [], None, [4], [5, 6]]


def table(kind: Any = None, rows: list[list[int] | None] | None = None) -> Any:
    chosen = ROWS if rows is None else rows
    ids = pa.array(chosen, kind or pa.list_(pa.int32()))
    return pa.table({"input_ids": ids, "attention_mask": ids, "text": ["x"] * len(chosen)})


def stream(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, content.schema) as writer:
        writer.write_table(content, max_chunksize=2)
    return path


@pytest.mark.parametrize("kind", ["list_", "large_list"])
@pytest.mark.parametrize("statistics", [True, False])
def test_parquet_counts_the_tokens_of_its_lists(tmp_path: Path, kind: str, statistics: bool) -> None:
    """By the footer, or where that says nothing by reading; empty and missing rows hold none."""
    path = tmp_path / "train-00000-of-00001.parquet"
    content = table(getattr(pa, kind)(pa.int64()))
    pq.write_table(content, path, write_statistics=statistics, row_group_size=2)
    assert unique_tokens(path) == TokenCount(6, "train-00000-of-00001.parquet: 6 tokens of int64", 1)


def test_arrow_counts_the_offsets_of_its_lists(tmp_path: Path) -> None:
    """A stream as of datasets, a file as of Feather, lists of one length, and a column of plain ids."""
    assert unique_tokens(stream(tmp_path / "a.arrow", table())).tokens == 6
    with pa.OSFile(str(tmp_path / "b.arrow"), "wb") as sink, pa.ipc.new_file(sink, table().schema) as writer:
        writer.write_table(table())
    assert unique_tokens(tmp_path / "b.arrow").tokens == 6
    fixed = table(pa.list_(pa.int32(), 2), [[1, 2], [3, 4]])
    assert unique_tokens(stream(tmp_path / "c.arrow", fixed)).tokens == 4
    assert unique_tokens(stream(tmp_path / "d.arrow", pa.table({"input_ids": [1, 2, None]}))).tokens == 2


def test_a_saved_data_set_counts_the_files_that_it_lists(tmp_path: Path) -> None:
    """What save_to_disk wrote: state.json names them; other Arrow files in the folder are caches."""
    folder = tmp_path / "train"
    for i in range(2):
        stream(folder / f"data-0000{i}-of-00002.arrow", table())
    stream(folder / "cache-1.arrow", table())
    stream(tmp_path / "test" / "data-00000-of-00001.arrow", table())
    files = [{"filename": f"data-0000{i}-of-00002.arrow"} for i in range(2)]
    (folder / "state.json").write_text(json.dumps({"_data_files": files, "_split": "train"}))
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    assert unique_tokens(folder) == TokenCount(12, "2 files in train: 12 tokens of int32", 2)
    assert unique_tokens(tmp_path).tokens == 12
    (folder / "data-00001-of-00002.arrow").unlink()
    with pytest.raises(DataError, match=r"lists data-00001-of-00002\.arrow, which is not there"):
        unique_tokens(tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [({"text": ["a"], "label": [1]}, "no column input_ids (its columns: text, label)"),
     ({"input_ids": ["a"]}, "no token ids"), ({"input_ids": [[1.5]]}, "no token ids")],
)  # fmt: skip
def test_a_table_without_tokens_is_told_in_one_line(
    tmp_path: Path, content: dict[str, list[object]], reason: str
) -> None:
    """With the columns that there are, so that the right file can be found."""
    pq.write_table(pa.table(content), tmp_path / "a.parquet")
    with pytest.raises(DataError) as caught:
        unique_tokens(tmp_path / "a.parquet")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
@pytest.mark.parametrize("content", [b"", b"hello", b"PAR1" + b"\xff" * 60 + b"PAR1", b"ARROW1\0\0" + b"\xff" * 64])
def test_a_damaged_table_is_told_in_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    """Whatever pyarrow makes of it, a crash of its own process included."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        unique_tokens(tmp_path / name)
    assert str(caught.value).startswith(str(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_without_pyarrow_the_line_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is an extra: most who train have no such file."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    main([str(tmp_path / "a.parquet")])
    assert json.loads(capsys.readouterr().out)["error"].endswith(
        'needs pyarrow to be read; pip install "traintop[data]"'
    )


def test_counting_loads_no_pyarrow_here(tmp_path: Path) -> None:
    """The monitor does not pay for it."""
    import subprocess

    pq.write_table(table(), tmp_path / "a.parquet")
    code = (
        "import sys; from pathlib import Path; from parsers.datasets.unique_tokens import unique_tokens;"
        f"print(unique_tokens(Path({str(tmp_path)!r})).tokens, 'pyarrow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["6", "False"]
