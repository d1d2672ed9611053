"""What `cw publish` and `cw models` say where they can't do what they are asked: one line, and nothing announced."""

from pathlib import Path

import pytest

from export.publish import Announced, promote, resume, roll_back, withdraw
from streams.cli import main
from streams.errors import CommandError
from streams.scoring.announcements import Source, following

NOBODY = "127.0.0.1:1"  # asked, nobody would answer: these must fail before they ask


def live(folder: Path, *versions: str) -> Announced:
    """What is announced after these served one after the other, from folders under `folder`."""
    announcement = None
    for at, version in enumerate(versions):
        announcement = following(Source(version, (folder / version).as_uri(), "0" * 64), at, announcement)
    return Announced(announcement)


@pytest.mark.parametrize("share", ["0", "1", "-0.1", "7"])
def test_a_share_is_between_0_and_1(share: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish", "nowhere", f"--split={share}"]) == 2
    assert "a share between 0 and 1" in capsys.readouterr().err


def test_a_bundle_is_on_trial_in_one_way(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish", "nowhere", "--shadow", "--split", "0.5"]) == 2
    assert "not allowed with" in capsys.readouterr().err


def test_two_versions_are_compared_or_those_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "compare", "one"]) == 2
    assert "name two versions" in capsys.readouterr().err


def test_without_a_bundle_there_is_nothing_to_go_back_from_or_to_resume(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="none to go back from"):
        roll_back(Announced(), tmp_path, NOBODY)
    with pytest.raises(CommandError, match="publish one"):
        resume(Announced(), NOBODY)


def test_the_first_bundle_can_not_be_gone_back_from(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="from before one"):
        roll_back(live(tmp_path, "one"), tmp_path, NOBODY)


def test_a_bundle_that_is_nowhere_any_more_is_not_gone_back_to(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="one is no longer at"):
        roll_back(live(tmp_path, "one", "two"), tmp_path / "home", NOBODY)


def test_without_a_trial_there_is_nothing_to_promote_or_withdraw(tmp_path: Path) -> None:
    for ends in (promote, withdraw):
        with pytest.raises(CommandError, match="no bundle is on trial"):
            ends(live(tmp_path, "one"), NOBODY)
