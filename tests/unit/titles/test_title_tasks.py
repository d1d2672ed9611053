"""The source tasks are learned: on a made-up catalogue, better than what needs no title."""

import jax
import numpy as np

from models.titles import simulate, training
from models.titles.inputs import Inputs, Texts
from models.titles.tasks import Audience, Categories


def test_an_encoder_trained_on_both_tasks_beats_means_on_titles_it_never_saw() -> None:
    made = simulate.make(titles=400, seed=3, countries=5)
    names = sorted({title.categories[0] for title in made.titles})
    main = np.array([names.index(title.categories[0]) for title in made.titles], np.int32)
    labels = np.array([[name in title.categories for name in names] for title in made.titles], np.float32)
    codes = sorted({row.country for row in made.audience})
    place = {title.title_id: row for row, title in enumerate(made.titles)}
    sizes = np.full((400, 5), np.nan, np.float32)
    for row in made.audience:
        sizes[place[row.title_id], codes.index(row.country)] = np.log1p(row.audience)
    train, test = np.arange(320), np.arange(320, 400)
    mean, scale = np.nanmean(sizes[train]), np.nanstd(sizes[train])
    nothing = Texts(None, np.zeros((320, 0), np.float32))
    inputs = Inputs.learn(made.titles[:320], nothing, "none")
    heads = {
        "category": Categories(labels[train].mean(0), jax.random.key(1)),
        "audience": Audience(5, jax.random.key(2)),
    }
    targets = {"labels": labels[train], "main": main[train], "audience": (sizes[train] - mean) / scale}
    ticks = []
    trained = training.fit(
        inputs, inputs.table(made.titles[:320], nothing), heads, targets, epochs=30, tick=lambda: ticks.append(1)
    )
    assert len(ticks) == training.batches(320, 30)
    unseen = Texts(None, np.zeros((80, 0), np.float32))
    vectors = training.vectors(trained.encoder, inputs.table(made.titles[320:], unseen))
    _, of_main = trained.heads["category"].predict(vectors)
    usual = np.bincount(main[train]).argmax()
    assert (np.argmax(of_main, 1) == main[test]).mean() > (main[test] == usual).mean() + 0.15
    predicted = np.asarray(trained.heads["audience"].predict(vectors)) * scale + mean
    error = np.nanmean((predicted - sizes[test]) ** 2)
    assert error < 0.85 * np.nanmean((np.nanmean(sizes[train], 0) - sizes[test]) ** 2)
