"""Writes docs/rules.md, the page of all rules, from their docstrings: `python docs/list_rules.py`."""

from __future__ import annotations

import inspect
from pathlib import Path

from diagnosis.rules import needs_of, rules

PAGE = Path(__file__).with_name("rules.md")
HEAD = """\
# What traintop finds

Made from the docstrings in `diagnosis/rules/` by `python docs/list_rules.py`; a test keeps it so. `traintop explain ID`
prints the same. A rule says nothing where what it needs is unknown; `traintop diagnose --verbose` lists those that
could not speak and what would let them.
"""


def page() -> str:
    """The whole page."""
    found = rules()
    lines = [f"- [`{name}`](#{name}): {_summary(inspect.getdoc(rule) or '')}" for name, rule in found.items()]
    return "\n".join([HEAD, *lines, "", *(_section(name, inspect.getdoc(rule) or "") for name, rule in found.items())])


def _summary(text: str) -> str:
    return " ".join(text.split("\n\n", maxsplit=1)[0].split())


def _section(name: str, text: str) -> str:
    needs = ", ".join(need.what for need in needs_of(name))
    return f"## {name}\n\n{_paragraphs(text)}\n" + (f"\nNeeds: {needs}.\n" if needs else "")


def _paragraphs(text: str) -> str:
    """Why, Do, False alarms and Sources each as an item of a list."""
    heads = ("Why:", "Do:", "False alarms:", "Sources:", "Source:")
    lines = []
    for line in text.splitlines():
        head = next((h for h in heads if line.startswith(h)), None)
        lines.append(line if head is None else f"- **{head[:-1]}**:{line[len(head) :]}")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
