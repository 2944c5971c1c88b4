"""Measures the forecast of the final loss on published runs whose end is known, each with priors that never saw it.

    python benchmarks/forecast.py

Each run is cut at a share of its steps and forecast from what came before. The priors of exponent and gain are fitted
anew to the whole curves of the other families, so that a family is forecast by what was learnt from others; the form
of the law, and its constants beside the priors, were chosen on all four. The build-nanogpt runs were fitted to by
nothing, but their errors were seen while the law was chosen. The other methods see the same points. The truth is the
run's last eval, with its own noise.

The logs lie in the collection beside the repository; without it there is nothing to measure.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests" / "support")]

from curves import cosine  # noqa: E402  the path must be set first
from raw_logs import CORPUS, read_series  # noqa: E402

from diagnosis.annealing import ALPHAS, LearningRate, Prior, fit_law  # noqa: E402
from diagnosis.forecast import Forecast, assumed_rates, fitted, forecast, spanning  # noqa: E402
from diagnosis.series import Series  # noqa: E402
from diagnosis.trend import eval_standard_error  # noqa: E402
from parsers.records import Floats  # noqa: E402

SHARES = (0.25, 0.5, 0.725, 0.9)
GOALS = (0.013, 0.012, 0.010, 0.009)
BROAD = Prior(alpha=0.55, alpha_sd=0.1, gain=0.125, gain_sd=0.05)
HELD_OUT = "build-nanogpt (not fitted to)"
POWERS = np.arange(0.05, 1.5, 0.05)


@dataclass(frozen=True)
class Run:
    """A loss, the learning rate that made it, and what kind of schedule that is."""

    family: str
    name: str
    loss: Series
    rate: LearningRate
    warmup: float

    @property
    def end(self) -> int:
        return int(self.loss.steps[-1])

    @property
    def truth(self) -> float:
        return float(self.loss.values[-1])

    @property
    def decays(self) -> bool:
        return "constant" not in self.name


@dataclass(frozen=True)
class Result:
    """One forecast: nats too high, half of the band, and how far off the other methods were."""

    run: Run
    share: float
    error: float
    half: float
    others: dict[str, float]


def multi_power_law() -> Iterator[Run]:
    """The curves of MultiPowerLaw; their files begin after a warm-up of 2,160 steps."""
    for path in sorted((CORPUS / "loss-curves").glob("*.csv")):
        steps, rate, loss = np.genfromtxt(path, delimiter=",", skip_header=1).T
        series = Series("val_loss", steps.astype(np.int64), loss)
        rate_at = partial(interpolated, steps=np.append(0.0, steps), rates=np.append(0.0, rate))
        yield Run(f"MPL {path.stem[:3]}M", path.stem, series, rate_at, 2160)


def interpolated(at: Floats, *, steps: Floats, rates: Floats) -> Floats:
    """The learning rate between the rows of a file."""
    return np.asarray(np.interp(at, steps, rates))


def one(family: str, path: Path, layout: str, metric: str, *, total: int, warmup: int, floor: float) -> Iterator[Run]:
    """A run with a cosine, from its log."""
    if path.is_file():
        series = Series(metric, *read_series(path.read_text(errors="replace"), layout)[metric])
        yield Run(family, path.stem[:24], series, partial(cosine, total=total, warmup=warmup, floor=floor), warmup)


def runs() -> list[Run]:
    """The four families, and the held-out one."""
    found = list(multi_power_law())
    llmc = CORPUS / "llmc/main_log_gpt2_124M_fineweb10B.log"
    found += one("llm.c 124M", llmc, "llmc", "val_loss", total=19_560, warmup=700, floor=0.0)
    founding = {"seed003_run_40M_rtx4070_lr5e-4": 6000, "followup_124M_rtx4070_run3": 12_000}
    founding["seed_run_fineweb_40.56M_rtx4070_with_header"] = 20_000
    for name, total in founding.items():
        for metric in ("val_loss", "eval_train_loss"):
            path = CORPUS / f"nanogpt/{name}.log"
            found += one("founding", path, "nanogpt", metric, total=total, warmup=500, floor=0.1)
    for path in sorted((CORPUS / "build-nanogpt").glob("log_*.log.txt")):
        found += one(HELD_OUT, path, "build-nanogpt", "val_loss", total=19_073, warmup=715, floor=0.1)
    return found


def whole_curve(run: Run) -> tuple[float, float]:
    """Exponent and gain that the whole curve makes likely, before any prior of note."""
    law = fit_law(run.loss, run.rate, horizon=run.end, warmup_steps=run.warmup, prior=BROAD)
    if law is None:
        raise ValueError(run.name)
    evidence = np.concatenate([form.evidence for form in law.forms])
    share = np.exp(evidence - evidence.max())
    gains = np.concatenate([form.weights[:, 2] for form in law.forms])
    return float(share @ np.tile(ALPHAS, len(law.forms)) / share.sum()), float(share @ gains / share.sum())


def prior_without(family: str, known: list[Run]) -> Prior:
    """The priors of the other families, each family counted once; the held-out one never counts."""
    alphas, gains = [], []
    for other in sorted({run.family for run in known} - {family, HELD_OUT}):
        fits = [(run, *whole_curve(run)) for run in known if run.family == other]
        alphas.append(np.mean([alpha for _, alpha, _ in fits]))
        gains.append(np.mean([gain for run, _, gain in fits if run.decays]))
    return Prior(alpha=float(np.mean(alphas)), gain=float(np.mean(gains)))


def power_law(known: Series, run: Run) -> float:
    """L0 + A step^-a by least squares: what one does who knows nothing of the learning rate."""
    steps = known.steps / run.end
    return _free(known.values, [np.stack([np.ones(len(steps)), steps**-power]) for power in POWERS], [1.0, 1.0])


def tissue(known: Series, run: Run) -> float:
    """Tissue's law with lambda .999 and no priors, by least squares for each exponent."""
    grid = np.arange(0.0, run.end + 1)
    rate = run.rate(grid) / run.rate(grid).max()
    fallen = np.where(grid > np.argmax(rate), 1 - rate, 0.0)
    kernel = 1e-3 * 0.999 ** np.arange(10_000)
    size = 1 << (len(grid) + len(kernel)).bit_length()
    lagged = np.fft.irfft(np.fft.rfft(fallen, size) * np.fft.rfft(kernel, size), size)[: len(grid)]
    summed = np.cumsum(rate) / np.sum(rate)
    at = known.steps
    rows = [np.stack([np.ones(len(at)), summed[at] ** -power, -lagged[at]]) for power in POWERS]
    return _free(known.values, rows, [1.0, 1.0, -float(lagged[-1])])


def _free(values: Any, rows: list[Any], ahead: list[float]) -> float:
    fits = [np.linalg.lstsq(row.T, values, rcond=1e-9)[0] for row in rows]
    errors = [float(np.sum((row.T @ fit - values) ** 2)) for row, fit in zip(rows, fits, strict=True)]
    return float(fits[int(np.argmin(errors))] @ ahead)


def last_value(known: Series, _: Run) -> float:
    return float(known.values[-1])


OTHERS: dict[str, Callable[[Series, Run], float]] = {
    "last value": last_value,
    "power law + offset, no learning rate": power_law,
    "Tissue's law, free": tissue,
}


def measure(run: Run, prior: Prior, *, known_schedule: bool = True) -> Iterator[Result]:
    """The forecasts of one run at each share of its steps, where there is one."""
    for share in SHARES:
        known = run.loss.until(share * run.end)
        options = {
            "target_step": run.end,
            "warmup_steps": run.warmup,
            "eval_standard_error": eval_standard_error(known),
            "prior": prior,
        }
        if known_schedule:
            ahead = forecast(known, learning_rate=run.rate, **options)  # type: ignore[arg-type]
        else:
            logged = Series("learning_rate", known.steps, run.rate(known.steps.astype(float)))
            rates = assumed_rates(logged, float(known.steps[-1]), run.end)
            ahead = spanning([forecast(known, learning_rate=rate, **options) for rate in rates])  # type: ignore[arg-type]
        if ahead is not None:
            after = known.since(max(2 * run.warmup, 0.1 * known.steps[-1], 1))
            others = {name: abs(method(after, run) - run.truth) for name, method in OTHERS.items()}
            yield Result(run, share, ahead.value - run.truth, ahead.high - ahead.value, others)


def row(label: str, results: list[Result], what: Callable[[Result], float], digits: int = 3) -> str:
    cells = []
    for share in SHARES:
        at = [what(result) for result in results if result.share == share]
        cells.append(f"{np.mean(at):.{digits}f} ({len(at)})" if at else "none")
    return f"| {label} | {' | '.join(cells)} |"


def table(title: str) -> None:
    shares = " | ".join(f"{share:.1%}".replace(".0%", "%") for share in SHARES)
    print(f"\n| {title} | {shares} |\n|---{'|---' * len(SHARES)}|")


def errors(results: list[Result], held: list[Result]) -> None:
    table("mean error of the final loss, nats (runs)")
    decaying = [result for result in results if result.run.decays]
    print(row("all that decay", decaying, lambda r: abs(r.error), 4))
    for family in dict.fromkeys(result.run.family for result in results):
        print(row(f"- {family}", [r for r in decaying if r.run.family == family], lambda r: abs(r.error), 4))
    print(row("constant learning rate", [r for r in results if not r.run.decays], lambda r: abs(r.error), 4))
    print(row(HELD_OUT, held, lambda r: abs(r.error), 4))
    print(f"| goal | {' | '.join(f'{goal:.3f}' for goal in GOALS)} |")
    for name in OTHERS:
        print(row(f"{name}, all that decay", decaying, lambda r, name=name: r.others[name], 4))  # type: ignore[misc]
        print(row(f"{name}, {HELD_OUT}", held, lambda r, name=name: r.others[name], 4))  # type: ignore[misc]


def calibration(label: str, results: list[Result]) -> None:
    print(row(f"{label}: held", results, lambda r: float(abs(r.error) <= r.half), 2))
    print(row(f"{label}: half of the band", results, lambda r: r.half))


def stretched(known: list[Run]) -> None:
    """Another run's end under three times the steps, and a decay that a constant run has not seen."""
    by_name = {run.name: run for run in known}
    print("\n| from | to | error | half of the band |\n|---|---|---|---|")
    for size in ("100", "400"):
        pairs = [("cosine_24000", "cosine_72000", 24_000), ("constant_24000", "cosine_72000", 24_000)]
        pairs += [("constant_24000", f"{kind}_20000_24000", 20_000) for kind in ("wsd", "wsdld")]
        for source, target, until in pairs:
            before, after = by_name[f"{size}_{source}"], by_name[f"{size}_{target}"]
            seen = before.loss.until(until)
            prior = prior_without(before.family, known)
            found = fitted(seen, horizon=until, learning_rate=before.rate, warmup_steps=2160, prior=prior)
            ahead: Forecast | None = None if found is None else found.at(after.end, after.rate)
            if ahead is not None:
                half = ahead.high - ahead.value
                print(f"| {before.name} to {until:,} | {after.name} | {ahead.value - after.truth:+.4f} | {half:.4f} |")


def main() -> None:
    known = runs()
    if not known:
        print(f"absent: {CORPUS}")
        return
    priors = {family: prior_without(family, known) for family in dict.fromkeys(run.family for run in known)}
    for family, prior in priors.items():
        print(f"{family}: {sum(r.family == family for r in known)} runs, priors of the others:", end=" ")
        print(f"alpha {prior.alpha:.3f}, gain {prior.gain:.3f}")
    began = time.perf_counter()
    results = [result for run in known for result in measure(run, priors[run.family])]
    held = [result for result in results if result.run.family == HELD_OUT]
    results = [result for result in results if result.run.family != HELD_OUT]
    errors(results, held)
    table("the 90 % band, nats (forecasts)")
    calibration("four families", results)
    calibration("held out", held)
    blind = [r for run in known for r in measure(run, priors[run.family], known_schedule=False)]
    calibration("only the past learning rate known", blind)
    every = [float(abs(r.error) <= r.half) for r in results + held]
    print(f"\nIn all {np.mean(every):.1%} of {len(every)} bands held.")
    stretched(known)
    print(f"\n{time.perf_counter() - began:.0f} s for all methods.")


if __name__ == "__main__":
    main()
