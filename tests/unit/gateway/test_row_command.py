"""What `cw row` prints, word for word."""

from streams.commands.row import describe

ROW = {
    "member_id": "h1/ada", "device": "tv", "device_id": "den", "session_id": "s", "version": "0-7-60000",
    "generated_at": 60_000, "scored_from_ts": 0, "model_version": "m1", "continuation_probability": 0.825,
    "placement": {"position": 2, "method": "probability"},
    "items": [
        {
            "show_id": "Northern Lights", "title_id": "t", "season": 1, "episode": 4, "position_s": 60.0,
            "duration_s": 120.0, "progress": 0.5, "score": 1.25, "play_probability": 0.5, "reason": "resume",
            "features": {"progress": 0.5, "plays": 12.0, "gaps": 3.0, "device_share": 1 / 3},
        },
        {
            "show_id": "A Film", "title_id": None, "season": None, "episode": None, "position_s": 0.0,
            "duration_s": None, "progress": 0.0, "score": -2.0, "play_probability": None, "reason": "new_episode",
        },
    ],
}  # fmt: skip


def test_a_row_is_told_with_its_place_its_age_and_the_features_of_each_item() -> None:
    assert describe(ROW, 300_000) == [
        "h1/ada on tv (den), version 0-7-60000",
        "made 4 minutes ago by model m1, from events up to 5 minutes ago",
        "row at position 2 of the page (probability), continues something: 82%",
        "  1. Northern Lights s01e04  resume  50% watched  plays 50.0%  score 1.250",
        "       progress=0.5           plays=12               gaps=3",
        "       device_share=0.333333",
        "  2. A Film  new episode  score -2.000",
    ]


def test_an_empty_row_without_a_model_says_so() -> None:
    row = {**ROW, "items": [], "model_version": "recency", "continuation_probability": None}
    assert describe(row, 60_500)[1:] == [
        "made 0.5 seconds ago by model recency, from events up to 60.5 seconds ago",
        "row at position 2 of the page (probability), no continuation estimate",
        "The row is empty: nothing to continue.",
    ]


def test_what_moved_a_score_is_told_in_words_and_adds_up() -> None:
    item = {
        **ROW["items"][0],
        "score": 1.25,
        "contributions": {"device_share": 1.5, "plays": -0.25},
        "events": {"last_play": 240_000, "plays": 12, "sessions": 4},
    }
    row = {
        **ROW,
        "items": [item],
        "scored_from": {"base": 0.0},
        "meanings": {"device_share": "share of its plays that were on this very device", "plays": "counted plays"},
    }
    assert describe(row, 300_000)[4:8] == [
        "       from 12 plays in 4 sessions, the last begun 60.0 seconds ago",
        "       score 1.250 = 0.000 for any show +1.500 for it -0.250 against it",
        "         +1.500  share of its plays that were on this very device: 0.333333",
        "         -0.250  counted plays: 12",
    ]
    values = describe(row, 300_000)[8].split()
    assert values == ["device_share=0.333333", "+1.500", "plays=12", "-0.250", "progress=0.5"]
