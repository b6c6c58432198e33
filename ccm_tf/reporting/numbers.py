"""Numbers as people read them."""


def count(value: float) -> str:
    """A count with three digits and a prefix: 1.40 M, 313 M, 2,134."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size * (10 if unit == "k" else 1):
            return f"{_three_digits(value / size)} {unit}"
    return f"{value:,.0f}"


def size(value: float) -> str:
    """Bytes with three digits: 58.9 MB, 340 kB."""
    unit, scale = ("MB", 1e6) if value >= 1e6 else ("kB", 1e3)
    return f"{_three_digits(value / scale)} {unit}"


def milliseconds(value: float) -> str:
    """A time with three digits: 12.3 ms, 0.214 ms."""
    return f"{value:.3f} ms" if value < 1 else f"{_three_digits(value)} ms"


def percent(value: float) -> str:
    """A share with two decimals, as accuracies are given: 93.64 %."""
    return f"{100 * value:.2f} %"


def change(value: float, dense: float) -> str:
    """How much less than the dense network: −84.2 %."""
    share = 100 * (value / dense - 1) if dense else 0.0
    sign = "−" if share < 0 else "+"
    return f"{sign}{abs(share):.1f} %"


def three_digits(value: float) -> str:
    """A number with at most three digits: 0.0213, 1.5, 314."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _three_digits(value: float) -> str:
    decimals = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{decimals}f}"
