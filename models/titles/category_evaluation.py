"""Predicts the categories of titles from what else is known of them, in five folds, beside a baseline."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import jax
import numpy as np

from models.titles import scoring, targets, tfidf, training
from models.titles.inputs import Inputs, Texts
from models.titles.scoring import FOLDS, Judged
from models.titles.table import TitleRecord
from models.titles.targets import CategoryTargets
from models.titles.tasks import Categories
from streams.errors import CommandError

DESCRIPTION: Final = "description"
# What is known beside the description: one field more at a time.
INPUT_SETS: Final[dict[str, tuple[str, ...]]] = {
    DESCRIPTION: (),
    "description_tags": ("tags",),
    "description_tags_people": ("tags", "people"),
    "description_tags_people_country": ("tags", "people", "countries"),
    "everything": ("tags", "people", "countries", "kind", "release_year"),
}
SEEDS: Final = 2  # encoders without a GRU whose predictions are averaged
LEAST: Final = 50  # titles of a category that is judged; in a small catalogue 1 in 100

Stage = Callable[[str, int, int], None]


class Evaluation:
    """The figures of every input set.

    A prediction from title vectors is the mean of several encoders that read sentence vectors and the fields. Word
    vectors through the GRU cost ten times as much, so only the description is measured with them, where asked.
    """

    def __init__(self, titles: Sequence[TitleRecord], texts: Texts, text: str, stage: Stage) -> None:
        """Leaves out titles whose categories nobody listed. Raises CommandError where too few are left.

        Parameters
        ----------
        texts: what text models say of the descriptions
        text: the names of these models
        stage: told what is being done, how much of it is done, and of how much
        """
        known = [title for title in titles if title.categories]
        least = min(LEAST, max(5, len(known) // 100))
        self.wanted: CategoryTargets = targets.categories(known, least)
        if len(self.wanted.names) < 2 or len(known) < 10 * FOLDS:
            raise CommandError(
                f"too little to judge: {len(known):,} titles list a category, and of categories that at least {least} "
                f"titles list there are {len(self.wanted.names)}; it takes {10 * FOLDS} titles and 2 such categories"
            )
        rows = np.array([row for row, title in enumerate(titles) if title.categories])
        self.titles, self.text, self.least = known, text, least
        self.words = None if texts.words is None else texts.words.rows(rows)
        self.sentences = texts.sentences[rows]
        self.fold = scoring.folds(known, seed=0)
        self._stage = stage

    def run(self, gru: bool = False, graph: np.ndarray | None = None) -> dict[str, Any]:
        """The report.

        Parameters
        ----------
        gru: whether to measure what an encoder with the GRU adds to the description
        graph: f32 (titles that list a category, d), vectors of a graph without categories, to measure what these add
            to everything else: supervised and self-supervised vectors together
        """
        sets: dict[str, Any] = {}
        baselines: dict[str, Any] = {}
        judged: dict[str, Judged] = {}
        for name, fields in self.sets():
            plain, main = self.predict(name, fields, SEEDS)
            terms = self.baseline(name, fields, self.wanted.labels)
            sets[name], judged[name] = self._judge(plain, main, terms)
            of_terms = scoring.judge(terms, self.wanted.labels, self.fold)
            of_main = self.baseline(f"{name} to the main category", fields, _one_hot(self.wanted))
            baselines[name] = self._figures(of_terms, of_main)
            sets[name]["gain_over_baseline"] = self._gain(judged[name], of_terms)
            if name != DESCRIPTION:
                sets[name]["gain_over_description"] = self._gain(judged[name], judged[DESCRIPTION])
            elif gru and self.words is not None:
                more, more_main = self.predict(f"{name} with GRU", fields, seeds=1, gru=True)
                plain, main = (SEEDS * plain + more) / (SEEDS + 1), (SEEDS * main + more_main) / (SEEDS + 1)
                sets["description_gru"], with_gru = self._judge(plain, main, terms)
                sets["description_gru"]["gain_over_description"] = self._gain(with_gru, judged[name])
        if graph is not None:
            plain, main = self.predict(f"{name} and the graph", fields, SEEDS, extra=graph)
            sets[f"{name}_graph"], with_graph = self._judge(plain, main, terms)
            sets[f"{name}_graph"][f"gain_over_{name}"] = self._gain(with_graph, judged[name])
        return {
            "titles": len(self.titles),
            "categories": self.wanted.names,
            "least_titles_of_a_category": self.least,
            "folds": FOLDS,
            "text": self.text,
            "input_sets": sets,
            "baseline_tfidf_logistic_regression": baselines,
        }

    def sets(self) -> list[tuple[str, tuple[str, ...]]]:
        """The input sets that differ: one that adds a field of which no title has anything is left out."""
        found: list[tuple[str, tuple[str, ...]]] = []
        for name, fields in INPUT_SETS.items():
            filled = tuple(field for field in fields if any(getattr(title, field) for title in self.titles))
            if not found or filled != found[-1][1]:
                found.append((name, filled))
        return found

    def predict(
        self, name: str, fields: Sequence[str], seeds: int, gru: bool = False, extra: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities f32 (n, c), of being listed and of being the main category, by encoders of the other folds.

        Parameters
        ----------
        extra: f32 (n, d), further vectors of titles, learned without their categories
        """
        titles = [_with(title, fields) for title in self.titles]
        sentences = self.sentences if extra is None else np.hstack([self.sentences, extra])
        texts = Texts(self.words if gru else None, sentences)
        targeted = {"labels": self.wanted.labels, "main": self.wanted.main}
        listed, main = np.zeros_like(self.wanted.labels), np.zeros_like(self.wanted.labels)
        done = 0
        for number in range(FOLDS):
            train, test = np.flatnonzero(self.fold != number), np.flatnonzero(self.fold == number)
            inputs = Inputs.learn([titles[row] for row in train], texts, self.text)
            table = inputs.table(titles, texts)
            total = FOLDS * seeds * training.batches(len(train))
            for seed in range(seeds):

                def tick(total: int = total) -> None:
                    nonlocal done
                    done += 1
                    self._stage(f"Predicting from {name}", min(done, total), total)

                heads = {"category": Categories(self.wanted.labels[train].mean(0), jax.random.key(100 + seed))}
                trained = training.fit(inputs, table, heads, targeted, train, seed, tick=tick)
                vectors = training.vectors(trained.encoder, table, test)
                of_listed, of_main = trained.heads["category"].predict(vectors)
                listed[test] += np.asarray(of_listed) / seeds
                main[test] += np.asarray(of_main) / seeds
        return listed, main

    def baseline(self, name: str, fields: Sequence[str], labels: np.ndarray) -> np.ndarray:
        """Probabilities f32 (n, c) by TF-IDF and logistic regression in the same folds."""
        scores = np.zeros_like(labels)
        done, total = 0, FOLDS * labels.shape[1]

        def tick() -> None:
            nonlocal done
            done += 1
            self._stage(f"Baseline from {name}", done, total)

        for number in range(FOLDS):
            train, test = np.flatnonzero(self.fold != number), np.flatnonzero(self.fold == number)
            taught = [self.titles[row] for row in train]
            scores[test] = tfidf.predict(taught, labels[train], [self.titles[row] for row in test], fields, tick)
        return scores

    def _judge(self, listed: np.ndarray, main: np.ndarray, terms: np.ndarray) -> tuple[dict[str, Any], Judged]:
        """Title vectors' predictions, mixed with those of the words themselves; and alone."""
        labels = self.wanted.labels
        mixed = scoring.judge(scoring.blend(listed, terms, labels, self.fold), labels, self.fold)
        alone = scoring.judge(listed, labels, self.fold)
        return self._figures(mixed, main) | {"title_vector_alone": self._figures(alone, main)}, mixed

    def _figures(self, judged: Judged, main: np.ndarray) -> dict[str, Any]:
        known = self.wanted.main >= 0
        right = main.argmax(1)[known] == self.wanted.main[known]
        return scoring.figures(judged, self.wanted.labels, self.fold) | {"main_category_accuracy": float(right.mean())}

    def _gain(self, more: Judged, less: Judged) -> dict[str, Any]:
        return scoring.gain(more, less, self.wanted.labels)


def _with(title: TitleRecord, fields: Sequence[str]) -> TitleRecord:
    """The title with its description and `fields` alone."""
    shown: dict[str, Any] = {field: getattr(title, field) for field in fields}
    return TitleRecord(title.title_id, title.title, summary=title.summary, **shown)


def _one_hot(wanted: CategoryTargets) -> np.ndarray:
    labels = np.zeros_like(wanted.labels)
    known = np.flatnonzero(wanted.main >= 0)
    labels[known, wanted.main[known]] = 1
    return labels
