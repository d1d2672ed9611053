"""How `cw simulate` answers wrong usage."""

import pytest

from streams.cli import main


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "one of the arguments -o/--output --produce is required"),
        (("-o", "x", "--produce"), "not allowed with"),
        (("-o", "x", "--speed", "60"), "--speed needs --produce"),
        (("--produce", "--speed", "0.5"), "--speed must be from 1"),
        (("--produce", "--speed", "nan"), "--speed must be from 1"),
        (("-o", "x", "--members", "0"), "--members must be from 1"),
        (("-o", "x", "--days", "nan"), "--days must be from 0"),
        (("--produce", "--days", "0"), "--days 0 leaves no history"),
        (("-o", "/no/such/folder/x"), "can't write"),
    ],
)
def test_wrong_usage_is_one_line_that_says_what_to_do(
    arguments: tuple[str, ...], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", *arguments]) == (1 if "write" in reason else 2)
    said = capsys.readouterr().err
    assert reason in said
    assert said.count("\n") == 1
