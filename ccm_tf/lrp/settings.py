"""What layer-wise relevance propagation can be told."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Settings:
    """The alpha-beta rule.

    Attributes:
        alpha: Weight of what speaks for an output.
        beta: Weight of what speaks against it, `alpha - 1`.
        reference: Follow the published code where it departs from the paper.
        epsilon: Added to denominators.
        fold_bn: Take batch normalisation as part of the kernel before it.

    Raises:
        ValueError: If `alpha - beta` is not 1, or one of them is negative; or if `fold_bn` is asked
            for with `reference`.
    """

    alpha: float = 2.0
    beta: float = 1.0
    reference: bool = False
    epsilon: float = 1e-9
    fold_bn: bool = False

    def __post_init__(self):
        if self.beta < 0 or abs(self.alpha - self.beta - 1) > 1e-9:
            raise ValueError(
                "`alpha - beta` must be 1, and `beta` >= 0, or relevance is not conserved. "
                f"Received: alpha={self.alpha!r}, beta={self.beta!r}."
            )
        if self.fold_bn and self.reference:
            raise ValueError(
                "The published code does not fold batch normalisation. Received: fold_bn=True, "
                "reference=True."
            )
