"""What the pages say is so: the pages of formats and rules are made from the code, the guide's format works."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import ClassVar, cast

from format_checks import curves, facts

from parsers.records import Traits
from parsers.rows.row_patterns import Layout
from parsers.rows.said import Said
from parsers.rows.text import TextFormat

DOCS = Path(__file__).parents[1] / "docs"


def test_the_page_of_formats_is_made_from_the_classes() -> None:
    """Whoever changes a class runs `python docs/list_formats.py`; every format stands on the page with an example."""
    sys.path.insert(0, str(DOCS))
    made = import_module("list_formats")
    from parsers.format import Format
    from parsers.formats import FORMATS, STORES
    from parsers.stores.store import Store

    known: tuple[type[Format | Store], ...] = (*FORMATS, *STORES)
    text = made.PAGE.read_text(encoding="utf-8")
    assert text == made.page()
    assert all(f"(`{kind.name}`)" in text and kind.example in text for kind in known)


def test_the_page_of_rules_is_made_from_their_docstrings() -> None:
    """Whoever changes a rule runs `python docs/list_rules.py`; each has all its parts."""
    sys.path.insert(0, str(DOCS))
    made = import_module("list_rules")
    from diagnosis.rules import rules

    assert made.PAGE.read_text(encoding="utf-8") == made.page()
    for name, rule in rules().items():
        told = rule.__doc__ or ""
        assert all(f"{head}:" in told for head in ("Why", "Do", "False alarms", "Sources")), name


def test_the_format_that_contributing_shows_reads_its_example() -> None:
    """Twenty lines are a whole format: its example gives loss, learning rate and seconds, its start the size."""
    guide = (DOCS.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    code = guide.split("```python\n")[1].split("```")[0]
    names: dict[str, object] = {"ClassVar": ClassVar, "Traits": Traits, "Layout": Layout, "Said": Said}
    exec(code, names | {"TextFormat": TextFormat}, names)  # noqa: S102  our own guide
    kind = cast("type[TextFormat]", names["MyTrainer"])
    log = ("model size: 40.56M parameters\n" + f"{kind.example}\n" * 2).encode()

    assert len(code.splitlines()) <= 24
    assert kind.sniff(log) > 0.9
    assert curves(kind, log) == {
        "train_loss": [(12, 3.2174)],
        "learning_rate": [(12, 5.89e-4)],
        "step_seconds": [(12, 412.3 * 1e-3)],
    }
    assert facts(kind, log) == {"parameters": 40_560_000, "planned_steps": 500}
