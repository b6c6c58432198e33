"""Single LiteRT operators: what latency tables are made of."""

import dataclasses

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
    "scale",
    "unary",
)

# Operators that mix channels; all others give as many as they take.
MIXING = frozenset({"conv", "dense"})

Pair = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Operator:
    """Everything about an operator but how many channels it reads and makes.

    Attributes:
        kind: One of `KINDS`.
        height: Of its input.
        width: Of its input.
        kernel: Height and width of the window.
        strides: Steps of the window.
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
        each = {"conv": inputs * outputs, "dense": inputs * outputs, "depthwise": outputs}
        return each.get(self.kind, 0) * self.kernel[0] * self.kernel[1]

    @property
    def output_size(self) -> Pair:
        """Height and width of its output."""
        if self.kind == "mean":
            return 1, 1
        if self.kind == "pad":
            return self.height + self.kernel[0] - 1, self.width + self.kernel[1] - 1
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
