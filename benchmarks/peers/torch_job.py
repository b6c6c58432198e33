"""What this side asks of Torch-Pruning, and what comes back."""

import dataclasses
import json
import os
import pathlib
import re
import subprocess
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from benchmarks.peers import network
from benchmarks.peers.methods import Peer
from benchmarks.peers.weights import describe, to_keras
from ccm_tf.files import atomic_path, write_json

_ROOT = pathlib.Path(__file__).parents[2]


def identifier(name: str, budget: float) -> str:
    """A name for files: "group L2, global" at 0.5 becomes "group_l2_global_0.5"."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") + f"_{budget:g}"


@dataclasses.dataclass(frozen=True)
class TorchJob:
    """One network that Torch-Pruning prunes in several ways.

    Attributes:
        folder: Folder for the files of both sides.
        python: Python that has PyTorch and torch-pruning.
        threads: Threads of PyTorch. Defaults to 1: of several, those that wait for work count as
            processor time too.
        repeats: How often a pruning is timed.
    """

    folder: pathlib.Path
    python: str
    threads: int = 1
    repeats: int = 5

    def run(
        self,
        model: keras.Model,
        images: tuple[np.ndarray, np.ndarray],
        check: np.ndarray,
        tasks: Sequence[tuple[Peer, float]],
    ) -> dict[str, Any]:
        """Writes the job, has it done, and checks that the networks were the same.

        Args:
            model: The dense network.
            images: Normalised images and labels, for gradients.
            check: Normalised images on which outputs are compared.
            tasks: Methods with their budgets.

        Returns:
            What `benchmarks.peers.torch_side` reports, and `conversion`, the difference of the
            dense network's outputs.

        Raises:
            RuntimeError: If the other program fails.
            ValueError: If the converted network computes something else.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        arrays = network.arrays_of(model)
        self._save("dense.npz", arrays)
        self._save("images.npz", {"images": images[0], "labels": images[1], "check": check})
        job = {
            "description": describe(arrays),
            "weights": "dense.npz",
            "images": "images.npz",
            "threads": self.threads,
            "repeats": self.repeats,
            "tasks": [{**task_of(peer), "macs": at, "id": identifier(peer.name, at)}
                      for peer, at in tasks],
        }  # fmt: skip
        write_json(self.folder / "job.json", job)
        self._call()
        result = json.loads((self.folder / "result.json").read_text(encoding="utf-8"))
        theirs = self._load("dense_logits.npz")["logits"]
        result["conversion"] = network.check_same("Dense", network.outputs(model, check), theirs)
        return result

    def pruned(self, peer: Peer, budget: float, check: np.ndarray) -> tuple[keras.Model, float]:
        """A network that came back, in Keras, and how far its outputs are from PyTorch's.

        Raises:
            ValueError: If it computes something else here than it did there.
        """
        arrays = self._load(f"{identifier(peer.name, budget)}.npz")
        theirs = arrays.pop("logits")
        model = network.network_of(to_keras(arrays))
        return model, network.check_same(peer.name, network.outputs(model, check), theirs)

    def _call(self) -> None:
        command = [self.python, "-m", "benchmarks.peers.torch_side", str(self.folder / "job.json")]
        path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
        try:
            subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": path})
        except (OSError, subprocess.CalledProcessError) as error:
            raise RuntimeError(
                f"Torch-Pruning's part failed ({error}). It needs torch, torch-pruning and numpy "
                "in the Python that --torch_python names; see benchmarks/peers.md."
            ) from error

    def _save(self, name: str, arrays: dict[str, np.ndarray]) -> None:
        with atomic_path(self.folder / name) as temporary:
            np.savez(temporary, **arrays)

    def _load(self, name: str) -> dict[str, np.ndarray]:
        with np.load(self.folder / name, allow_pickle=False) as arrays:
            return dict(arrays)


def task_of(peer: Peer) -> dict[str, Any]:
    """What the other program has to know of a method."""
    task = dataclasses.asdict(peer)
    task.pop("name")
    return task
