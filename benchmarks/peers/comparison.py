"""The whole comparison, piece by piece."""

import dataclasses
import pathlib
from typing import Any

import keras
import numpy as np

from benchmarks.peers import network, own, zeros
from benchmarks.peers.inputs import Inputs
from benchmarks.peers.methods import OWN, PEERS, Own, Peer
from benchmarks.peers.pieces import Pieces
from benchmarks.peers.torch_job import TorchJob, identifier, task_of
from tasks import models

# Their times do not depend on what the weights are; theirs are random.
LARGE = {
    "VGG-16": lambda: models.vgg16(10),
    "ResNet-56": lambda: models.resnet(56, 10),
}
_LARGE_METHODS = (OWN[0], PEERS[0])


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What is compared, on what, and where its pieces lie.

    Attributes:
        work_dir: Folder of all files.
        base: Path of the trained network.
        inputs: The images.
        about: What the inputs were drawn with and which network it is: pieces made with other
            settings are made anew.
        recipe: The fine-tuning.
        budgets: Parts of the multiply-accumulates that may stay.
        python: Python with PyTorch and torch-pruning.
        repeats: How often planning and rewriting is timed.
        runs: How often each LiteRT file is timed.
        threads: Threads of TensorFlow in tfmot's process.
    """

    work_dir: pathlib.Path
    base: pathlib.Path
    inputs: Inputs
    about: dict[str, Any]
    recipe: dict[str, Any]
    budgets: tuple[float, ...]
    python: str
    repeats: int = 5
    runs: int = 100
    threads: int = 2

    @property
    def pieces(self) -> Pieces:
        """Finished pieces."""
        return Pieces(self.work_dir / "pieces")

    def piece(self, name: str, settings: dict[str, Any], compute) -> Any:
        """One of them, made if it is not there yet, with the seconds that it took."""
        pieces = self.pieces
        found = pieces.get(name, {**self.about, **settings}, compute)
        return {**found, "piece_seconds": pieces.seconds[name]}

    def dense(self) -> keras.Model:
        """The trained network."""
        return keras.models.load_model(self.base, compile=False)

    def dense_row(self) -> dict[str, Any]:
        """Size and accuracy of the trained network."""
        model = self.dense()

        def compute():
            return {"accuracy": network.accuracy(model, self.inputs)}

        about = {"name": model.name, "test_images": len(self.inputs.test[1])}
        return {**self.piece("dense", {}, compute), **about, **network.size(model)}

    def torch(self) -> dict[str, Any]:
        """Everything that Torch-Pruning does with the trained network, in one go."""
        tasks = [(peer, budget) for budget in self.budgets for peer in PEERS]
        settings = {"tasks": [[identifier(p.name, at), task_of(p), at] for p, at in tasks]}
        settings["repeats"] = self.repeats

        def compute():
            sample = self.inputs.normalised("sample")
            return self._job("torch").run(self.dense(), sample, self.inputs.checked, tasks)

        return self.piece("torch", settings, compute)

    def own_row(self, method: Own, budget: float) -> dict[str, Any]:
        """One method of this library at one budget, from plan to fine-tuned."""
        name = identifier(method.name, budget)

        def compute():
            model, check = self.dense(), self.inputs.checked
            sample = self.inputs.normalised("sample")
            slim, plan, spent = own.pruned(model, method, budget, sample, self.repeats)
            row = {"time": spent, "widths": _widths(slim)}
            if method.fold is None:
                row["masked_difference"] = own.masked_difference(model, plan, slim, check)
            return row | self._measured(slim, f"ccm_tf_{name}")

        settings = {"method": dataclasses.asdict(method), "repeats": self.repeats}
        return self.piece(f"ccm_tf_{name}", settings | self._tuning(), compute)

    def peer_row(self, method: Peer, budget: float) -> dict[str, Any]:
        """One network that Torch-Pruning made, from pruned to fine-tuned, all in Keras."""
        name = identifier(method.name, budget)
        task = self.torch()["tasks"][name]

        def compute():
            slim, same = self._job("torch").pruned(method, budget, self.inputs.checked)
            row = {"conversion": same, "widths": _widths(slim)}
            return row | self._measured(slim, f"torch_{name}")

        settings = {"method": dataclasses.asdict(method), "budget": budget}
        return {**task, **self.piece(f"torch_{name}", settings | self._tuning(), compute)}

    def zeros_row(self, method: Own, budget: float) -> dict[str, Any]:
        """tfmot's zeros, as many as leave the weights that a method of ours leaves."""
        like = self._saved(f"ccm_tf_{identifier(method.name, budget)}")
        output = self._saved(f"tfmot_{budget:g}")

        def compute():
            dense = self.dense()
            slim = keras.models.load_model(like, compile=False)
            sparsity = zeros.sparsity_like(slim, dense)
            found, _ = zeros.zeros_at_once(dense, sparsity, self.inputs)
            path = self.work_dir / "inputs.npz"
            job = zeros.TfmotJob(self.base, path, self.recipe, self.threads)
            sparse = job.run(sparsity, output)
            found["finetuned"] = network.accuracy(sparse, self.inputs)
            about = {"sparsity": sparsity, "zeros": network.share_of_zeros(sparse)}
            return {**about, **network.size(sparse), "accuracy": found}

        settings = {"method": dataclasses.asdict(method), "budget": budget}
        return self.piece(f"tfmot_{budget:g}", settings | self._tuning(), compute)

    def files(self, method: Own, budget: float) -> dict[str, Any]:
        """Size and latency of the files of what `zeros_row` and `own_row` made."""
        paths = {
            "dense": self.base,
            "channels": self._saved(f"ccm_tf_{identifier(method.name, budget)}"),
            "zeros": self._saved(f"tfmot_{budget:g}"),
        }
        settings = {"method": dataclasses.asdict(method), "budget": budget, "runs": self.runs}
        return self.piece(
            f"files_{budget:g}",
            settings | self._tuning(),
            lambda: zeros.files(paths, self.work_dir / "litert" / f"{budget:g}", self.runs),
        )

    def large(self, name: str, budget: float = 0.5) -> dict[str, Any]:
        """Times of both on a larger network, and whether what is left computes the same."""
        ours, theirs = _LARGE_METHODS

        def compute():
            keras.utils.set_random_seed(0)
            model, check = LARGE[name](), self.inputs.checked
            images = self.inputs.normalised("sample")
            slim, plan, spent = own.pruned(model, ours, budget, images, self.repeats)
            masked = own.masked_difference(model, plan, slim, check)
            job = self._job(f"torch_{identifier(name, budget)}")
            result = job.run(model, images, check, [(theirs, budget)])
            (task,) = result["tasks"].values()
            return {
                "dense": network.size(model),
                "ccm_tf": {"time": spent, "masked_difference": masked, **network.size(slim)},
                "torch": task,
                "conversion": result["conversion"],
            }

        settings = {"methods": [dataclasses.asdict(ours), dataclasses.asdict(theirs)]}
        settings["repeats"] = self.repeats
        return self.piece(f"large_{identifier(name, budget)}", settings, compute)

    def _measured(self, slim: keras.Model, name: str) -> dict[str, Any]:
        found = network.size(slim)
        return found | {
            "accuracy": network.recovered(slim, self.inputs, self.recipe, self._saved(name))
        }

    def _tuning(self) -> dict[str, Any]:
        return {"recipe": self.recipe}

    def _saved(self, name: str) -> pathlib.Path:
        return self.work_dir / "networks" / f"{name}.keras"

    def _job(self, name: str) -> TorchJob:
        return TorchJob(self.work_dir / name, self.python, repeats=self.repeats)


def _widths(model: keras.Model) -> dict[str, int]:
    """Channels that the layers with kernels make."""
    arrays = network.arrays_of(model).items()
    return {
        name.removesuffix("/kernel"): int(np.shape(array)[-1])
        for name, array in arrays
        if name.endswith("/kernel")
    }
