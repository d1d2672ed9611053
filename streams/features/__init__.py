"""The features of a decision: one definition each, used by the worker and by training alike.

gatherer = Gatherer(candidate_days, catalog)
candidates = gatherer.add(state, device, now_ms)      # once for each decision, copies what it needs
batch = gatherer.batch(population)
X = candidate_matrix(batch)                           # float32 (n candidates, len(NAMES))
C = context_matrix(batch)                             # float32 (n decisions, len(CONTEXT_NAMES))
"""

from streams.features import cadence, context, counts, habits, place, recency, title
from streams.features.batch import Batch
from streams.features.gather import Candidate, Gatherer
from streams.features.registry import CANDIDATE, CONTEXT, Feature, Float32, fill, schema_hash

__all__ = [
    "CANDIDATE_FEATURES",
    "CONTEXT_FEATURES",
    "CONTEXT_NAMES",
    "NAMES",
    "SCHEMA_HASH",
    "Batch",
    "Candidate",
    "Feature",
    "Gatherer",
    "candidate_matrix",
    "context_matrix",
]

# Importing these modules registers their features; the order is that of the imports, and the schema hash holds it.
_MODULES = (recency, counts, cadence, place, habits, title, context)
CANDIDATE_FEATURES = tuple(CANDIDATE)
CONTEXT_FEATURES = tuple(CONTEXT)
NAMES = tuple(feature.name for feature in CANDIDATE_FEATURES)
CONTEXT_NAMES = tuple(feature.name for feature in CONTEXT_FEATURES)
SCHEMA_HASH = schema_hash((*CANDIDATE_FEATURES, *CONTEXT_FEATURES))


def candidate_matrix(batch: Batch) -> Float32:
    """float32 (n candidates, len(NAMES)), C-contiguous."""
    return fill(CANDIDATE_FEATURES, batch, batch.size)


def context_matrix(batch: Batch) -> Float32:
    """float32 (n decisions, len(CONTEXT_NAMES)), C-contiguous."""
    return fill(CONTEXT_FEATURES, batch, batch.decisions)
