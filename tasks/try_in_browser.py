"""A page on which a person tries LiteRT files against the dense one, in a browser.

python -m tasks.try_in_browser out/quickstart
python -m tasks.try_in_browser --dense=dense.tflite --slim=slim.tflite --images=photos/
"""

import os
import pathlib
import sys

from absl import app, flags

from tasks.quiet import quietly

with quietly():
    from tasks import pipeline
    from tasks.trial import runtime, server, site, subject
    from tasks.trial.subject import Choice


def define(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags.

    Args:
        values: Where to define them. Defaults to the flags of the process.
    """
    keys = {"flag_values": values}
    flags.DEFINE_string("dense", "", "A LiteRT file, instead of a run.", **keys)
    flags.DEFINE_list("slim", [], "LiteRT files to try against --dense.", **keys)
    flags.DEFINE_string(
        "images", "", "Folder of images; the test images of the run if empty.", **keys
    )
    flags.DEFINE_string(
        "data_dir", "", "Where the run's data set lies, if the run was told.", **keys
    )
    flags.DEFINE_integer("samples", 36, "How many images to offer.", **keys)
    flags.DEFINE_string(
        "scale", "", "For files that do not say it: how pixels become inputs.", **keys
    )
    flags.DEFINE_string(
        "runtime",
        "",
        "Where `npm install @litertjs/core` was run; ~/.cache/ccm_tf/litertjs.",
        **keys,
    )
    flags.DEFINE_string(
        "output_dir", "", "Folder for the page: RUN/try if empty, or out/try.", **keys
    )
    flags.DEFINE_integer("port", 8000, "Port of the page on 127.0.0.1; 0: any free one.", **keys)
    flags.DEFINE_bool("serve", True, "Serve the page, until Ctrl-C.", **keys)


def make(arguments: list[str], values: flags.FlagValues) -> pathlib.Path:
    """Writes the page.

    Args:
        arguments: What stands beside the flags: the output folder of a run, or nothing.
        values: The parsed flags.

    Returns:
        The folder that it lies in.

    Raises:
        ValueError: If something is missing or does not fit; nothing is written then.
        OSError: If a file is missing or cannot be written.
    """
    if len(arguments) > 1 or (arguments and (values.dense or values.slim)):
        raise ValueError("Name one run, or pass --dense and --slim.")
    if values.samples < 1:
        raise ValueError(f"--samples must be at least 1. Received: --samples={values.samples}")
    run = arguments[0] if arguments else None
    folder = values.output_dir or os.path.join(run or "out", "try")
    choice = Choice(values.images, values.data_dir, values.samples, values.scale)
    found = runtime.find(values.runtime or None)
    about = (
        subject.of_run(run, choice) if run else subject.of_files(values.dense, values.slim, choice)
    )
    return site.write_site(about, found, folder).parent


def main(argv: list[str]) -> int:
    """Runs the program with parsed flags.

    Args:
        argv: Its name, and what stands beside the flags.

    Returns:
        The exit code.
    """
    values = flags.FLAGS
    try:
        folder = make(argv[1:], values)
        if not values.serve:
            print(f"Page: {folder / 'index.html'} (open it through a web server)")
            return 0
        with server.serving(folder, values.port) as ready:
            print(f"Open {server.address(ready)} in a browser. Ctrl-C ends it.", flush=True)
            ready.serve_forever()
    except pipeline.EXPECTED as error:
        print(f"error: {pipeline.sentence(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
    return 0


if __name__ == "__main__":
    define()
    app.run(main)
