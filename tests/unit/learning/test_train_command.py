"""`cw train` and `cw evaluate` from files to files."""

from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from models import metrics
from streams.cli import main
from streams.scoring.scorer import load

# The contract: names, order and types.
COLUMNS = [
    ("member_id", pa.string()),
    ("session_id", pa.string()),
    ("ts", pa.int64()),
    ("show_id", pa.string()),
    ("score", pa.float32()),
    ("play_probability", pa.float32()),
    ("recency_rank", pa.int32()),
    ("session_continuation_probability", pa.float32()),
    ("played", pa.bool_()),
    ("continued", pa.bool_()),
    ("in_row", pa.bool_()),
    ("fold", pa.int32()),
]


@pytest.fixture(scope="module")
def trained(log: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with bundle/ and scores.parquet of one training in three folds."""
    folder = tmp_path_factory.mktemp("trained")
    arguments = ["train", "--events", str(log), "-o", str(folder / "bundle"), "--cv", "3"]
    assert main([*arguments, "--scores", str(folder / "scores.parquet"), "--candidate-days", "30"]) == 0
    return folder


def test_scores_have_the_columns_of_the_contract_in_their_order(trained):
    schema = pq.read_schema(trained / "scores.parquet")
    assert [(field.name, field.type) for field in schema] == COLUMNS


def test_scores_cover_every_candidate_of_every_decision(trained, replayed):
    table = pq.read_table(trained / "scores.parquet")
    examples = replayed.examples
    assert table.num_rows == len(examples.show)
    assert pc.count_distinct(table["session_id"]).as_py() == len(examples)
    assert not pc.all(table["in_row"]).as_py(), "shows that the row leaves out are scored, too"


def test_a_session_has_one_row_per_show_and_at_most_one_was_played(trained):
    table = pq.read_table(trained / "scores.parquet")
    by_session = table.group_by(["member_id", "session_id"]).aggregate(
        [
            ("show_id", "count"),
            ("show_id", "count_distinct"),
            ("played", "sum"),
            ("continued", "max"),
            ("ts", "count_distinct"),
        ]
    )
    assert by_session["show_id_count"].equals(by_session["show_id_count_distinct"])
    assert pc.max(by_session["ts_count_distinct"]).as_py() == 1
    assert pc.cast(by_session["played_sum"], pa.bool_()).equals(by_session["continued_max"])
    assert pc.max(by_session["played_sum"]).as_py() == 1


def test_a_household_is_in_one_fold(trained):
    table = pq.read_table(trained / "scores.parquet", columns=["member_id", "fold"])
    households = [member.rpartition("/")[0] for member in table["member_id"].to_pylist()]
    pairs = set(zip(households, table["fold"].to_pylist(), strict=True))
    assert len(pairs) == len(set(households))
    assert {fold for _, fold in pairs} == {0, 1, 2}


def test_probabilities_are_probabilities_and_recency_ranks_count_from_1(trained):
    table = pq.read_table(trained / "scores.parquet")
    for name in ("play_probability", "session_continuation_probability"):
        assert 0 <= pc.min(table[name]).as_py() <= pc.max(table[name]).as_py() <= 1
    assert pc.min(table["recency_rank"]).as_py() == 1
    assert table["score"].null_count == 0


def test_the_report_says_what_the_scores_say(trained, replayed):
    """Precision at 1 and MRR of report.json, computed again from the scores file."""
    report = orjson.loads((trained / "bundle" / "report.json").read_bytes())
    table = pq.read_table(trained / "scores.parquet")
    offsets, rank, played = replayed.examples.offsets, table["recency_rank"].to_numpy(), table["played"].to_numpy()
    for name, score in (("model", table["score"].to_numpy()), ("recency", -rank)):
        ranks = metrics.rank_of_played(score, rank, played, offsets)
        order = report["folds"]["order"][name]
        assert order["precision_at_1"] == pytest.approx((ranks[ranks > 0] == 1).mean())
        assert order["mrr"] == pytest.approx((1 / ranks[ranks > 0]).mean())


def test_the_gain_over_recency_is_of_the_same_sessions_with_an_interval_over_households(trained, replayed):
    """MRR beyond recency's of report.json, computed again from the scores file."""
    order = orjson.loads((trained / "bundle" / "report.json").read_bytes())["folds"]["order"]
    table = pq.read_table(trained / "scores.parquet")
    examples, rank, played = replayed.examples, table["recency_rank"].to_numpy(), table["played"].to_numpy()
    places = [metrics.rank_of_played(s, rank, played, examples.offsets) for s in (table["score"].to_numpy(), -rank)]
    went_on = places[0] > 0
    more = 1 / places[0][went_on] - 1 / places[1][went_on]
    assert order["model"]["over_recency"]["mrr"]["mean"] == pytest.approx(more.mean())
    low, high = order["model"]["over_recency"]["mrr"]["interval"]
    household = np.unique(examples.households()[went_on], return_inverse=True)[1]
    assert (low, high) == pytest.approx(metrics.interval(more, household))
    assert low < more.mean() < high
    assert order["recency"]["over_recency"]["mrr"] == {"mean": 0.0, "interval": [0.0, 0.0]}


def test_the_report_tells_how_fast_the_replay_was(trained, replayed):
    report = orjson.loads((trained / "bundle" / "report.json").read_bytes())
    replay = report["log"]["replay"]
    assert report["log"]["events"] == replayed.events
    assert replay["events_per_s"] * replay["seconds"] == pytest.approx(replayed.events)
    assert replay["examples_per_s"] * replay["seconds"] == pytest.approx(len(replayed.examples))
    assert f"{replay['examples_per_s']:,.0f} examples" in (trained / "bundle" / "report.html").read_text()


def test_the_page_stands_alone(trained):
    page = (trained / "bundle" / "report.html").read_text()
    assert "<svg" in page
    assert "Precision at 1 by" in page
    for outside in ("<script", "<link", 'src="http', "@import", "url(http"):
        assert outside not in page


def test_the_bundle_serves(trained):
    scorer = load(trained / "bundle")
    assert scorer.candidate_days == 30
    manifest = scorer.manifest.raw
    assert set(manifest["roles"]) >= {"ranker", "play_probability", "continuation", "placement", "titles", "population"}
    assert {"version", "created", "features", "files", "training", "libraries"} <= set(manifest)


def test_evaluate_scores_the_same_decisions_with_the_bundle(trained, log, tmp_path, capsys):
    scores = tmp_path / "again.parquet"
    assert main(["evaluate", "--events", str(log), "--bundle", str(trained / "bundle"), "--scores", str(scores)]) == 0
    again, first = pq.read_table(scores), pq.read_table(trained / "scores.parquet")
    assert again.schema.equals(first.schema)
    for name in ("member_id", "session_id", "show_id", "played", "recency_rank", "in_row"):
        assert again[name].equals(first[name])
    assert "recency: right show first" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (b"", "holds no valid event"),
        (b"not an event\n", "holds no valid event"),
        (
            b'{"event_id":"1","type":"session_start","member_id":"m","session_id":"s","ts":1700000000000,"device":"tv"}\n',
            "nothing to learn from",
        ),
    ],
)
def test_a_log_without_decisions_is_an_error_in_one_line(lines, says, tmp_path, capsys):
    (tmp_path / "log.jsonl").write_bytes(lines)
    assert main(["train", "--events", str(tmp_path / "log.jsonl"), "-o", str(tmp_path / "b")]) == 1
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("cw: ")]
    assert len(said) == 1
    assert says in said[0]
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--cv", "1"],
        ["--candidate-days", "0"],
        ["--false-high-cost", "-1"],
        ["--scores", "nowhere/scores.parquet"],
        ["--scores", "."],
    ],
)
def test_wrong_usage_is_said_before_any_work(arguments, log, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--events", str(log), "-o", str(tmp_path / "b"), *arguments]) == 2
    assert capsys.readouterr().err.startswith("cw: ")


def test_a_bundle_that_is_none_is_an_error_in_one_line(log, tmp_path, capsys):
    scores = str(tmp_path / "s.parquet")
    assert main(["evaluate", "--events", str(log), "--bundle", str(tmp_path), "--scores", scores]) == 1
    assert "manifest.json" in capsys.readouterr().err
