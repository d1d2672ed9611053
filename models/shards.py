"""Examples and viewings as Parquet files in a folder: what `cw examples` writes and `cw train --examples` reads.

examples/*.parquet   one row a decision, its candidates in lists, matrices row by row (DECISIONS)
plays/*.parquet      one row a viewing (PLAYS)
titles.jsonl         the catalogue that the log was folded with, titles.npz its vectors, where there are any
about.json           what the log held; written last, so that a folder without it is not complete
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from models.examples import Examples, Plays, Stored
from streams.errors import CommandError, UsageError
from streams.facts import FACT_COLUMNS
from streams.features.batch import CARD_FIELDS, DECISION_FIELDS
from streams.show import STAT_COLUMNS, TIME_COLUMNS

FORMAT: Final = 1
ABOUT: Final = "about.json"
TITLES: Final = "titles.jsonl"
VECTORS: Final = "titles.npz"
DECISIONS_AT_ONCE: Final = 20_000
WIDTHS: Final = {
    "facts": FACT_COLUMNS,
    "context": len(DECISION_FIELDS),
    "times": TIME_COLUMNS,
    "stats": STAT_COLUMNS,
    "cards": len(CARD_FIELDS),
}

DECISIONS: Final = pa.schema(
    [
        ("member_id", pa.string()),
        ("session_id", pa.string()),
        ("ts", pa.int64()),  # start of the session's first counted play, ms
        ("history", pa.int32()),
        ("first_show", pa.string()),
        ("shows", pa.list_(pa.string())),  # candidates, the show last watched first
        ("titles", pa.list_(pa.string())),  # the title of each one's place, null where it has none
        ("in_row", pa.list_(pa.bool_())),
        ("facts", pa.list_(pa.float64())),
        ("context", pa.list_(pa.float64())),
        ("times", pa.list_(pa.int64())),  # candidates × TIME_COLUMNS
        ("stats", pa.list_(pa.float32())),  # candidates × STAT_COLUMNS
        ("cards", pa.list_(pa.float64())),  # candidates × CARD_FIELDS
    ]
)
PLAYS: Final = pa.schema(
    [
        ("member_id", pa.string()),
        ("show_id", pa.string()),
        ("title_id", pa.string()),
        ("session", pa.int32()),
        ("season", pa.int32()),
        ("episode", pa.int32()),
        ("ts", pa.int64()),
        ("watched_s", pa.float32()),
        ("stop_s", pa.float32()),
        ("duration_s", pa.float32()),
        ("completed", pa.bool_()),
    ]
)
_PLAY_NUMBERS: Final = PLAYS.names[3:]

Progress = Callable[[str, int, int], None]


def decisions_table(examples: Examples) -> pa.Table:
    """Decisions as rows of DECISIONS."""
    sizes, m = examples.sizes, len(examples)
    ones = np.ones(m, np.int64)
    titles = np.array([*examples.titles.tolist(), None], dtype=object)[examples.title]  # -1 is the last
    columns = {
        "member_id": pa.array(examples.members[examples.member], pa.string()),
        "session_id": pa.array(examples.session_id, pa.string()),
        "ts": pa.array(examples.ts),
        "history": pa.array(examples.history),
        "first_show": pa.array(examples.shows[examples.first_show], pa.string()),
        "shows": _lists(pa.array(examples.shows[examples.show], pa.string()), sizes),
        "titles": _lists(pa.array(titles, pa.string()), sizes),
        "in_row": _lists(pa.array(np.asarray(examples.in_row)), sizes),
    }
    for name, width in WIDTHS.items():
        rows = sizes if name in ("times", "stats", "cards") else ones
        columns[name] = _lists(pa.array(np.asarray(getattr(examples, name)).reshape(-1)), rows * width)
    return pa.table(columns, schema=DECISIONS)


def plays_table(plays: Plays) -> pa.Table:
    """Viewings as rows of PLAYS."""
    named = [
        pa.array(texts[codes], pa.string())
        for texts, codes in ((plays.members, plays.member), (plays.shows, plays.show), (plays.titles, plays.title))
    ]
    numbers = [pa.array(np.asarray(getattr(plays, name))) for name in _PLAY_NUMBERS]
    return pa.Table.from_arrays([*named, *numbers], schema=PLAYS)


def examples_of(table: pa.Table) -> Examples:
    """The inverse of `decisions_table`."""
    flat = {name: table[name].combine_chunks().flatten() for name in ("shows", "titles", "in_row", *WIDTHS)}
    shows, (first_show, show) = _numbered(table["first_show"], flat["shows"])
    titles, (title,) = _numbered(flat["titles"])
    members, (member,) = _numbered(table["member_id"])
    wide = {name: flat[name].to_numpy(zero_copy_only=False).reshape(-1, width) for name, width in WIDTHS.items()}
    return Examples(
        members=members,
        shows=shows,
        titles=titles,
        member=member,
        session_id=_texts(table["session_id"]),
        ts=table["ts"].to_numpy(),
        history=table["history"].to_numpy(),
        first_show=first_show,
        show=show,
        title=title,
        in_row=flat["in_row"].to_numpy(zero_copy_only=False),
        **wide,
    )


def plays_of(table: pa.Table) -> Plays:
    """The inverse of `plays_table`."""
    (members, (member,)), (shows, (show,)), (titles, (title,)) = (_numbered(table[name]) for name in PLAYS.names[:3])
    numbers = {name: table[name].to_numpy() for name in _PLAY_NUMBERS}
    return Plays(members, shows, titles, member, show, title, **numbers)


def begin(folder: Path) -> None:
    """Makes the folder ready for files.

    Raises UsageError where it holds something else, CommandError where it can't be written.
    """
    own = {"examples", "plays", TITLES, VECTORS, ABOUT}
    if folder.exists() and not (folder.is_dir() and {path.name for path in folder.iterdir()} <= own):
        raise UsageError(f"{folder} is not empty, and no folder of examples; name another with -o")
    try:
        (folder / ABOUT).unlink(missing_ok=True)
        for part in ("examples", "plays"):
            shutil.rmtree(folder / part, ignore_errors=True)
            (folder / part).mkdir(parents=True)
        for name in (TITLES, VECTORS):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise CommandError(f"{folder} can't be written: {error.strerror}; name another folder with -o") from None


def write(folder: Path, number: int, examples: Examples, plays: Plays) -> None:
    """Writes a part."""
    pq.write_table(decisions_table(examples), folder / "examples" / f"part-{number:05}.parquet", compression="zstd")
    pq.write_table(plays_table(plays), folder / "plays" / f"part-{number:05}.parquet", compression="zstd")


def finish(folder: Path, candidate_days: int, log: dict[str, Any]) -> None:
    """Says that the folder is complete. `log` is what the log held."""
    about = {"format": FORMAT, "candidate_days": candidate_days, "widths": WIDTHS, "log": log}
    (folder / ABOUT).write_bytes(orjson.dumps(about, option=orjson.OPT_INDENT_2))


def about(folder: Path) -> dict[str, Any]:
    """What about.json says. Raises UsageError where the folder is none of this version's."""
    try:
        said: dict[str, Any] = orjson.loads((folder / ABOUT).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        raise UsageError(f"{folder} holds no examples; name a folder that 'cw examples' wrote") from None
    if said.get("format") != FORMAT or said.get("widths") != WIDTHS:
        raise UsageError(f"{folder} was written by another release; run 'cw examples' again")
    return said


def read(folder: Path, progress: Progress = lambda what, done, total: None) -> tuple[Examples, Plays]:
    """All decisions and viewings. Little of them is in memory at once, however many there are (models/matrix.py).

    Raises CommandError where a file can't be read.
    """
    with tempfile.TemporaryDirectory(prefix="cw-examples-") as name:
        scratch = Path(name)
        files = {part: sorted((folder / part).glob("*.parquet")) for part in ("examples", "plays")}
        total = sum(len(found) for found in files.values())
        stored: dict[str, list[Any]] = {"examples": [], "plays": []}
        done = 0
        for part, of in (("examples", examples_of), ("plays", plays_of)):
            for path in files[part]:
                for table in _batches(path):
                    stored[part].append(Stored(of(table), scratch / f"{part}-{len(stored[part])}"))
                done += 1
                progress("Reading examples", done, total)
        if not stored["examples"] or not stored["plays"]:
            raise CommandError(f"{folder} holds not one decision; run 'cw examples' on a longer log")
        return Examples.concat(stored["examples"]), Plays.concat(stored["plays"])


def _batches(path: Path) -> Iterator[pa.Table]:
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(DECISIONS_AT_ONCE):
                if len(batch):
                    yield pa.Table.from_batches([batch])
    except (OSError, pa.ArrowException) as error:
        raise CommandError(f"{path} can't be read: {error}; run 'cw examples' again") from None


def _lists(values: pa.Array, sizes: Any) -> pa.Array:
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def _numbered(*columns: Any) -> tuple[Any, list[Any]]:
    """The texts of columns as one sorted vocabulary, and each column as numbers into it, int32; null is -1."""
    whole = [pa.array(column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column) for column in columns]
    texts = np.unique(np.concatenate([_texts(column.drop_null().unique()) for column in whole]))
    numbers = []
    for column in whole:
        encoded = column.dictionary_encode()
        place = np.append(np.searchsorted(texts, _texts(encoded.dictionary)), -1)
        codes = encoded.indices.fill_null(len(place) - 1).to_numpy(zero_copy_only=False)
        numbers.append(place[codes].astype(np.int32))
    return texts, numbers


def _texts(column: Any) -> Any:
    return np.array(column.to_pylist(), dtype=np.str_)
