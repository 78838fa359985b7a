"""A log whose name is hostile: the name stays quoted in the bundled analyzer's answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from log_analyzer.skill import said
from security.drawn import broken_out


@pytest.mark.parametrize("name", ["`**OUT**`", "**OUT**", "[OUT](http:evil.example)", "``` **OUT**", "<b>OUT.log"])
def test_no_file_name_breaks_out_of_an_answer(tmp_path: Path, name: str) -> None:
    log = tmp_path / name
    log.write_text("2026-03-01 09:00:00 ERROR request failed\n" * 30)
    assert broken_out(said("summary", str(log))) == []
    assert broken_out(said("summary", str(log), str(log))) == []
    assert (
        broken_out(said("query", str(log), "--count", "--by", "level", "--save", str(tmp_path / f"{name}.csv"))) == []
    )
