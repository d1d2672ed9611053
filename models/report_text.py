"""How the report writes numbers, and frames its figures."""

from html import escape


def figure(svg: str, caption: str, kind: str = "full") -> str:
    """An SVG text with its caption."""
    return f'<figure class="{kind}">{svg}<figcaption>{escape(caption)}</figcaption></figure>'


def count(number: int, what: str) -> str:
    """A number with the word for what is counted."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def hundred(share: float | None) -> str:
    """A share, as so many of 100."""
    return "–" if share is None else f"{100 * share:.1f}"


def points(share: float) -> str:
    """A difference of shares, in points of 100."""
    return f"{100 * share:.2f}"


def interval(bounds: tuple[float, float] | None) -> str:
    """The bounds of such a difference."""
    return "–" if bounds is None else f"{points(bounds[0])} to {points(bounds[1])}"


def percent(share: float | None) -> str:
    """A share with its percent sign."""
    return "–" if share is None else f"{100 * share:.1f} %"


def number(value: float | None) -> str:
    """A figure of which three decimals count."""
    return "–" if value is None else f"{value:.3f}"
