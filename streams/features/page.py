"""Writes docs/features.md from the declared features: `python -m streams.features.page > docs/features.md`."""

from collections.abc import Iterable

from streams.features import CANDIDATE_FEATURES, CONTEXT_FEATURES, SCHEMA_HASH, Feature

_HEAD = f"""\
# Features

What a decision is made from: {len(CANDIDATE_FEATURES)} numbers of each candidate, {len(CONTEXT_FEATURES)} of the
decision itself, all float32, each with one definition in `streams/features` that the worker and training share. A
bundle holds the names and their hash; a worker refuses one that was trained on others. The hash of these is
`{SCHEMA_HASH[:16]}…`. This page is made from the code by `make docs`.

Where a value comes from: the member's state (events up to the decision), the catalogue, the member's profile, and
statistics over the members of the training households and title vectors, both from the bundle. What is not known has a
value of its own, said beside the feature; it is never missing. Catalogue and profile are read as of the decision: a
title counts from its `added_at` on, whenever its record came. What the log can't tell, such as a title record
that came too late for a row, is in the impression: `cw.impressions` has the features that were used."""
_TABLE = ("| group | feature | meaning |", "| --- | --- | --- |")


def render() -> str:
    """The page in Markdown."""
    parts = [_HEAD]
    for title, features in (("Of each candidate", CANDIDATE_FEATURES), ("Of the decision", CONTEXT_FEATURES)):
        parts += [f"\n## {title}\n", *_TABLE, *_rows(features)]
    return "\n".join(parts) + "\n"


def _rows(features: Iterable[Feature]) -> list[str]:
    of = sorted(features, key=lambda feature: feature.group)  # stable: within a group as declared
    return [f"| {feature.group} | `{feature.name}` | {feature.meaning.replace('|', chr(92) + '|')} |" for feature in of]


if __name__ == "__main__":
    print(render(), end="")
