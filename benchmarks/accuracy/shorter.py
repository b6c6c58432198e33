"""The same matrix with fewer epochs and images: to see that all of it runs before it runs long."""

from typing import Any

# Where recipes and steps count epochs; at these a thing may begin before the first one.
_EPOCHS = ("epochs", "round_epochs", "until")
_BEGIN = "begin"


def shorter(matrix: dict[str, Any], epochs: float = 1.0, images: int | None = None):
    """A matrix whose cells do the same steps in less time. Its results are results of their own.

    Args:
        matrix: As read from a file.
        epochs: Share of the declared epochs, in (0, 1]; at least one of each remains. Steps that
            are counted in optimizer steps keep them. Defaults to 1.
        images: At most so many images for training and for testing each. Defaults to `None`: all.

    Returns:
        Another matrix.

    Raises:
        ValueError: If a number is out of range.
    """
    if not 0 < epochs <= 1 or (images is not None and images < 1):
        raise ValueError(
            "The share of epochs must be in (0, 1], images at least 1. Received: "
            f"epochs={epochs}, images={images}"
        )
    found = dict(matrix)
    for kind in ("recipes", "steps"):
        entries = matrix.get(kind, {}).items()
        found[kind] = {name: _fewer_epochs(entry, epochs) for name, entry in entries}
    if images is not None:
        entries = matrix.get("datasets", {}).items()
        found["datasets"] = {name: {**entry, "images": images} for name, entry in entries}
    return found


def _fewer_epochs(entry: dict[str, Any], share: float) -> dict[str, Any]:
    if share == 1:
        return entry
    fewer = {key: max(1, round(share * entry[key])) for key in _EPOCHS if key in entry}
    if _BEGIN in entry:
        fewer[_BEGIN] = min(round(share * entry[_BEGIN]), fewer["until"] - 1)
    return {**entry, **fewer}
