"""Where a result can't be written is said before the work, not after it."""

import pytest

from streams import cli


@pytest.mark.parametrize(
    "command",
    [
        ["vector", "idea.json", "--dir", "space", "--json"],
        ["evaluate", "--titles", "titles.csv", "--json"],
        ["map", "space", "-o"],
    ],
)
def test_a_result_in_a_folder_that_is_not_there_is_refused_before_anything_is_read(command, tmp_path, capsys):
    assert cli.main(["titles", *command, str(tmp_path / "nowhere" / "out")]) == 2
    said = f"cw: there is no folder {tmp_path / 'nowhere'} for out; make it, or name another\n"
    assert capsys.readouterr().err == said
