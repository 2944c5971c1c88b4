"""The settings beside a log, and what they mean."""
