"""Live outcomes and training examples of one log say the same of what each session played first."""

import orjson
from impressions import impression, serve

from models.replay import replay
from streams.cli import main
from streams.outcomes.join import Member


def test_what_sessions_play_first_is_what_training_learns_from(tmp_path) -> None:
    """A simulated log with late and repeated events; every session of training has an outcome with the same show."""
    path = tmp_path / "log.jsonl"
    assert main(["simulate", "--members", "40", "--days", "25", "--seed", "3", "-o", str(path)]) == 0
    members: dict[str, Member] = {}
    live: dict[tuple[str, str], tuple[str, int]] = {}
    for offset, line in enumerate(path.read_bytes().splitlines()):
        made = orjson.loads(line)
        member = members.setdefault(made["member_id"], Member())
        outcomes = member.apply_event(made, 0, offset)
        if member.sessions and member.sessions[-1].opened == offset:
            session = member.sessions[-1]
            ids = {"member_id": made["member_id"], "device_id": session.device_id, "session_id": session.session_id}
            outcomes += serve(member, impression(offset, "", **ids), offset)
        for outcome in outcomes:
            if outcome["played"] is not None:
                member_id = outcome["id"].rsplit("|", 4)[0]
                live[member_id, outcome["session_id"]] = (outcome["played"]["show_id"], outcome["ts"])

    examples = replay([str(path)]).examples
    learned = {
        (str(examples.members[member]), str(session)): (str(examples.shows[show]), int(ts))
        for member, session, show, ts in zip(
            examples.member, examples.session_id, examples.first_show, examples.ts, strict=True
        )
    }
    assert len(learned) > 500
    assert [(key, live.get(key), first) for key, first in learned.items() if live.get(key) != first] == []
