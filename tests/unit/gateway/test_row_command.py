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
