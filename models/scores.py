"""The Parquet file of --scores: one row per candidate of each decision, scored."""

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from models.evaluation import Judged
from models.examples import Ints

SCHEMA: Final = pa.schema(
    [
        ("member_id", pa.string()),
        ("session_id", pa.string()),
        ("ts", pa.int64()),  # start of the session's first counted play, ms
        ("show_id", pa.string()),
        ("score", pa.float32()),
        ("play_probability", pa.float32()),
        ("recency_rank", pa.int32()),  # 1 is the show played last
        ("session_continuation_probability", pa.float32()),
        ("played", pa.bool_()),  # the session's first counted play is this show
        ("continued", pa.bool_()),  # ... is any candidate
        ("in_row", pa.bool_()),
        ("fold", pa.int32()),
    ]
)
ROWS_AT_ONCE: Final = 50_000  # decisions


def write(path: Path, judged: Judged, fold: Ints) -> int:
    """Writes all candidates of m decisions, whose folds are (m,); returns the rows written. A fold of -1 says that
    the models have learned from that decision."""
    examples, scored = judged.examples, judged.scored
    offsets, sizes = examples.offsets, examples.sizes
    played, continued, recency_rank = examples.played, examples.continued, examples.recency_rank
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for first in range(0, len(examples), ROWS_AT_ONCE):
            decisions = slice(first, min(first + ROWS_AT_ONCE, len(examples)))
            rows = slice(offsets[decisions.start], offsets[decisions.stop])
            repeat = sizes[decisions]
            columns = [
                np.repeat(examples.members[examples.member[decisions]], repeat),
                np.repeat(examples.session_id[decisions], repeat),
                np.repeat(examples.ts[decisions], repeat),
                examples.shows[examples.show[rows]],
                scored.score[rows],
                scored.play[rows],
                recency_rank[rows].astype(np.int32),
                np.repeat(scored.continuation[decisions], repeat),
                played[rows],
                np.repeat(continued[decisions], repeat),
                examples.in_row[rows],
                np.repeat(fold[decisions], repeat),
            ]
            arrays = [pa.array(column, type=field.type) for column, field in zip(columns, SCHEMA, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA))
    return len(examples.show)
