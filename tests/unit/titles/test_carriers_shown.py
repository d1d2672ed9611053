"""What a person argues with is shown whole, also where a terminal is narrow."""

from types import SimpleNamespace

import numpy as np

from models.titles.commands_audience import _show_carriers
from models.titles.sizing_reasons import Carrier
from models.titles.table import TitleRecord


def test_how_far_each_past_title_moves_the_estimate_is_not_cut_at_80_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    space = SimpleNamespace(titles=[TitleRecord("a", "The Unfinished Winter House of Jeven", "film", 2007)])
    table = SimpleNamespace(
        codes=["BR"], title=np.array([0]), country=np.array([0]), log_size=np.array([np.log1p(2947)])
    )
    views = ("name", "fields", "people")
    _show_carriers(space, table, 0, [Carrier(0, 0.333, views, np.log(0.32), 0.1, np.log(0.978))])
    shown = capsys.readouterr().out
    assert "moves it" in shown
    assert all(each in shown for each in ("33.3 %", "2,947", "× 0.32", "-2.2 %"))
