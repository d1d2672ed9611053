"""Countries that watch alike, and what the commands on audiences say."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from models.titles import countries, simulate, table, views
from models.titles.audience import decompose, gather
from models.titles.folder import TitleSpace
from models.titles.table import AudienceRow
from streams.cli import main


def test_countries_where_the_same_titles_do_better_than_elsewhere_are_alike() -> None:
    rows = []
    for title in range(12):
        for code, sign in (("FR", 1), ("ES", 1), ("JP", -1)):
            rows.append(AudienceRow(str(title), code, float(np.expm1(9 + sign * (title % 3 - 1)))))
    audience, _ = gather(rows, {str(title): title for title in range(12)})
    alike, shared = countries.by_profile(audience)
    assert alike.nearest(audience.codes.index("FR"), 1) == [(audience.codes.index("ES"), pytest.approx(1.0, abs=0.05))]
    assert (shared == 12).all()


def test_countries_with_too_few_titles_in_common_are_not_compared() -> None:
    rows = [AudienceRow(str(title), "FR" if title < 20 else "DE", 10.0 * title) for title in range(40)]
    audience, _ = gather(rows, {str(title): title for title in range(40)})
    alike, _ = countries.by_profile(audience)
    assert alike.nearest(0, 5) == []


def test_neighbours_in_taste_are_found_again_in_made_up_audiences() -> None:
    """Each country's nearest by vectors is one of its region, for nearly all countries."""
    made = simulate.make(400, 2)
    audience, _ = gather(made.audience, {title.title_id: row for row, title in enumerate(made.titles)})
    alike = countries.by_vectors(audience.codes, decompose(audience).country_vectors)
    region = {code: name for code, name, _ in simulate.COUNTRIES}
    nearest = [alike.codes[alike.nearest(row, 1)[0][0]] for row in range(len(alike.codes))]
    same = [region[code] == region[other] for code, other in zip(alike.codes, nearest, strict=True)]
    assert np.mean(same) > 0.85


def test_the_audience_view_learns_which_countries_are_neighbours() -> None:
    """Each country's nearest by the vectors that the predictor was trained with is one of its region."""
    made = simulate.make(300, 2)
    bare = [replace(title, categories=(), people=(), summary="") for title in made.titles]
    space = views.supervised(bare, made.audience, "none", False, lambda *_: None).space
    assert space.countries is not None
    alike = countries.by_vectors(*space.countries)
    region = {code: name for code, name, _ in simulate.COUNTRIES}
    nearest = [alike.codes[alike.nearest(row, 1)[0][0]] for row in range(len(alike.codes))]
    same = [region[code] == region[other] for code, other in zip(alike.codes, nearest, strict=True)]
    assert np.mean(same) > 0.85


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = simulate.make(120, 3, 4)
    path = tmp_path_factory.mktemp("space")
    vectors = np.random.default_rng(1).normal(size=(120, 8)).astype(np.float32)
    TitleSpace(made.titles, {"category": vectors}, audience=made.audience).save(path)
    table.write(path / "titles.csv", made.titles)
    table.write_audience(path / "audience.csv", made.audience)
    return path


def test_the_estimate_of_a_title_comes_with_an_interval_and_past_titles(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    title = TitleSpace.load(folder).titles[5]
    assert main(["titles", "audience", str(folder), title.title_id, "--country", "us"]) == 0
    said = capsys.readouterr().out
    assert title.title in said
    assert "80 of 100 such titles lie between" in said
    assert "Past titles that it rests on" in said
    assert "%" in said


def test_without_a_country_there_is_a_line_for_each(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    title = TitleSpace.load(folder).titles[5]
    assert main(["titles", "audience", str(folder), title.title_id]) == 0
    said = capsys.readouterr().out
    assert all(f"\n {code}" in said for code in ("US", "GB", "AU", "CA"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--country", "XX"], "no title has an audience in 'XX'"),
        (["--titles", "t.csv"], "go with --evaluate"),
        (["--evaluate"], "--evaluate needs --titles FILE, --audience FILE and --json OUT"),
    ],
)
def test_what_cannot_be_answered_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    title = TitleSpace.load(folder).titles[5]
    assert main(["titles", "audience", str(folder), title.title_id, *arguments]) == 2
    assert said in capsys.readouterr().err


def test_estimates_of_titles_held_out_are_measured_beside_baselines(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.titles.text.PACKAGES", {"minilm": "not_installed", "use": "not_installed"})
    out = tmp_path / "figures.json"
    tables = ["--titles", str(folder / "titles.csv"), "--audience", str(folder / "audience.csv")]
    assert main(["titles", "audience", "--evaluate", *tables, "--json", str(out)]) == 0
    models = orjson.loads(out.read_bytes())["folds_by_title"]["models"]
    assert set(models) == {
        "model",
        "model_without_vectors",
        "country_mean",
        "category_mean_country_mean",
        "nearest_tfidf",
        "boosting_raw_fields",
    }
    assert models["model"]["mae"] < models["country_mean"]["mae"]
    assert 0.6 < models["model"]["interval_coverage"] <= 1
