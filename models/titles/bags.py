"""What a table says of titles, as sparse vectors: the fields, the people, the words of the name and of the summary."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from models.titles.table import TitleRecord

BAGS: Final = ("fields", "people", "name", "summary")


def fields(title: TitleRecord) -> Iterator[str]:
    """Its categories, tags, countries of origin, kind and decade, each with the name of its field."""
    for name in ("categories", "tags", "countries"):
        yield from (f"{name} {value.casefold()}" for value in getattr(title, name))
    if title.kind:
        yield f"kind {title.kind}"
    if title.release_year is not None:
        yield f"decade {title.release_year // 10}"


def people(title: TitleRecord) -> Iterator[str]:
    """Its people by name."""
    yield from (name.casefold() for name in title.people)


@dataclass(frozen=True)
class Bags:
    """Sparse vectors of titles by bag, of length one, what is rare weighing more (TF-IDF); learned from titles."""

    vectorizers: dict[str, Any]

    @classmethod
    def learn(cls, titles: Sequence[TitleRecord]) -> "Bags":
        """What is how rare among `titles`. A bag that none of them has anything for is left out."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        made = {
            "fields": TfidfVectorizer(analyzer=_listed_fields, dtype=np.float32),
            "people": TfidfVectorizer(analyzer=_listed_people, dtype=np.float32),
            "name": TfidfVectorizer(
                preprocessor=_name, ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+", dtype=np.float32
            ),
            "summary": TfidfVectorizer(
                preprocessor=_summary, sublinear_tf=True, min_df=2, stop_words="english", dtype=np.float32
            ),
        }
        learned = {}
        for name, vectorizer in made.items():
            try:
                learned[name] = vectorizer.fit(titles)
            except ValueError:  # no title has anything here
                continue
        return cls(learned)

    def vectors(self, titles: Sequence[TitleRecord]) -> dict[str, Any]:
        """Sparse float32 (len(titles), words of the bag) by bag; a title without words has zeros."""
        return {name: vectorizer.transform(titles).tocsr() for name, vectorizer in self.vectorizers.items()}


def _listed_fields(title: TitleRecord) -> list[str]:
    return list(fields(title))


def _listed_people(title: TitleRecord) -> list[str]:
    return list(people(title))


def _name(title: TitleRecord) -> str:
    return title.title.casefold()


def _summary(title: TitleRecord) -> str:
    return title.summary.casefold()
