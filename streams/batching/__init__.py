"""Faust at log speed: agents fed a batch at a time, tables written in batches, one fenced writer for each partition.

See `transport` for how batches arrive, `table` for how state is kept, `output` for how records leave.
"""

from streams.batching.app import App
from streams.batching.output import Output, OutputRecord
from streams.batching.table import Batch, Revoked, Table, Unreadable
from streams.batching.transport import Chunk, Record

__all__ = ["App", "Batch", "Chunk", "Output", "OutputRecord", "Record", "Revoked", "Table", "Unreadable"]
