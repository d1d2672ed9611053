"""Vectors from a knowledge graph, by predicting links that are held out: trains TransE and stops when it is best."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import optax

from models.titles import knowledge_graph, link_prediction
from models.titles.knowledge_graph import UNKNOWN, Answers, Graph, Ids
from models.titles.table import TitleRecord
from models.titles.translation import Batch, TransE, batch_of, loss, scores
from models.titles.triples import TITLE, Triple

_MOST_JUDGED: Final = 5_000  # validation triples that decide when to stop
_SMALL: Final = 6_000  # entities; time is no matter then
_CANDIDATES: Final = 16_384  # entities that the softmax has at most
_LEAST_STEPS: Final = 20  # an epoch, however small the graph: then it is several passes
_ADAM: Final = optax.scale_by_adam()  # heeds the direction of a gradient, not its size: a loss may be a sum


@dataclass(frozen=True)
class Settings:
    """How to train. The defaults were chosen on CoDEx-S's validation set: docs/decisions/titles.md."""

    dimensions: int = 512
    sharpness: float = 9.0  # of distances in the softmax
    rivalry: float = 0.6  # of known answers to the same query in the softmax
    dropout: float = 0.4
    dropped_together: bool = False  # the same coordinates for all queries of a step, which is several times as fast
    learning_rate: float = 6e-3  # of Adam; falls to a hundredth, by a cosine
    queries: int = 512  # a step
    epochs: int = 30
    patience: int = 10  # judgements without a better one
    candidates: int | None = None  # of the softmax, drawn anew for each step; None for all entities
    seed: int = 0


def settings_for(entities: int, seed: int = 0) -> Settings:
    """The defaults; for more than 6,000 entities what takes minutes on two cores still, and a gigabyte or so."""
    if entities <= _SMALL:
        return Settings(seed=seed)
    return Settings(
        dimensions=256, dropout=0.3, dropped_together=True, epochs=12, patience=3, candidates=_CANDIDATES, seed=seed
    )


Judged = Callable[[dict[str, float]], None]  # hears of an entry of Trained.history


@dataclass
class Trained:
    """What training gives. `model` is the best by validation MRR, found after `best_epoch` epochs."""

    model: TransE
    settings: Settings
    history: list[dict[str, float]]  # epoch, loss (mean a triple), mrr (of validation), seconds
    best_epoch: int
    seconds: float
    interrupted: bool = False

    def about(self) -> dict[str, Any]:
        """For reports."""
        return {
            "model": "TransE, points on the unit sphere, inverse relations, Euclidean distance",
            "settings": asdict(self.settings),
            "epochs": len(self.history) and int(self.history[-1]["epoch"]),
            "best_epoch": self.best_epoch,
            "training_seconds": round(self.seconds, 1),
            "interrupted": self.interrupted,
            "history": self.history,
        }


def train(
    graph: Graph, settings: Settings, judged: Judged | None = None, stepped: Callable[[int, int], None] | None = None
) -> Trained:
    """Trains on `graph.train`, stops by `graph.valid`; `graph.test` is not looked at.

    `judged` hears of each judgement; `stepped` after each step how many are done, and of how many. Ctrl-c ends training
    and keeps the best so far, once there is one; before, it goes on to the caller. Without any triple in `graph.valid`
    all epochs are trained and the last is kept.
    """
    began = time.monotonic()
    rng = np.random.default_rng(settings.seed)
    key, start = jax.random.split(jax.random.key(settings.seed))
    entities = len(graph.entities)
    model = TransE(entities, len(graph.relations), settings.dimensions, start)
    triples = graph.with_inverses(graph.train_both_ways())
    answers = Answers(triples)
    judging = _judging(graph, rng)
    known = Answers(graph.with_inverses(np.concatenate([graph.train, graph.valid])))
    steps = -(-len(answers) // settings.queries)
    passes = -(-_LEAST_STEPS // steps)
    in_all = settings.epochs * passes * steps
    schedule = optax.cosine_decay_schedule(settings.learning_rate, in_all, alpha=0.01)
    state = _ADAM.init(eqx.filter(model, eqx.is_inexact_array))
    made = 0

    best = Trained(model, settings, [], 0, 0.0)
    best_mrr, worse, kept = -1.0, 0, jax.tree.map(np.asarray, model)
    try:
        for epoch in range(1, settings.epochs + 1):
            total = 0.0
            for _ in range(passes):
                for batch in _batches(answers, entities, settings, rng):
                    key, drawn = jax.random.split(key)
                    rate = jnp.asarray(schedule(made))
                    model, state, lost = _step(batch, model, state, rate, settings, drawn)
                    made += 1
                    total += float(lost)
                    if stepped is not None:
                        stepped(made, in_all)
            mrr = _mrr(model, graph, judging, known)
            best.history.append(
                {
                    "epoch": epoch,
                    "loss": total / (len(triples) * passes),
                    "mrr": mrr,
                    "seconds": round(time.monotonic() - began, 1),
                }
            )
            if mrr > best_mrr or not len(judging):
                best_mrr, worse, kept, best.best_epoch = mrr, 0, jax.tree.map(np.asarray, model), epoch
            else:
                worse += 1
            if judged is not None:
                judged(best.history[-1])
            if worse >= settings.patience:
                break
    except KeyboardInterrupt:
        if not best.best_epoch:
            raise
        best.interrupted = True
    best.model = jax.tree.map(jnp.asarray, kept)
    best.seconds = time.monotonic() - began
    return best


def scorer(model: TransE) -> Callable[[Ids, Ids], link_prediction.Scores]:
    """For link_prediction.ranks: any number of queries, padded to a power of two, so that few shapes are compiled."""

    def score(sources: Ids, relations: Ids) -> link_prediction.Scores:
        padding = 0, (1 << (len(sources) - 1).bit_length()) - len(sources)
        found = scores(model, jnp.asarray(np.pad(sources, padding)), jnp.asarray(np.pad(relations, padding)))
        return np.array(found[: len(sources)])

    return score


def test_ranks(model: TransE, graph: Graph) -> link_prediction.Ranks:
    """Ranks of `graph.test`, all known answers left out."""
    known = Answers(graph.with_inverses(np.concatenate([graph.train, graph.valid, graph.test])))
    return link_prediction.ranks(scorer(model), graph, graph.test, known)


def train_view(
    titles: Sequence[TitleRecord],
    triples: Sequence[Triple],
    settings: Settings | None = None,
    stepped: Callable[[int, int], None] | None = None,
) -> tuple[npt.NDArray[np.float32], dict[str, Any]]:
    """Vectors float32 (titles, d) of length 1, zeros for titles that no triple has; and figures.

    5 % of the triples are held out to stop by, and 5 % to judge by. `settings` are `settings_for` the graph where None.
    Ctrl-c goes on to the caller.
    """
    graph = knowledge_graph.build(*knowledge_graph.split(triples, settings.seed if settings else 0))
    settings = settings or settings_for(len(graph.entities))
    trained = train(graph, settings, stepped=stepped)
    if trained.interrupted:
        raise KeyboardInterrupt
    found = link_prediction.figures(test_ranks(trained.model, graph))
    return vectors_of(titles, graph, trained.model), found | trained.about()


def vectors_of(titles: Sequence[TitleRecord], graph: Graph, model: TransE) -> npt.NDArray[np.float32]:
    """float32 (titles, d): the points of `title:title_id`, zeros where the graph has none."""
    points = np.array(model.entities(), np.float32)
    rows = {name: row for row, name in enumerate(graph.entities)}
    result = np.zeros((len(titles), points.shape[1]), np.float32)
    for i, title in enumerate(titles):
        if (row := rows.get(TITLE + title.title_id)) is not None:
            result[i] = points[row]
    return result


@eqx.filter_jit(donate="all-except-first")
def _step(
    batch: Batch, model: TransE, state: Any, rate: jax.Array, settings: Settings, key: jax.Array
) -> tuple[TransE, Any, jax.Array]:
    lost, gradient = eqx.filter_value_and_grad(loss)(
        model, batch, settings.sharpness, settings.rivalry, settings.dropout, key, settings.dropped_together
    )
    updates, state = _ADAM.update(gradient, state)
    return eqx.apply_updates(model, jax.tree.map(lambda update: -rate * update, updates)), state, lost


def _batches(answers: Answers, entities: int, settings: Settings, rng: np.random.Generator) -> Iterator[Batch]:
    """One pass over the queries in a new order; the last batch is filled up from the first."""
    sources, relations = answers.queries()
    order = rng.permutation(len(answers))
    order = np.resize(order, -(-len(order) // settings.queries) * settings.queries)
    for at in range(0, len(order), settings.queries):
        chosen = order[at : at + settings.queries]
        asked = sources[chosen], relations[chosen]
        candidates = None
        if settings.candidates is not None and settings.candidates < entities:
            candidates = rng.choice(entities, settings.candidates, replace=False).astype(np.int32)
        yield batch_of(*asked, answers.of(*asked), entities, candidates)


def _judging(graph: Graph, rng: np.random.Generator) -> Ids:
    """The validation triples that can be predicted, or _MOST_JUDGED of them."""
    usable: Ids = graph.valid[(graph.valid != UNKNOWN).all(axis=1)]
    if len(usable) > _MOST_JUDGED:
        usable = usable[rng.choice(len(usable), _MOST_JUDGED, replace=False)]
    return usable


def _mrr(model: TransE, graph: Graph, judging: Ids, known: Answers) -> float:
    if not len(judging):
        return float("nan")
    return float((1.0 / link_prediction.ranks(scorer(model), graph, judging, known)).mean())
