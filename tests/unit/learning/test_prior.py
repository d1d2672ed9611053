"""Training on little, from a population's bundle: what is kept of it, and what is added."""

from dataclasses import replace

import numpy as np
import orjson
import pytest

from export import bundle as writer
from models import crossval, pipeline, population, training
from models.examples import Examples, Plays
from models.placement import Costs, choose
from models.prior import Prior, read
from streams.cli import main
from streams.population import SHOW_COLUMNS, TITLE_COLUMNS, build
from streams.scoring.scorer import load


@pytest.fixture(scope="module")
def split(replayed) -> tuple[tuple[Examples, Plays], tuple[Examples, Plays]]:
    """The population's part of the log and the one household's with the most sessions."""
    examples, plays = replayed.examples, replayed.plays
    names, counts = np.unique(examples.households(), return_counts=True)
    house = names[counts.argmax()]
    own, own_plays = examples.households() == house, plays.households() == house
    return (examples.select(~own), plays.select(~own_plays)), (examples.select(own), plays.select(own_plays))


@pytest.fixture(scope="module")
def bundle(split, tmp_path_factory):
    """The folder of a bundle of all other households."""
    (examples, plays), _ = split
    folder = tmp_path_factory.mktemp("prior") / "bundle"
    write(folder, examples, training.train(examples, plays), None)
    return folder


def write(folder, examples, models, prior):
    results = pipeline.Results(examples, models, None, None, models, None, None, prior)
    about = pipeline.About(30, 0, 1, len(examples), 10, {}, pipeline.of_prior(results))
    return writer.write(folder, models, choose(Costs()), examples, about)


@pytest.fixture(scope="module")
def prior(bundle) -> Prior:
    return read(bundle)


def of(name: str, value: float) -> np.ndarray:
    """One row of SHOW_COLUMNS or TITLE_COLUMNS with `members_log` of 3 members and a value in one column."""
    columns = SHOW_COLUMNS if name in SHOW_COLUMNS else TITLE_COLUMNS
    row = np.zeros((1, len(columns)), np.float32)
    row[0, columns.index("members_log")] = np.log1p(3)
    row[0, columns.index(name)] = value
    return row


def test_statistics_are_pooled_by_the_members_behind_them():
    title = of("usual_end_s", 1200)
    own = build(["S"], of("return_rate", 0.2), ["S1"], of("usual_end_s", 0))
    many = of("return_rate", 0.6)
    many[0, SHOW_COLUMNS.index("members_log")] = np.log1p(9)
    pooled = population.pooled(own, build(["S", "T"], np.vstack([many, many]), ["S1"], title))
    rates = pooled.shows[[pooled.show_index["S"], pooled.show_index["T"]], SHOW_COLUMNS.index("return_rate")]
    assert rates.tolist() == pytest.approx([(3 * 0.2 + 9 * 0.6) / 12, 0.6])
    members = pooled.shows[pooled.show_index["S"], SHOW_COLUMNS.index("members_log")]
    assert members == pytest.approx(np.log1p(12))
    # A length of 0 is unknown, and draws nothing down.
    assert pooled.titles[pooled.title_index["S1"], TITLE_COLUMNS.index("usual_end_s")] == pytest.approx(1200)


def test_without_a_session_of_its_own_a_household_is_scored_by_the_prior(split, bundle):
    _, (examples, plays) = split
    judged = crossval.by_folds(examples, plays, 3, prior=read(bundle)).judged
    scorer = load(bundle)
    X, C = examples.matrices(scorer.population)
    said = scorer.score(X, examples.offsets, C)
    assert np.array_equal(judged.scored.score, said.score)
    assert np.abs(judged.scored.continuation - said.continuation).max() < 1e-5


def test_a_household_alone_does_as_well_from_a_prior_as_the_prior_itself(split, prior):
    """Trees are added only where held-out sessions gain, so those of the last fifth lose little, if anything."""
    _, (examples, plays) = split
    judged, later, _ = crossval.by_time(examples, plays, prior=prior)
    alone = crossval.judge(examples.select(later), [(np.ones(int(later.sum()), np.bool_), crossval.untrained(prior))])
    mrr = [training.mean_reciprocal_rank(j.examples, j.scored.score) for j in (judged, alone)]
    assert mrr[0] > mrr[1] - 0.02


def test_what_is_exported_holds_the_prior_and_what_was_added(split, prior, tmp_path):
    _, (examples, plays) = split
    (others, other_plays), _ = split
    # Many sessions, so that trees are added to each model.
    models = training.train(others, other_plays, prior=replace(prior, population=population.of_plays(plays)))
    manifest, parity = write(tmp_path / "bundle", examples, models, prior)
    assert parity.largest < 1e-4
    assert manifest["prior"]["version"] == prior.version
    assert manifest["prior"]["decisions"] == len(others)


def test_the_command_says_what_it_began_from(bundle, log, tmp_path, capsys):
    few = tmp_path / "few.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    house = orjson.loads(lines[0])["member_id"].rpartition("/")[0]
    few.write_bytes(b"".join(line for line in lines if orjson.loads(line)["member_id"].startswith(f"{house}/")))
    out = tmp_path / "own"
    assert main(["train", "--events", str(few), "-o", str(out), "--prior", str(bundle), "--candidate-days", "30"]) == 0
    version = load(bundle).version
    assert f"Begun from bundle {version}" in capsys.readouterr().out
    assert orjson.loads((out / "report.json").read_bytes())["bundle"]["prior"]["version"] == version


def test_a_prior_that_is_no_bundle_is_an_error_in_one_line(log, tmp_path, capsys):
    assert main(["train", "--events", str(log), "-o", str(tmp_path / "b"), "--prior", str(tmp_path)]) == 1
    assert "manifest.json" in capsys.readouterr().err
