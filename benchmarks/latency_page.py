"""Writes docs/results/latency.md from what `benchmarks.latency` and `benchmarks.quantized` wrote.

    python -m benchmarks.latency_page

The JSON files lie beside the page: `latency.json`, and `latency_*.json` of other devices. Parts
that are not in them are left out.
"""

import argparse
import json
import pathlib

RESULTS = pathlib.Path(__file__).resolve().parent.parent / "docs" / "results"
HEAD = """\
# Latency and accuracy of LiteRT files

Written by `python -m benchmarks.latency_page` from `latency.json`, which is from
`python -m benchmarks.latency --output=docs/results/latency.json`, from the same of other devices,
and from `quantized.json`, from `python -m benchmarks.quantized`. One thread, one image. *Processor*
leaves out the time in which the thread waited for other processes, and speed-ups go by it; *wall*
is the time on the clock, and says nothing where the load average is above the number of processors.
"""


def table(head, rows):
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)])


def vgg16(rows):
    head = (
        "numbers",
        "widths",
        "MAC ratio",
        "ms, processor",
        "ms, wall",
        "speed-up",
        "of MAC ratio",
    )
    text = table(
        head,
        [
            (
                row["numbers"],
                row["widths"],
                f"{row['mac_ratio']:.2f}",
                f"{row['processor_ms']:.3f}",
                f"{row['median_ms']:.3f}",
                f"{row['processor_speed_up']:.2f}",
                f"{row['processor_speed_up'] / row['mac_ratio']:.2f}",
            )
            for row in rows
        ],
    )
    return "VGG-16 at the widths of tau = 0.6", text + alone(rows)


def alone(rows):
    """What every convolution takes by itself, dense and with the exact widths."""
    by = {(row["numbers"], row["widths"]): row.get("convolutions_ms") for row in rows}
    kinds = [kind for kind in by if kind[1] in ("dense", "exact") and by[kind]]
    if not kinds:
        return ""
    lines = [
        [number, *(f"{channels}: {1e3 * ms:.0f}" for channels, ms in found)]
        for number, found in enumerate(zip(*(by[kind] for kind in kinds), strict=True), start=1)
    ]
    head = ["convolution", *(" ".join(kind) for kind in kinds)]
    words = "\n\nChannels and microseconds of every convolution, run alone:\n\n"
    return words + table(head, lines)


def half(rows):
    head = (
        "network",
        "numbers",
        "MAC ratio",
        "ms dense",
        "ms half",
        "speed-up",
        "time by operator, half",
    )
    return "Half of the MACs", table(
        head,
        [
            (
                row["network"],
                row["numbers"],
                f"{row['mac_ratio']:.2f}",
                f"{row['dense_processor_ms']:.2f}",
                f"{row['processor_ms']:.2f}",
                f"{row['processor_speed_up']:.2f}",
                shares(row["alone_ms"]["half"]),
            )
            for row in rows
        ],
    )


def shares(milliseconds):
    """The four kinds of operators that take most, in percent."""
    total = sum(milliseconds.values())
    first = list(milliseconds.items())[:4]
    return ", ".join(f"{kind} {100 * value / total:.0f} %" for kind, value in first)


def prediction(rows):
    head = (
        "network",
        "dense: predicted, measured ms",
        "error",
        "half: predicted, measured ms",
        "error",
        "error of half : dense",
    )
    found = []
    for row in rows:
        cells = [row["network"]]
        for which in ("dense", "half"):
            cells.append(f"{row['predicted_ms'][which]:.2f}, {row['processor_ms'][which]:.2f}")
            cells.append(f"{100 * row['error'][which]:+.0f} %")
        found.append([*cells, f"{100 * row['error']['part']:+.0f} %"])
    worst = max(abs(row["error"][which]) for row in rows for which in ("dense", "half"))
    part = max(abs(row["error"]["part"]) for row in rows)
    words = (
        f"\n\nLargest error in milliseconds: {100 * worst:.0f} %; of what is left of the dense "
        f"model's time: {100 * part:.0f} %. The same file, opened again, can take up to a third "
        "more or less; so where the device is at hand, plans are not left to the table: they are "
        "measured."
    )
    return "What the latency table predicts", table(head, found) + words


def budget(rows):
    head = ("network", "asked", "measured, processor", "measured, wall", "part of the MACs")
    return "Plans for half of the latency", table(
        head,
        [
            (
                row["network"],
                f"{row['asked']:.0%}",
                f"{row['processor']:.1%}",
                f"{row['measured']:.1%}",
                f"{row['mac_part']:.1%}",
            )
            for row in rows
        ],
    )


PARTS = {"vgg16": vgg16, "half": half, "prediction": prediction, "budget": budget}


def quantized(rows):
    """Accuracy by kind of numbers, and points against float32."""
    kinds = list(dict.fromkeys(kind for row in rows for kind in row["files"]))
    found = []
    for row in rows:
        cells = [f"{row['dataset']}, {row['params']:,} parameters (`{row['model']}`)"]
        for kind in kinds:
            file = row["files"].get(kind)
            cells.append("" if file is None else said(kind, file))
        found.append(cells)
    return "Accuracy of files with fewer bits", table(("network", *kinds), found)


def said(kind, file):
    points = "" if kind == "float32" else f" ({file['points']:+.2f})"
    return f"{file['accuracy']:.2%}{points}, {file['bytes'] / 1e6:.2f} MB"


def page(devices, accuracies):
    """The page.

    Args:
        devices: What `benchmarks.latency` wrote on each device.
        accuracies: Rows of quantized.json.
    """
    parts = [HEAD]
    for latency in devices:
        parts.append(f"## {latency['versions']['device']}\n")
        for name, write in PARTS.items():
            if name in latency:
                title, text = write(latency[name]["rows"])
                load = ", ".join(map(str, latency[name]["load_average"]))
                parts.append(f"### {title}\n\n{text}\n\nLoad average of the machine: {load}.\n")
    if accuracies:
        title, text = quantized(accuracies)
        parts.append(f"## {title}\n\n{text}\n")
    return "\n".join(parts)


def devices_in(folder):
    """The results of all devices in a folder, the main one first."""
    paths = [folder / "latency.json", *sorted(folder.glob("latency_*.json"))]
    return [found for found in map(read, paths) if found]


def read(path):
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=pathlib.Path, default=RESULTS, help="folder of the JSON")
    folder = parser.parse_args(arguments).results
    accuracies = read(folder / "quantized.json").get("results", [])
    text = page(devices_in(folder), accuracies)
    (folder / "latency.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
