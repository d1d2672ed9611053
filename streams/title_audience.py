"""Audience estimates and countries beside the map: what `cw titles map` writes where there are audiences.

audience.npz   codes (c,); estimate float32 (n, c, 3): low, middle and high of how many watch a title in a country;
               actual float32 (n, c), NaN where not known; usual float32 (c,); past int32 (n, k): rows of the titles
               that the estimate rests on, -1 for none; share float32 (n, k): of all weight
countries.npz  codes (c,) and vectors float32 (c, d): countries that watch alike lie close together
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streams.nearest import Nearest

NAME: Final = "audience.npz"
LIKE: Final = 8  # countries named as alike to one


@dataclass(frozen=True, slots=True)
class TitleAudience:
    """Estimates of n titles in c countries."""

    codes: Sequence[str]
    estimate: npt.NDArray[np.float32]
    actual: npt.NDArray[np.float32]
    usual: npt.NDArray[np.float32]
    past: npt.NDArray[np.int32]
    share: npt.NDArray[np.float32]

    def of(self, row: int, ids: Sequence[str]) -> dict[str, Any]:
        """The estimates of one title, and the past titles that carry it with what they had in each country."""
        countries = [
            {
                "country": code,
                "low": _size(low),
                "middle": _size(middle),
                "high": _size(high),
                "usual": _size(usual),
                "actual": _size(actual),
            }
            for code, (low, middle, high), usual, actual in zip(
                self.codes, self.estimate[row], self.usual, self.actual[row], strict=True
            )
        ]
        past = [
            {
                "title_id": ids[other],
                "share": round(float(share), 4),
                "audience": {code: _size(size) for code, size in zip(self.codes, self.actual[other], strict=True)},
            }
            for other, share in zip(self.past[row].tolist(), self.share[row], strict=True)
            if other >= 0
        ]
        return {"countries": countries, "past": past}


def load(folder: Path, titles: int) -> TitleAudience | None:
    """Reads audience.npz; None where there is none. Raises ValueError where it does not fit so many titles."""
    try:
        with np.load(folder / NAME) as stored:
            found = TitleAudience(
                stored["codes"].tolist(), *(stored[name] for name in ("estimate", "actual", "usual", "past", "share"))
            )
    except FileNotFoundError:
        return None
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{folder / NAME} can't be read ({error}); run 'cw titles map {folder}'") from None
    if found.estimate.shape != (titles, len(found.codes), 3) or len(found.past) != titles:
        raise ValueError(f"{folder / NAME} is of other titles; run 'cw titles map {folder}'")
    return found


def countries(folder: Path) -> dict[str, list[list[Any]]]:
    """For each country those that watch alike, nearest first: `{code: [[code, cosine distance], ...]}`."""
    try:
        with np.load(folder / "countries.npz") as stored:
            codes, vectors = stored["codes"].tolist(), stored["vectors"]
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile):
        return {}
    found = Nearest(vectors, "cosine").search(vectors, LIKE + 1)
    return {
        code: [
            [codes[other], round(float(distance), 4)]
            for other, distance in zip(others, distances, strict=True)
            if other not in (number, -1)
        ][:LIKE]
        for number, (code, others, distances) in enumerate(
            zip(codes, found.rows.tolist(), found.distances, strict=True)
        )
    }


def _size(value: Any) -> float | None:
    """A whole number of people where there are many, three digits where there are few; None for NaN."""
    if np.isnan(value):
        return None
    return float(f"{value:.3g}") if value < 100 else float(round(float(value)))
