"""Compares finished runs: accuracy against MACs, size and latency, as a page and as JSON.

python -m tasks.compare out/first out/second out/third --output_dir=out/compare
"""

import pathlib
import sys

from absl import app, flags

from tasks.quiet import quietly

with quietly():
    from ccm_tf.reporting.comparison import compared
    from ccm_tf.reporting.comparison_page import comparison_page
    from ccm_tf.reporting.document import save_pair
    from tasks import pipeline
    from tasks.job import check_writable
    from tasks.report.finished import read_report


def define(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags.

    Args:
        values: Where to define them. Defaults to the flags of the process.
    """
    text = "Folder for comparison.html and comparison.json; made if it is not there."
    flags.DEFINE_string("output_dir", "out/compare", text, flag_values=values)


def compare(folders: list[str], output_dir: str) -> pathlib.Path:
    """Writes `comparison.html` and `comparison.json`.

    Args:
        folders: Output folders of finished runs.
        output_dir: Where the two files go; made if it is not there.

    Returns:
        The page.

    Raises:
        ValueError: If there is no folder, one is named twice, holds no run, or one that is not
            finished; nothing is written then.
        OSError: If `output_dir` cannot be written to.
    """
    if not folders:
        raise ValueError(
            "Name the output folders of finished runs: python -m tasks.compare out/first out/second"
        )
    places = [pathlib.Path(folder).resolve() for folder in folders]
    for folder, place in zip(folders, places, strict=True):
        if places.count(place) > 1:
            raise ValueError(f"'{folder}' is named twice. Name every run once.")
    target = pathlib.Path(output_dir)
    check_writable(target)
    values = compared([(folder, read_report(folder)) for folder in folders])
    text = comparison_page(values)
    target.mkdir(parents=True, exist_ok=True)
    save_pair(target / "comparison.html", text, values)
    return target / "comparison.html"


def main(argv: list[str]) -> int:
    """Runs the program with parsed flags.

    Args:
        argv: Its name, and what stands beside the flags.

    Returns:
        The exit code.
    """
    try:
        print(f"Comparison: {compare(argv[1:], flags.FLAGS.output_dir)}")
    except pipeline.EXPECTED as error:
        print(f"error: {pipeline.sentence(error)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    define()
    app.run(main)
