"""Panels: pure functions from a snapshot and a size to lines of text."""
