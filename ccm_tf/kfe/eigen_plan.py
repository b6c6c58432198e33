"""The plan of EigenDamage: which directions of which layer stay."""

import io
import json
import pathlib
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np

from ccm_tf.base_plan import BasePlan
from ccm_tf.files import PathLike, atomic_path
from ccm_tf.graph import ChannelGraph
from ccm_tf.kfe.blocks import find_blocks
from ccm_tf.kfe.directions import Directions, Spectrum, packed, unpacked
from ccm_tf.kfe.surgery import BottleneckCopy
from ccm_tf.pruning_plan import PruningPlan
from ccm_tf.replicas import scope_of

_FORMAT = "ccm_tf.EigenPlan/1"


class EigenPlan(BasePlan):
    """The directions that stay, for every layer that becomes a bottleneck.

    A plan is plain data: print it, save it, apply it with `ccm_tf.rewrite`. Layers that it does
    not name are left alone.

    Args:
        layers: Name of a layer to its `Directions`.
        fingerprint: `ChannelGraph.fingerprint` of the model that the plan is for.
        target: What was asked for, for example `{"macs": 0.5}`.
        counts: `{"dense": {...}, "kept": {...}}` with `directions`, `macs` and `params`.
        notes: What a reader should know.
        settings: How the plan was made.
        spectra: Name of a layer to its `Spectrum`, also of layers that are left alone.
        channels: A `PruningPlan` that is carried out first; the rest is about its slim model.

    Example:

    ```python
    plan = ccm_tf.kfe.plan(model, images, ratio=0.6)
    plan.summary()
    plan.save("plan.npz")
    slim = ccm_tf.rewrite(model, ccm_tf.EigenPlan.load("plan.npz"))
    ```
    """

    def __init__(
        self,
        layers: Mapping[str, Directions],
        fingerprint: str,
        target: Mapping[str, float | int] | None = None,
        counts: Mapping[str, Mapping[str, int]] | None = None,
        notes: Iterable[str] = (),
        settings: Mapping[str, Any] | None = None,
        spectra: Mapping[str, Spectrum] | None = None,
        channels: PruningPlan | None = None,
    ):
        super().__init__(fingerprint, target, counts, notes)
        self.layers = dict(layers)
        self.settings = dict(settings or {})
        self.spectra = dict(spectra or {})
        self.channels = channels

    @property
    def predicted_rise(self) -> float | None:
        """By how much the training loss rises before any fine-tuning, to second order.

        Half the importance of every weight that goes; exact where the loss is quadratic and the
        Fisher information a Kronecker product. What channel pruning costs is not in it.
        """
        return self.settings.get("predicted_rise")

    def build(
        self,
        model: keras.Model,
        *,
        fold: str | None = None,
        data: Any = None,
        verbose: int = 0,
        trainable_rotations: bool = True,
    ) -> keras.Model:
        """The model with its bottlenecks; see `ccm_tf.rewrite`.

        Raises:
            ValueError: If the plan is for another model, or channels are to be folded and the plan
                removes none.
        """
        graph = ChannelGraph(model)
        self.check_model(graph)
        if self.channels is not None:
            model = self.channels.build(model, fold=fold, data=data, verbose=verbose)
            graph = ChannelGraph(model)
        elif fold is not None:
            raise ValueError(
                "An `EigenPlan` without `channels` removes directions, not channels: there is "
                f"nothing to fold. Received: fold={fold!r}."
            )
        blocks, reasons = find_blocks(graph)
        for name, directions in self.layers.items():
            if name not in blocks:
                raise ValueError(
                    f"The plan turns layer '{name}' into a bottleneck, but "
                    f"{reasons.get(name, 'there is no such layer')}."
                )
            _check(blocks[name], directions)
        with scope_of(model):
            chosen = {name: (blocks[name], value) for name, value in self.layers.items()}
            return BottleneckCopy(graph, chosen, trainable_rotations).model

    def save(self, path: PathLike) -> None:
        """Writes the plan as one `.npz` file, whole or not at all."""
        with atomic_path(path) as temporary:
            temporary.write_bytes(self.as_bytes())

    def as_bytes(self) -> bytes:
        """What `save` writes."""
        text = json.dumps(
            {
                "format": _FORMAT,
                "fingerprint": self.fingerprint,
                "target": self.target,
                "counts": self.counts,
                "notes": self.notes,
                "settings": self.settings,
                "layers": list(self.layers),
                "spectra": list(self.spectra),
                "channels": None if self.channels is None else self.channels.as_dict(),
            },
            allow_nan=False,
        )
        arrays: dict[str, Any] = packed("layers", self.layers) | packed("spectra", self.spectra)
        stream = io.BytesIO()
        np.savez_compressed(stream, plan=np.array(text), **arrays)
        return stream.getvalue()

    @classmethod
    def load(cls, path: PathLike) -> "EigenPlan":
        """Reads a plan that `save` wrote; nothing is unpickled.

        Raises:
            ValueError: If the file is not such a plan.
        """
        return cls.from_bytes(pathlib.Path(path).read_bytes(), f"'{path}'")

    @classmethod
    def from_bytes(cls, payload: bytes, name: str = "This") -> "EigenPlan":
        """The plan that `as_bytes` wrote down; nothing is unpickled.

        Args:
            payload: The bytes.
            name: What the error calls them.

        Raises:
            ValueError: If they are not such a plan.
        """
        try:
            with np.load(io.BytesIO(payload), allow_pickle=False) as file:
                arrays = {key: file[key] for key in file.files}
            value = json.loads(str(arrays.pop("plan")))
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile, AttributeError) as error:
            raise ValueError(f"{name} is not an eigen plan: {error}.") from error
        if not isinstance(value, dict) or value.get("format") != _FORMAT:
            raise ValueError(f"{name} is not an eigen plan of the format '{_FORMAT}'.")
        channels = value["channels"]
        return cls(
            unpacked("layers", value["layers"], arrays, Directions),
            spectra=unpacked("spectra", value["spectra"], arrays, Spectrum),
            channels=None if channels is None else PruningPlan.from_dict(channels),
            **{n: value[n] for n in ("fingerprint", "target", "counts", "notes", "settings")},
        )

    def head(self) -> str:
        """See `BasePlan.head`."""
        return "Eigen plan (EigenDamage"

    def rows(self) -> Iterable[str]:
        """See `BasePlan.rows`."""
        if self.channels is not None:
            yield "  first, channels:"
            yield from (f"  {row}" for row in self.channels.rows())
        width = max(map(len, self.spectra or self.layers), default=5)
        for name, spectrum in self.spectra.items():
            sizes = len(spectrum.input_values), len(spectrum.output_values)
            if name not in self.layers:
                yield f"  {name:<{width}}  stays as it is ({sizes[0]} -> {sizes[1]})"
                continue
            kept = len(spectrum.kept_inputs), len(spectrum.kept_outputs)
            depthwise = ", depthwise" if self.layers[name].taps is not None else ""
            yield (
                f"  {name:<{width}}  {kept[0]:>5} of {sizes[0]:>5} inputs and {kept[1]:>5} of "
                f"{sizes[1]:>5} outputs stay{depthwise}"
            )
        for name, directions in self.layers.items():
            if name not in self.spectra:
                inputs, outputs = directions.inputs.shape[1], directions.outputs.shape[1]
                yield f"  {name:<{width}}  {inputs} input and {outputs} output directions stay"


def _check(block: Any, directions: Directions) -> None:
    _, inputs, outputs = block.shape
    shapes = directions.inputs.shape, directions.outputs.shape
    wanted = (inputs, shapes[0][-1]), (outputs, shapes[1][-1])
    ranks = {shape[-1] for shape in shapes}
    fits = shapes == wanted and 0 not in ranks
    if directions.taps is not None:
        fits = fits and len(ranks) == 1 and directions.taps.shape == (block.taps, *ranks)
    if not fits:
        raise ValueError(
            f"The directions of layer '{block.name}' have shapes {shapes}; it has {inputs} inputs "
            f"and {outputs} outputs, and at least one direction of each must stay."
        )
