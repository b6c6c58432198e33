"""Plans put to the proof: slim copies of a model run on this machine, beside the model itself."""

import pathlib
import tempfile
from typing import NamedTuple

import keras
import numpy as np

from ccm_tf.conversion.samples import random_batches, structured
from ccm_tf.export import export_tflite
from ccm_tf.graph import ChannelGraph
from ccm_tf.latency.cache import this_device
from ccm_tf.latency.subjects import Subject, litert_subject
from ccm_tf.latency.table import LatencyTable
from ccm_tf.latency.timing import SETTLE, interleaved, median_alone
from ccm_tf.slim import SlimCopy

_RUNS, _ROUNDS = 80, 10


class Measured(NamedTuple):
    """Milliseconds for one sample, in the same turns.

    Attributes:
        dense: Of the model.
        slim: Of its slim copy.
    """

    dense: float
    slim: float


class Proof:
    """Measures slim copies of a model in LiteRT, for a table of this machine.

    Args:
        graph: The model's channel graph.
        table: Says how many threads compute, and with which numbers.
    """

    def __init__(self, graph: ChannelGraph, table: LatencyTable):
        self.graph, self.table = graph, table
        self._dense: Subject | None = None
        # LiteRT reads from its files as long as it runs them.
        self._folder = tempfile.TemporaryDirectory()
        self._files = 0

    @classmethod
    def where_possible(cls, graph: ChannelGraph, table: LatencyTable) -> "Proof | None":
        """A proof for tables of this machine, where Keras can write LiteRT files; else `None`."""
        here = table.device == this_device() and keras.backend.backend() == "tensorflow"
        return cls(graph, table) if here else None

    def __call__(self, mask: np.ndarray) -> Measured:
        """Times the model with only some of its channels.

        Args:
            mask: Which root labels stay.

        Raises:
            RuntimeError: If the model cannot be converted.
        """
        if self._dense is None:
            self._dense = self._subject(self.graph.all_kept())
        calls = [self._dense.call, self._subject(mask).call]
        times = interleaved(calls, _RUNS, _ROUNDS, settle=SETTLE)
        dense, slim = (median_alone(turns, self.table.threads) for turns in times)
        return Measured(dense, slim)

    def _subject(self, mask: np.ndarray) -> Subject:
        model = SlimCopy(self.graph, self.graph.kept(mask)).model
        quantize, calibration = None, None
        if self.table.dtype == "int8":
            quantize = "int8"
            calibration = structured(model, next(random_batches(model)))
        self._files += 1
        path = pathlib.Path(self._folder.name) / f"{self._files}.tflite"
        # Accuracy is no matter here.
        export_tflite(
            model, path, quantize=quantize, calibration=calibration, tolerance=float("inf")
        )
        return litert_subject(path, self.table.threads)
