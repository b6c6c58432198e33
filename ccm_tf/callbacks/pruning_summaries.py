"""What is left of a model while it is pruned, epoch by epoch, as a table and for TensorBoard."""

import csv
import io
import pathlib
from typing import Any

import keras
import numpy as np

from ccm_tf.files import PathLike, write_text
from ccm_tf.gradual.zeros import alive_roots
from ccm_tf.graph import ChannelGraph
from ccm_tf.statistics.moments import Moments
from ccm_tf.statistics.taps import feature_batches


class PruningSummaries(keras.callbacks.Callback):
    """Writes how many channels and multiply-accumulates are left after every epoch.

    The columns are `epoch`, `macs`, `params`, and for every layer that makes channels
    `channels/<layer>`. With data there is also `S/<layer>`: the mean absolute correlation between
    the channels that are left of the feature map behind the layer, over images and pixels.

    Args:
        path: A CSV file, written anew, whole, after every epoch; rows that it holds already are
            kept, so that a training that is resumed goes on with it. Defaults to `None`.
        log_dir: Folder for TensorBoard, which needs TensorFlow. Defaults to `None`.
        data: Images for S; a batch or two do. Defaults to `None`.
        exact: As in `ccm_tf.ChannelGraph`. Defaults to `True`.

    Raises:
        ValueError: If neither `path` nor `log_dir` is given.

    Example:

    ```python
    summaries = ccm_tf.callbacks.PruningSummaries("pruning.csv", data=images[:256])
    model.fit(images, labels, epochs=10, callbacks=[pruning, summaries])
    ```
    """

    def __init__(
        self,
        path: PathLike | None = None,
        log_dir: PathLike | None = None,
        data: Any = None,
        exact: bool = True,
    ):
        super().__init__()
        if path is None and log_dir is None:
            raise ValueError(
                "Give `path` for a CSV file, `log_dir` for TensorBoard, or both. "
                "Received: path=None, log_dir=None."
            )
        self.path = None if path is None else pathlib.Path(path)
        self.log_dir = log_dir
        self.data = data
        self.exact = exact
        self.rows: list[dict[str, Any]] = []
        self._writer: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Opens what is written to."""
        if self.path is not None and self.path.exists() and not self.rows:
            self.rows = list(csv.DictReader(io.StringIO(self.path.read_text("utf-8"))))
        if self.log_dir is not None:
            self._writer = _summary_writer(self.log_dir)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Adds one row."""
        row = {"epoch": epoch, **summary(self.model, self.data, self.exact)}
        self.rows = [r for r in self.rows if int(r["epoch"]) < epoch] + [row]
        if self.path is not None:
            write_text(self.path, _as_csv(self.rows))
        if self._writer is not None:
            self._writer({key: value for key, value in row.items() if key != "epoch"}, epoch)


def summary(model: keras.Model, data: Any = None, exact: bool = True) -> dict[str, float]:
    """What is left of a model: `macs`, `params`, `channels/<layer>` and, with data, `S/<layer>`.

    Args:
        model: A functional or sequential model, masked or not.
        data: Images, as for `ccm_tf.plan`. Defaults to `None`.
        exact: As in `ccm_tf.ChannelGraph`. Defaults to `True`.
    """
    graph = ChannelGraph(model, exact)
    alive = alive_roots(graph)
    left: dict[str, float] = {"macs": graph.macs(alive), "params": graph.params(alive)}
    for producer in graph.producers:
        left[f"channels/{producer.name}"] = int(np.count_nonzero(alive[producer.roots]))
    if data is not None:
        left.update(_correlations(graph, alive, data))
    return left


def _correlations(graph: ChannelGraph, alive: np.ndarray, data: Any) -> dict[str, float]:
    maps = graph.feature_maps
    moments = [Moments(len(feature_map.roots)) for feature_map in maps]
    for batch in feature_batches(graph, data, maps):
        for entry, features in zip(moments, batch, strict=True):
            entry.update(features)
    found = {}
    for feature_map, entry in zip(maps, moments, strict=True):
        left = np.flatnonzero(alive[feature_map.roots])
        matrix = np.abs(entry.correlation()[np.ix_(left, left)])
        pairs = len(left) * (len(left) - 1)
        total = matrix.sum() - np.trace(matrix)
        found[f"S/{feature_map.layer}"] = float(total / pairs) if pairs else 0.0
    return found


def _as_csv(rows: list[dict[str, Any]]) -> str:
    # A layer may come late or leave: every column that any row has, in order of appearance.
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _summary_writer(log_dir: PathLike):
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ImportError(
            "Summaries for TensorBoard are written with TensorFlow, which is not installed. Give "
            "`path` for a CSV file instead of `log_dir`."
        ) from error
    writer = tf.summary.create_file_writer(str(log_dir))

    def write(values: dict[str, float], step: int) -> None:
        with writer.as_default():
            for name, value in values.items():
                tf.summary.scalar(f"pruning/{name}", value, step=step)
        writer.flush()

    return write
