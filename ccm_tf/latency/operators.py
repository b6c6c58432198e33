"""Single LiteRT operators: what latency tables are made of."""

import dataclasses
import math

KINDS = (
    "average_pool",
    "binary",
    "clamp",
    "concat",
    "conv",
    "dense",
    "depthwise",
    "max_pool",
    "mean",
    "pad",
    "resize_bilinear",
    "resize_nearest",
    "scale",
    "tile",
    "transposed",
    "unary",
)

# Operators that mix channels; all others give as many as they take.
MIXING = frozenset({"conv", "dense", "transposed"})

Pair = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Operator:
    """Everything about an operator but how many channels it reads and makes.

    Attributes:
        kind: One of `KINDS`.
        height: Of its input.
        width: Of its input.
        kernel: Height and width of the window; of the output where it resizes.
        strides: Steps of the window; where it tiles, how often rows and columns are repeated.
        dilation: Distance of the window's points.
        padding: `"same"` or `"valid"`.
    """

    kind: str
    height: int = 1
    width: int = 1
    kernel: Pair = (1, 1)
    strides: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: str = "same"

    @property
    def name(self) -> str:
        """A short name, unique, that can be part of a file's name."""
        parts = [self.kind, f"{self.height}x{self.width}"]
        for letter, pair in (("k", self.kernel), ("s", self.strides), ("d", self.dilation)):
            if pair != (1, 1):
                parts.append(f"{letter}{pair[0]}x{pair[1]}")
        return "-".join([*parts, *([self.padding] if self.kernel != (1, 1) else [])])

    def weights(self, inputs: int, outputs: int) -> int:
        """How many weights it has, without bias.

        Args:
            inputs: How many channels it reads.
            outputs: How many channels it makes.
        """
        each = inputs * outputs if self.kind in MIXING else outputs
        return (each if self.kind in (*MIXING, "depthwise") else 0) * math.prod(self.kernel)

    @property
    def output_size(self) -> Pair:
        """Height and width of its output."""
        if self.kind == "mean":
            return 1, 1
        if self.kind == "pad":
            return self.height + self.kernel[0] - 1, self.width + self.kernel[1] - 1
        if self.kind in ("resize_bilinear", "resize_nearest"):
            return self.kernel
        if self.kind in ("tile", "transposed"):
            height, width = self.height * self.strides[0], self.width * self.strides[1]
            if self.kind == "tile" or self.padding == "same":
                return height, width
            rows, columns = (max(k - s, 0) for k, s in zip(self.kernel, self.strides, strict=True))
            return height + rows, width + columns
        sizes = []
        for size, window, step, gap in zip(
            (self.height, self.width), self.kernel, self.strides, self.dilation, strict=True
        ):
            covered = 0 if self.padding == "same" else (window - 1) * gap
            sizes.append(-(-(size - covered) // step))
        return sizes[0], sizes[1]


def file_name(operator: Operator, inputs: int, outputs: int) -> str:
    """Name of a file that holds just this operator.

    Args:
        operator: The operator.
        inputs: How many channels it reads.
        outputs: How many channels it makes.
    """
    return f"{operator.name}-i{inputs}-o{outputs}.tflite"
