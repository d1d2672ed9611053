"""The similarity map over HTTP: what is on it, what is near what and why; and what is said where there is none."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from title_maps import CATEGORY, write_audience, write_map
from yarl import URL


async def get(client: Any, path: str, status: int = 200) -> Any:
    async with client.get(URL(path, encoded=True)) as answer:
        assert answer.status == status
        return await answer.json()


async def test_the_map_has_titles_places_and_clusters_in_columns(gateway: Any, tmp_path: Path) -> None:
    async with gateway(CW_TITLES_DIR=str(write_map(tmp_path / "space"))) as (client, _):
        assert await get(client, "/v1/title-map/about") == {
            "titles": 5,
            "views": ["category", "graph"],
            "audience": False,
        }
        found = await get(client, "/v1/title-map")
        assert found["titles"]["title"][2] == "Moon Pups"
        assert found["categories"]["of"][0] == [0, 1]
        assert found["views"]["graph"]["x"] == [0.0, 1.0, 10.0, 11.5, None]
        assert found["views"]["graph"]["clusters"][1]["name"] == "Cartoons"
        async with client.get("/v1/title-map") as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            tag = answer.headers["ETag"]
        async with client.get("/v1/title-map", headers={"If-None-Match": tag}) as answer:
            assert answer.status == 304


async def test_similar_titles_come_by_each_view_with_distance_and_why(gateway: Any, tmp_path: Path) -> None:
    async with gateway(CW_TITLES_DIR=str(write_map(tmp_path / "space"))) as (client, _):
        found = await get(client, "/v1/title-map/titles/t0/similar?n=2&metric=euclidean")
        assert [each["title_id"] for each in found["views"]["category"]] == ["t1", "t4"]
        nearest = found["views"]["category"][0]
        assert nearest["distance"] == 1.0
        assert nearest["why"] == [
            {"kind": "categories", "names": ["Crime"], "titles": 2},
            {"kind": "people", "names": ["Ada Bee", "Cy Dee"], "titles": 2},
            {"kind": "countries", "names": ["US"], "titles": 4},
        ]
        assert [each["title_id"] for each in found["views"]["graph"]] == ["t/2", "t1"]
        by_angle = await get(client, "/v1/title-map/titles/t0/similar?n=1")
        assert by_angle["views"]["graph"][0]["distance"] == pytest.approx(1 - 2**-0.5)


async def test_a_title_without_a_vector_in_a_view_is_like_none_there(gateway: Any, tmp_path: Path) -> None:
    async with gateway(CW_TITLES_DIR=str(write_map(tmp_path / "space"))) as (client, _):
        views = (await get(client, "/v1/title-map/titles/t4/similar"))["views"]
        assert views["graph"] == []
        assert len(views["category"]) == 4


async def test_a_title_tells_what_is_known_of_it(gateway: Any, tmp_path: Path) -> None:
    async with gateway(CW_TITLES_DIR=str(write_map(tmp_path / "space"))) as (client, _):
        assert await get(client, "/v1/title-map/titles/t%2F2") == {
            "id": "t/2",
            "title": "Moon Pups",
            "kind": "series",
            "year": 2018,
            "summary": "Dogs in orbit.",
            "facts": {"categories": ["Cartoons"], "people": [], "countries": ["US"]},
        }


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("titles/nobody", 404, "there is no such title on the map"),
        ("titles/t0/similar?metric=manhattan", 400, "metric is one of euclidean, cosine"),
        ("titles/t0/similar?n=0", 400, "n is a whole number from 1 to 100"),
        ("titles/t0/similar?n=%C2%B2", 400, "n is a whole number from 1 to 100"),
        ("titles/%FF", 400, "the title id in the path is not percent-encoded UTF-8"),
    ],
)
async def test_a_wrong_call_is_answered_with_what_is_wrong(
    gateway: Any, tmp_path: Path, path: str, status: int, error: str
) -> None:
    async with gateway(CW_TITLES_DIR=str(write_map(tmp_path / "space"))) as (client, _):
        assert (await get(client, f"/v1/title-map/{path}", status))["error"] == error


async def test_without_a_folder_the_map_says_what_to_do(gateway: Any) -> None:
    async with gateway() as (client, _):
        about = await get(client, "/v1/title-map/about")
        assert about["titles"] == 0
        assert "set CW_TITLES_DIR" in about["problem"]
        assert "set CW_TITLES_DIR" in (await get(client, "/v1/title-map", 404))["error"]


async def test_vectors_that_changed_since_the_map_was_made_are_not_shown_under_it(gateway: Any, tmp_path: Path) -> None:
    folder = write_map(tmp_path / "space")
    np.save(folder / "vectors" / "category.npy", CATEGORY[::-1])
    async with gateway(CW_TITLES_DIR=str(folder)) as (client, _):
        problem = (await get(client, "/v1/title-map/about"))["problem"]
        assert problem.startswith("the vectors by category have changed since the map was made; run 'cw titles map ")


@pytest.mark.parametrize("content", [b"", b"[]", b'{"format": 2}', b'{"format": 1}', b'{"format": 1, "views": 7}'])
async def test_a_damaged_map_is_told_and_a_mended_one_is_taken_over(
    gateway: Any, tmp_path: Path, content: bytes
) -> None:
    folder = write_map(tmp_path / "space")
    (folder / "map.json").write_bytes(content)
    async with gateway(CW_TITLES_DIR=str(folder)) as (client, _):
        assert "problem" in await get(client, "/v1/title-map/about")
        write_map(folder)
        assert (await get(client, "/v1/title-map/about"))["titles"] == 5


@pytest.mark.parametrize(
    "changes",
    [
        {"titles": {"id": ["t0"], "title": [], "kind": [""], "year": [None], "summary": [""]}, "views": {}},
        {"facts": {"tags": {"names": [], "of": [[], [], [], [], [7]]}}},
        {"facts": {"tags": {"names": ["x"], "of": [[0]]}}},
        {"views": {"graph": {"of": [0] * 5, "clusters": [], "print": ""}}},
        {"views": {"graph": {"x": [0.0], "y": [0.0], "of": [0], "clusters": [], "print": ""}}},
        {"views": {"graph": {"x": [0] * 5, "y": [0] * 5, "of": [0] * 5, "clusters": [{"middle": 9}], "print": ""}}},
    ],
)
async def test_a_map_whose_parts_do_not_fit_each_other_is_refused_at_once(
    gateway: Any, tmp_path: Path, changes: dict[str, Any]
) -> None:
    """Not by the call that first looks at the part."""
    folder = write_map(tmp_path / "space", **changes)
    async with gateway(CW_TITLES_DIR=str(folder)) as (client, _):
        assert "map.json can't be used" in (await get(client, "/v1/title-map/about"))["problem"]


async def test_empty_files_beside_the_map_are_told(gateway: Any, tmp_path: Path) -> None:
    """What a disk that was full leaves."""
    for number, (empty, said) in enumerate(
        {
            "audience.npz": "audience.npz can't be read",
            "vectors/graph.npy": "the vectors by graph can't be read",
        }.items()
    ):
        folder = write_audience(write_map(tmp_path / str(number)))
        (folder / empty).write_bytes(b"")
        async with gateway(CW_TITLES_DIR=str(folder)) as (client, _):
            assert said in (await get(client, "/v1/title-map/about"))["problem"]


async def test_a_map_made_anew_is_shown_without_a_restart_and_a_damaged_one_is_not(
    gateway: Any, tmp_path: Path
) -> None:
    folder = write_map(tmp_path / "space")
    async with gateway(CW_TITLES_DIR=str(folder)) as (client, _):
        assert (await get(client, "/v1/title-map/about"))["titles"] == 5
        write_map(folder, facts={})
        os.utime(folder / "map.json", (2e9, 2e9))
        assert (await get(client, "/v1/title-map/titles/t0"))["facts"] == {}
        (folder / "map.json").write_bytes(b"{")
        assert (await get(client, "/v1/title-map/titles/t0"))["title"] == "Harbour Nights"


async def test_the_map_asks_for_a_token_where_the_gateway_does(gateway: Any, tmp_path: Path) -> None:
    folder = str(write_map(tmp_path / "space"))
    async with gateway(CW_TITLES_DIR=folder, CW_JWT_SECRET="s" * 32) as (client, _):
        for path in ("", "/about", "/titles/t0", "/titles/t0/similar"):
            await get(client, f"/v1/title-map{path}", 401)


async def test_an_audience_comes_by_country_with_interval_and_the_past_titles_that_carry_it(
    gateway: Any, tmp_path: Path
) -> None:
    folder = write_audience(write_map(tmp_path / "space"))
    async with gateway(CW_TITLES_DIR=str(folder)) as (client, _):
        assert (await get(client, "/v1/title-map/about"))["audience"] is True
        assert await get(client, "/v1/title-map/titles/t0/audience") == {
            "countries": [
                {"country": "ES", "low": 900, "middle": 1800, "high": 4000, "usual": 1000, "actual": 2100},
                {"country": "JP", "low": 5, "middle": 12.2, "high": 40, "usual": 10, "actual": None},
            ],
            "past": [
                {"title_id": "t1", "share": 0.75, "audience": {"ES": 3000, "JP": 7}},
                {"title_id": "t3", "share": 0.25, "audience": {"ES": None, "JP": None}},
            ],
        }
        assert await get(client, "/v1/title-map/countries") == {
            "countries": {
                "ES": [["MX", pytest.approx(0.0513)], ["JP", 1.0]],
                "JP": [["MX", pytest.approx(0.6838)], ["ES", 1.0]],
                "MX": [["ES", pytest.approx(0.0513)], ["JP", pytest.approx(0.6838)]],
            }
        }


async def test_without_audiences_there_is_no_estimate_and_one_of_other_titles_is_refused(
    gateway: Any, tmp_path: Path
) -> None:
    folder = write_map(tmp_path / "space")
    async with gateway(CW_TITLES_DIR=str(folder)) as (client, _):
        error = (await get(client, "/v1/title-map/titles/t0/audience", 404))["error"]
        assert error.startswith("there are no audiences in this folder: train with --audience")
        assert await get(client, "/v1/title-map/countries") == {"countries": {}}
    write_audience(folder)
    with np.load(folder / "audience.npz") as stored:
        np.savez(folder / "audience.npz", **{name: stored[name][:4] for name in stored})
    async with gateway(CW_TITLES_DIR=str(folder)) as (client, _):
        assert "audience.npz is of other titles" in (await get(client, "/v1/title-map/about"))["problem"]
