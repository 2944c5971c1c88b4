from __future__ import annotations

from hypothesis import settings

# A shared machine may stop us at any moment: time is measured in benchmarks/, never asserted.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
