"""Faust at log speed: agents fed a batch at a time, tables written in batches, one fenced writer for each partition.

See `transport` for how batches arrive, `turns` for when they are handled, `table` for how state is kept, `output` for
how records leave.
"""

from streams.batching.app import App
from streams.batching.batch import Batch, Revoked, Unreadable
from streams.batching.chunks import Chunk, Record
from streams.batching.output import Output, OutputRecord
from streams.batching.table import Table

__all__ = ["App", "Batch", "Chunk", "Output", "OutputRecord", "Record", "Revoked", "Table", "Unreadable"]
