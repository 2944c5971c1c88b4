"""Which of several GPUs is meant."""

from __future__ import annotations

from gpu.peaks import SPECS, candidates, find
from gpu.sample import GpuSample

_SHORTEST_UUID = 8  # without "GPU-"; "a100" could begin one too


def select(samples: list[GpuSample], wanted: str | None) -> list[GpuSample]:
    """The samples that `wanted` names: an index, a UUID or its beginning, a GPU's name, or several of them by comma.

    None stands for all. [] where nothing here is meant.
    """
    if wanted is None:
        return samples
    words = [word.strip() for word in wanted.split(",") if word.strip()]
    return [sample for sample in samples if any(_is(sample, word) for word in words)]


def _is(sample: GpuSample, word: str) -> bool:
    if word.isdecimal() and len(word) < 4:  # "4070" is a name
        return sample.index == int(word)
    wanted, uuid, name = word.lower(), (sample.uuid or "").lower(), (sample.name or "").lower()
    if wanted.startswith(("gpu-", "mig-")):
        return uuid.startswith(wanted)
    if (len(wanted) >= _SHORTEST_UUID and uuid.removeprefix("gpu-").startswith(wanted)) or wanted == name:
        return True
    meant, found = find(word), find(name)
    if found is None:  # the peaks table lacks it, as it does laptop GPUs
        return set(wanted.split()) <= set(name.split())
    return meant == found if meant in SPECS else found in candidates(word)
