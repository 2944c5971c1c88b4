"""Timestamps for sample logs: rising, in the layouts that loggers use."""

from __future__ import annotations

from datetime import datetime, timedelta

BEGIN = datetime(2025, 10, 17, 16, 31, 56)  # noqa: DTZ001  loggers print local time without a zone


def iso(seconds: float, fraction: str = ",288") -> str:
    """So many seconds after the beginning, as Python's logging prints it."""
    return (BEGIN + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S") + fraction


def american(seconds: float) -> str:
    """The same as month/day/year."""
    return (BEGIN + timedelta(seconds=seconds)).strftime("%m/%d/%Y %H:%M:%S")
