"""All speed measurements in one table, each against its target.

    python -m benchmarks.speed                # runs all of them, in about an hour
    python -m benchmarks.speed --only=kfe     # runs some again
    python -m benchmarks.speed --report       # the table of what is there, without running

Each measurement is a program of its own that writes a file to the results folder; this one calls
them in turn, alone in a process each, and writes `speed.json` and `speed.md` from their files. What
is compared are ratios within one run, or seconds where the target is in seconds.
"""

import argparse
import dataclasses
import json
import pathlib
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ccm_tf.files import write_json, write_text

_ERRORS = {
    "a predicted latency": ("dense", "half"),
    "the part that a plan was predicted to leave": ("part",),
}
RESULTS = pathlib.Path(__file__).parents[1] / "docs" / "results"


@dataclasses.dataclass(frozen=True)
class Figure:
    """One number against its target.

    Attributes:
        what: What was measured, in words.
        value: The number.
        target: What it should not exceed; `None` if there is no target.
        unit: "×" for a ratio, "s" for seconds, "" for neither.
    """

    what: str
    value: float
    target: float | None = None
    unit: str = "×"

    @property
    def met(self) -> bool | None:
        """Whether the target is met; `None` without one."""
        return None if self.target is None else self.value <= self.target


@dataclasses.dataclass(frozen=True)
class Measurement:
    """A program and what its file says.

    Attributes:
        file: Name of the file that it writes.
        arguments: Command lines after `python -m benchmarks.`, one process each; `{file}` stands
            for the file's path.
        figures: From the file's content to figures.
    """

    file: str
    arguments: tuple[str, ...]
    figures: Callable[[Any], Iterator[Figure]]


def _rows(what: str, key: str = "results") -> Callable[[Any], Iterator[Figure]]:
    """Figures of a file with one row, ratio and target per network."""

    def figures(found: Mapping[str, Any]) -> Iterator[Figure]:
        for row in found[key]:
            yield Figure(f"{what}, {row['network']}", row["ratio"], row["target"])

    return figures


def _kfe(found: Mapping[str, Any]) -> Iterator[Figure]:
    row = found["speed"]
    what = "Kronecker factors over a forward and backward pass"
    yield Figure(f"{what}, {row['network']}", row["channel_ratio"], row["target_ratio"])
    what = f"{row['eigen_matrices']} eigendecompositions of {row['network']}"
    yield Figure(what, row["eigen_seconds"], row["target_eigen_seconds"], "s")


def _independence(found: Mapping[str, Any]) -> Iterator[Figure]:
    total = found["total"]
    what = "channel independence of VGG-16's twelve maps"
    yield Figure(what, total["wall_seconds"], total["target_seconds"], "s")


def _linear_time(found: Mapping[str, Any]) -> Iterator[Figure]:
    for part, exponent in found["exponents"]["different layers"].items():
        if part != "clone":
            yield Figure(f"time to {part} a chain: exponent of the layers", exponent, 1.1, "")


def _applications(rows: list[Mapping[str, Any]]) -> Iterator[Figure]:
    seconds = {row["model"]: row["seconds"] for row in rows}
    ratio = seconds["ResNet50"]["rewrite"] / seconds["ResNet50"]["clone"]
    yield Figure("tracing and rewriting over cloning, ResNet50", ratio, 1.5)
    for name in ("NASNetLarge", "EfficientNetV2L"):
        yield Figure(f"tracing and rewriting {name}", seconds[name]["rewrite"], 60.0, "s")


def _compaction(found: Mapping[str, Any]) -> Iterator[Figure]:
    """The last epoch, when all channels are gone that will go, beside the one before they went."""
    run = found["compacted"]
    before = sum(share == 1.0 for share in run["kept_macs"]) - 1
    left = run["kept_macs"][-1]
    time = run["processor_seconds"][-1] / run["processor_seconds"][before]
    yield Figure(f"an epoch at {100 * left:.0f} % of the MACs over a dense one", time, 0.5)


def _latency(found: Mapping[str, Any]) -> Iterator[Figure]:
    """Processor time, which a busy machine changes least."""
    targets = {"float32": 1 / 0.95, "int8": 1.0}
    for row in found["vgg16"]["rows"]:
        if row["widths"] == "exact" or row["widths"].endswith("no more MACs"):
            widths = "" if row["widths"] == "exact" else f" in {row['widths']}"
            what = f"MAC ratio over speed-up, VGG-16 at tau = 0.6{widths}, {row['numbers']}"
            ratio = row["mac_ratio"] / row["processor_speed_up"]
            yield Figure(what, ratio, targets[row["numbers"]])
    errors = [row["error"] for row in found["prediction"]["rows"]]
    for what, which in _ERRORS.items():
        worst = max(abs(error[key]) for error in errors for key in which)
        yield Figure(f"largest error of {what}, {len(errors)} networks", worst, 0.15, "")
    off = max(abs(row["processor"] - row["asked"]) for row in found["budget"]["rows"])
    yield Figure("largest distance of a latency from the half that was asked for", off, 0.05, "")


MEASUREMENTS = {
    "ccm_overhead": Measurement(
        "ccm_overhead.json",
        ("ccm_overhead --output={file}",),
        _rows("a training step with CCM-loss over one without"),
    ),
    "independence": Measurement(
        "independence.json", ("independence --output={file}",), _independence
    ),
    "relevance": Measurement(
        "relevance.json",
        ("relevance --output={file}",),
        _rows("relevance scores over a forward and backward pass", key="rows"),
    ),
    "kfe": Measurement("kfe.json", ("kfe --part=speed --rounds=3 --output={file}",), _kfe),
    "recovery": Measurement(
        "recovery.json",
        ("recovery --output={file}",),
        _rows("a step of the adversarial game over one with a teacher"),
    ),
    "linear_time": Measurement("linear_time.json", ("linear_time --output={file}",), _linear_time),
    "applications": Measurement(
        "applications.jsonl",
        (
            "applications --output={file} --again --only=ResNet50 --only=NASNetLarge "
            "--only=EfficientNetV2L",
        ),
        _applications,
    ),
    "compaction": Measurement("compaction.json", ("compaction --output={file}",), _compaction),
    "latency": Measurement("latency.json", ("latency --output={file}",), _latency),
}


def run(names: list[str], folder: pathlib.Path) -> list[str]:
    """Runs measurements, each in processes of its own; returns those that failed."""
    failed = []
    for name in names:
        measurement = MEASUREMENTS[name]
        for arguments in measurement.arguments:
            line = arguments.format(file=folder / measurement.file)
            print(f"python -m benchmarks.{line}", flush=True)
            command = [sys.executable, "-m", *f"benchmarks.{line}".split(" ")]
            if subprocess.run(command, check=False).returncode:
                failed.append(name)
                break
    return failed


def figures(folder: pathlib.Path) -> dict[str, list[Figure]]:
    """What the files of a folder say, by measurement; those without a file are left out."""
    found = {}
    for name, measurement in MEASUREMENTS.items():
        path = folder / measurement.file
        if path.is_file():
            text = path.read_text("utf-8")
            lines = path.suffix == ".jsonl"
            content = [json.loads(x) for x in text.splitlines()] if lines else json.loads(text)
            found[name] = list(measurement.figures(content))
    return found


def page(found: Mapping[str, list[Figure]]) -> str:
    """The table in Markdown."""
    lines = [
        "# Speed",
        "",
        "Generated by `python -m benchmarks.speed`, which runs the programs named on the left; do",
        "not edit. A target is the most that a number should be. What each program measures, and",
        "how, is in [README.md](README.md#speed).",
        "",
        "| benchmark | measured | value | target | met |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, rows in found.items():
        for row in rows:
            met = {True: "yes", False: "no", None: ""}[row.met]
            target = "" if row.target is None else _written(row.target, row.unit)
            value = _written(row.value, row.unit)
            lines.append(f"| `{name}` | {row.what} | {value} | {target} | {met} |")
    missing = [f"`{name}`" for name in MEASUREMENTS if name not in found]
    if missing:
        lines += ["", f"Not measured yet: {', '.join(missing)}."]
    return "\n".join(lines) + "\n"


def _written(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}".rstrip()


def write(folder: pathlib.Path) -> dict[str, list[Figure]]:
    """Writes `speed.json` and `speed.md` from the files of a folder, and returns the figures.

    Raises:
        ValueError: If there is no file yet.
    """
    found = figures(folder)
    if not found:
        raise ValueError(f"There are no measurements in '{folder}' yet. Run without --report.")
    rows = {
        name: [{**dataclasses.asdict(x), "met": x.met} for x in xs] for name, xs in found.items()
    }
    write_json(folder / "speed.json", rows)
    write_text(folder / "speed.md", page(found))
    return found


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=list(MEASUREMENTS), help="default: all")
    parser.add_argument("--report", action="store_true", help="run nothing, write the table")
    parser.add_argument("--folder", type=pathlib.Path, default=RESULTS, help="where the files are")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 1 if a program failed, 2 if there is nothing to report."""
    options = parse(arguments)
    failed = [] if options.report else run(options.only or list(MEASUREMENTS), options.folder)
    try:
        print(page(write(options.folder)))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
