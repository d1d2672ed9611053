"""The baseline of category prediction: TF-IDF of the description, fields as they are, one logistic regression each."""

from collections.abc import Callable, Sequence

import numpy as np

from models.titles.inputs import terms_of
from models.titles.table import TitleRecord


def predict(
    train: Sequence[TitleRecord],
    labels: np.ndarray,
    test: Sequence[TitleRecord],
    bags: Sequence[str],
    tick: Callable[[], None],
) -> np.ndarray:
    """Probabilities f32 (len(test), c), learned from `labels` f32 (len(train), c).

    The description gives words and pairs of words; `bags` names the fields that add a column for each of their terms.
    `tick` is called after each category.
    """
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    parts_train, parts_test = [], []
    for bag in ("terms", *bags):
        vectorizer = TfidfVectorizer(
            analyzer=_Terms(bag), sublinear_tf=True, min_df=2 if len(train) > 50 else 1, dtype=np.float32
        )
        try:
            parts_train.append(vectorizer.fit_transform(train))
        except ValueError:  # no title has anything here
            continue
        parts_test.append(vectorizer.transform(test))
    scores = np.zeros((len(test), labels.shape[1]), np.float32)
    if parts_train:
        x_train, x_test = hstack(parts_train).tocsr(), hstack(parts_test).tocsr()
    for column in range(labels.shape[1]):
        known = labels[:, column]
        if parts_train and 0 < known.sum() < len(known):
            model = LogisticRegression(C=10.0, solver="liblinear", dual=True, tol=1e-3).fit(x_train, known)
            scores[:, column] = model.predict_proba(x_test)[:, 1]
        else:
            scores[:, column] = known.mean()
        tick()
    return scores


class _Terms:
    """What a title has in a bag, as a vectorizer asks for it."""

    def __init__(self, bag: str) -> None:
        self._bag = bag

    def __call__(self, title: TitleRecord) -> list[str]:
        if self._bag == "release_year":
            return [] if title.release_year is None else [f"{title.release_year // 10}0s"]
        return list(terms_of(title, self._bag))
