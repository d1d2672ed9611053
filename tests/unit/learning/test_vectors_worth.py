"""What vectors add is the difference of two orders on the same sessions, by how much is known of show and member."""

from types import SimpleNamespace

import numpy as np
import orjson
import pyarrow.parquet as pq
import pytest
from eventlog import HOUR, MINUTE, T0, event, watch

from models import crossval, vectors_worth
from models.evaluation import Judged
from models.replay import replay
from models.titles.folder import TitleSpace
from models.titles.imports import catalogue
from streams.catalog import Catalog
from streams.cli import main
from streams.vectors import Vectors


class Decisions(SimpleNamespace):
    """Three sessions of three candidates each, in two households; the last one went on with nothing."""

    def __len__(self):
        return 3


SESSIONS = Decisions(
    continued=np.array([True, True, False]),
    households=lambda: np.array(["a", "b", "b"]),
    history=np.array([0, 30, 30], np.int32),
    recency_rank=np.array([1, 2, 3] * 3),
    played=np.array([False, True, False, True, False, False, False, False, False]),
    offsets=np.array([0, 3, 6, 9]),
)


def judged(*scores):
    """An order; and probabilities of going on, a half for the first two sessions, then a tenth of the first score."""
    said = np.array([0.5, 0.5, scores[0] / 10], np.float32)
    return Judged(SESSIONS, SimpleNamespace(score=np.array(scores, np.float32), continuation=said), {})


def test_what_is_added_is_the_difference_by_show_and_by_member():
    """With vectors both played shows stand first; without, the first session's stands third."""
    with_ = judged(0, 1, 0, 1, 0, 0, 0, 0, 0)
    without = judged(2, 0, 1, 1, 0, 0, 0, 0, 0)
    found = vectors_worth.compare(with_, without, np.array([0, 7, 0]))
    assert found["all"]["decisions"] == 2
    assert found["all"]["mrr"] == {
        "with": 1.0,
        "without": pytest.approx(2 / 3),
        "added": pytest.approx(1 / 3),
        "interval": None,
    }
    assert found["all"]["precision_at_1"]["added"] == 0.5
    loss = found["continuation_log_loss"]
    assert (loss["with"], loss["without"]) == pytest.approx((np.log(4) / 3, (np.log(4) - np.log(0.8)) / 3), abs=1e-6)
    shows = {part["part"]: (part["decisions"], part["mrr"]["added"]) for part in found["by_show"]}
    assert shows == {"0": (1, pytest.approx(2 / 3)), "5–19": (1, 0.0)}
    members = {part["part"]: part["decisions"] for part in found["by_member"]}
    assert members == {"0–4": 1, "20–99": 1}


def test_members_who_played_a_show_before_are_counted_once(replayed):
    plays, examples = replayed.plays, replayed.examples
    begins = int(np.median(plays.ts))
    counted = vectors_worth.members_before(plays, examples, begins)
    for decision in range(0, len(examples), 97):
        show = examples.shows[examples.first_show[decision]]
        of_show = (plays.shows[plays.show] == show) & (plays.ts < begins)
        assert counted[decision] == len(set(plays.member[of_show].tolist()))


@pytest.fixture(scope="module")
def trained(log, tmp_path_factory):
    """A folder with bundle/ and scores.parquet of a training without folds, with vectors of the log's own shows."""
    folder = tmp_path_factory.mktemp("vectors")
    titles = catalogue.read([log.with_name(f"{log.stem}.titles.jsonl")]).titles
    tags = sorted({tag for title in titles for tag in title.tags})
    view = np.array([[tag in title.tags for tag in tags] for title in titles], np.float32)
    TitleSpace(titles, {"category": view}).save(folder / "space")
    assert main(["titles", "bundle", str(folder / "space"), "--npz", str(folder / "v.npz")]) == 0
    arguments = ["train", "--events", str(log), "-o", str(folder / "bundle"), "--candidate-days", "30"]
    assert main([*arguments, "--vectors", str(folder / "v.npz"), "--scores", str(folder / "scores.parquet")]) == 0
    return folder


def test_a_training_with_vectors_says_what_they_add(trained, log):
    """The report has the figures, and the page a table of them."""
    report = orjson.loads((trained / "bundle/report.json").read_bytes())
    worth = report["vectors"]
    titles = catalogue.read([log.with_name(f"{log.stem}.titles.jsonl")]).titles
    assert (worth["titles"], worth["dims"]) == (len(titles), 64)
    assert worth["known"] == worth["shows"]
    assert worth["all"]["decisions"] == sum(part["decisions"] for part in worth["by_show"])
    assert worth["all"]["mrr"]["with"] == pytest.approx(report["time_split"]["order"]["model"]["mrr"])
    assert "What title vectors add" in (trained / "bundle/report.html").read_text()


def test_without_folds_the_last_fifth_is_held_out(trained):
    table = pq.read_table(trained / "scores.parquet", columns=["ts", "fold"])
    ts, fold = table["ts"].to_numpy(), table["fold"].to_numpy()
    assert np.unique(fold).tolist() == [-1, 0]
    assert ts[fold == -1].max() < ts[fold == 0].min()


def test_vectors_that_can_not_be_read_are_told_before_any_work(log, tmp_path, capsys):
    missing = ["--vectors", str(tmp_path / "none.npz")]
    assert main(["train", "--events", str(log), "-o", str(tmp_path / "bundle"), *missing]) == 1
    said = capsys.readouterr().err
    assert "the vectors of" in said
    assert "Reading" not in said


def test_where_likeness_decides_the_report_finds_that_vectors_help(tmp_path):
    """Members go on with what is like the show watched last, of two that they know equally well.

    Each member has three shows of their own, so that nothing but vectors can tell the two apart.
    """
    rng = np.random.default_rng(1)
    lines, ids, table = [], [], []
    for number in range(300):
        at = T0 + number * HOUR
        other, like, last = (f"{name}{number}" for name in ("other", "like", "last"))
        kind, opposite = ([1, 0], [0, 1]) if number % 2 else ([0, 1], [1, 0])
        ids += [other, like, last]
        table += [opposite, kind, kind]
        events = []
        order = [other, like] if rng.random() < 0.5 else [like, other]
        for session, show in enumerate([*order, last, like]):
            began = at + session * HOUR
            events.append(event("session_start", began, session_id=f"s{session}"))
            events += watch(show, began + MINUTE, 10, 1, session_id=f"s{session}")
        lines += [orjson.dumps({**each, "member_id": f"h{number}/m"}) for each in events]
    (tmp_path / "log.jsonl").write_bytes(b"\n".join(lines))
    catalog = Catalog(vectors=Vectors.of(ids, np.array(table, np.float32)))
    replayed = replay([str(tmp_path / "log.jsonl")], catalog, 30, processes=1)
    # The third session's play is of a show not begun before, so the fourth alone is a decision between the three.
    later, _, _ = crossval.by_time(replayed.examples, replayed.plays, catalog)
    found = vectors_worth.measure(later, replayed.examples, replayed.plays, catalog, None, None)
    assert found["known"] == found["shows"]
    first = found["all"]["precision_at_1"]
    assert first["with"] > 0.9
    assert first["without"] < 0.75
    assert first["interval"][0] > 0.1
