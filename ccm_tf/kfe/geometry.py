"""Where the windows of a convolution lie: how often each pixel is read, and what each tap sees."""

import dataclasses
from typing import Any

import numpy as np
from keras import ops


@dataclasses.dataclass(frozen=True)
class Axis:
    """The windows of a convolution along one axis.

    Attributes:
        kernel: Taps.
        stride: Step between windows.
        dilation: Step between taps.
        padding: `"valid"`, `"same"` or `"causal"`, as Keras means them.
    """

    kernel: int
    stride: int = 1
    dilation: int = 1
    padding: str = "valid"

    @property
    def reach(self) -> int:
        """Pixels from the first to the last tap."""
        return (self.kernel - 1) * self.dilation + 1

    def outputs(self, size: int) -> int:
        """Number of windows over so many pixels."""
        if self.padding == "same":
            return -(-size // self.stride)
        return (size + self.before(size) - self.reach) // self.stride + 1

    def before(self, size: int) -> int:
        """Zeros in front of the first pixel."""
        if self.padding == "causal":
            return self.reach - 1
        if self.padding == "same":
            return self._same(size) // 2
        return 0

    def after(self, size: int) -> int:
        """Zeros behind the last pixel."""
        return self._same(size) - self._same(size) // 2 if self.padding == "same" else 0

    def multiplicity(self, size: int) -> np.ndarray:
        """How many windows read each pixel, (size,)."""
        windows = np.arange(self.outputs(size)) * self.stride - self.before(size)
        read = (windows[:, None] + np.arange(self.kernel) * self.dilation).ravel()
        return np.bincount(read[(read >= 0) & (read < size)], minlength=size)

    def _same(self, size: int) -> int:
        return max((self.outputs(size) - 1) * self.stride + self.reach - size, 0)


def multiplicity(axes: tuple[Axis, ...], sizes: tuple[int, ...]) -> np.ndarray:
    """How many windows cover each pixel of a map, float32 of shape `sizes`.

    The Gram matrix of all patches' pixels is that of the map's pixels with these weights, so no
    patch has to be built.
    """
    total = np.ones((), np.float32)
    for axis, size in zip(axes, sizes, strict=True):
        total = total[..., None] * axis.multiplicity(size).astype(np.float32)
    return total


def tap_views(axes: tuple[Axis, ...], features: Any) -> list[Any]:
    """What each tap of the kernel reads, in the order in which a kernel is flattened.

    Args:
        axes: The windows along each spatial axis.
        features: Tensor (B, ..., C), channels last.

    Returns:
        One tensor (B, positions, C) per tap.
    """
    sizes, channels = tuple(features.shape[1:-1]), features.shape[-1]
    pads = [(a.before(s), a.after(s)) for a, s in zip(axes, sizes, strict=True)]
    if any(before or after for before, after in pads):
        features = ops.pad(features, [(0, 0), *pads, (0, 0)])
    counts = [a.outputs(s) for a, s in zip(axes, sizes, strict=True)]
    views = []
    for tap in np.ndindex(*(a.kernel for a in axes)):
        window = tuple(
            slice(u * a.dilation, u * a.dilation + (n - 1) * a.stride + 1, a.stride)
            for u, a, n in zip(tap, axes, counts, strict=True)
        )
        view = features[(slice(None), *window)]
        positions = int(np.prod(counts, dtype=np.int64))
        views.append(ops.reshape(view, (-1, positions, channels)))
    return views
