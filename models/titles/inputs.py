"""What the encoders are told of a title: one function for training and for titles that are not out yet. No JAX here."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson

from models.titles.table import TitleRecord
from models.titles.text import Words
from streams.errors import CommandError

BAGS: Final = ("terms", "tags", "people", "countries", "kind")
# A term must stand in so many titles to be learned, and a title shows at most so many of them.
_SEEN: Final = {"terms": 2, "tags": 2, "people": 2, "countries": 2, "kind": 1}
_MOST_TERMS: Final = {"terms": 30_000, "tags": 20_000, "people": 50_000, "countries": 400, "kind": 2}
_WIDEST: Final = {"terms": 128, "tags": 32, "people": 24, "countries": 8, "kind": 1}
_WORD: Final = re.compile(r"\w+")

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Texts:
    """What text models say of n summaries; None or no columns where there is no such model."""

    words: Words | None
    sentences: np.ndarray  # f32 (n, s), zeros where a summary is blank


@dataclass(frozen=True, slots=True)
class Table:
    """The inputs of n titles. `fixed` has n rows each; word vectors differ in number, and are padded in `batch`."""

    fixed: Arrays
    words: Words | None

    def __len__(self) -> int:
        return len(self.fixed["year"])

    @property
    def lengths(self) -> np.ndarray:
        """How many word vectors each title has, i64 (n,)."""
        return np.zeros(len(self), np.int64) if self.words is None else np.diff(self.words.offsets)

    def batch(self, rows: np.ndarray, multiple: int = 16) -> Arrays:
        """The arrays that an encoder takes, of titles `rows` i64 (b,).

        words f32 (b, longest, d) and lengths i32 (b,), where there are word vectors: rows from a title's length on
        are zeros, and `longest` is rounded up to a `multiple` of at least one; sentence f32 (b, s);
        terms, tags, people, countries, kind i32 (b, w): numbers from the vocabulary, the rest of the row 0;
        year f32 (b, 2): scaled year and 1, or 0 and 0 where it is unknown.
        """
        arrays = {name: values[rows] for name, values in self.fixed.items()}
        if self.words is not None:
            lengths = self.lengths[rows]
            longest = max(1, -(-int(lengths.max(initial=0)) // multiple)) * multiple
            padded = np.zeros((len(rows), longest, self.words.vectors.shape[1]), np.float32)
            for place, row in enumerate(rows):
                padded[place, : lengths[place]] = self.words.vectors[self.words.offsets[row] :][: lengths[place]]
            arrays |= {"words": padded, "lengths": lengths.astype(np.int32)}
        return arrays


@dataclass(frozen=True, slots=True)
class Inputs:
    """The vocabularies, and how a title becomes arrays.

    `vocabularies` has the terms of each bag; the number of a term is its place there, from 1. Number 0 stands for
    nothing known. `text` says which text models were read, and `year` is the mean and the scale of release years.
    """

    vocabularies: dict[str, list[str]]
    text: str
    word_dim: int  # 0 without word vectors
    sentence_dim: int  # 0 without sentence vectors
    year: tuple[float, float]

    @classmethod
    def learn(cls, titles: Sequence[TitleRecord], texts: Texts, text: str) -> "Inputs":
        """Vocabularies from the titles of a training; what stands in a single title teaches nothing of others.

        Terms of summaries are learned where no text model reads these; beside one, they make vectors no better.
        """
        read = texts.words is not None or texts.sentences.shape[1] > 0
        vocabularies: dict[str, list[str]] = {}
        for bag in BAGS:
            if bag == "terms" and read:
                vocabularies[bag] = []
                continue
            counts = Counter(term for title in titles for term in set(terms_of(title, bag)))
            common = [term for term, count in counts.most_common(_MOST_TERMS[bag]) if count >= _SEEN[bag]]
            vocabularies[bag] = sorted(common)
        years = [title.release_year for title in titles if title.release_year is not None] or [2000]
        word_dim = 0 if texts.words is None else texts.words.vectors.shape[1]
        year = (float(np.mean(years)), max(1.0, float(np.std(years))))
        return cls(vocabularies, text, word_dim, texts.sentences.shape[1], year)

    def table(self, titles: Sequence[TitleRecord], texts: Texts) -> Table:
        """The inputs of titles, whose summaries' vectors are `texts`. Terms that were not learned are left out."""
        fixed: Arrays = {"sentence": texts.sentences, "year": np.zeros((len(titles), 2), np.float32)}
        for row, title in enumerate(titles):
            if title.release_year is not None:
                fixed["year"][row] = (title.release_year - self.year[0]) / self.year[1], 1.0
        for bag in BAGS:
            number = {term: place for place, term in enumerate(self.vocabularies[bag], 1)}
            found = [
                [number[term] for term in dict.fromkeys(terms_of(title, bag)) if term in number][: _WIDEST[bag]]
                for title in titles
            ]
            fixed[bag] = np.zeros((len(titles), max(map(len, found), default=0) or 1), np.int32)
            for row, numbers in enumerate(found):
                fixed[bag][row, : len(numbers)] = numbers
        return Table(fixed, texts.words if self.word_dim else None)

    def save(self, path: Path) -> None:
        """Writes them as JSON."""
        names = ("vocabularies", "text", "word_dim", "sentence_dim", "year")
        path.write_bytes(orjson.dumps({name: getattr(self, name) for name in names}))

    @classmethod
    def load(cls, path: Path) -> "Inputs":
        """Reads them. Raises CommandError where the file is not whole."""
        try:
            stored: dict[str, Any] = orjson.loads(path.read_bytes())
            return cls(**{**stored, "year": tuple(stored["year"])})
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise CommandError(f"{path} cannot be read ({error}); train again") from None


def terms_of(title: TitleRecord, bag: str) -> Iterable[str]:
    """The terms of one bag: for `terms` the words of the summary, alone and in pairs; else the field's values."""
    if bag == "terms":
        return _words(title.summary)
    if bag == "kind":
        return (title.kind,) if title.kind else ()
    values: tuple[str, ...] = getattr(title, bag)
    return (value.casefold() for value in values)


def _words(text: str) -> Iterator[str]:
    words = _WORD.findall(text.casefold())
    yield from words
    yield from (f"{first} {second}" for first, second in pairwise(words))
