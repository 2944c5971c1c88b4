"""The one error that a user sees."""

from __future__ import annotations


class UserError(Exception):
    """A refused input: one line that names the path, what is wrong and how to mend it. Exit code 2."""
