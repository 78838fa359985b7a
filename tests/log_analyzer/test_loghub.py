"""Measured on LogHub-2k where that folder is there (research use only: nothing of it is in this project)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from log_analyzer import skill

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared/data/loghub"
sys.path.append(str(ROOT / "benchmarks"))

import log_analyzer_questions  # noqa: E402
import log_analyzer_scores  # noqa: E402

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the LogHub-2k folder is not beside this project")


def test_level_time_and_grouping_hold_on_every_system() -> None:
    rows = {
        system: log_analyzer_scores.score_skill(DATA, system, skill.records) for system in log_analyzer_scores.TIMES
    }
    assert all(score.level >= 0.995 and score.time >= 0.995 for score in rows.values()), rows
    assert min(score.grouping for score in rows.values()) >= 0.90, rows
    assert sum(score.grouping for score in rows.values()) / len(rows) >= 0.95, rows


def test_all_questions_are_answered_exactly() -> None:
    outcomes = log_analyzer_questions.ask_all(DATA, ask=lambda log, options: skill.query(log, *options))
    assert [outcome.id for outcome in outcomes if not outcome.exact] == []
    assert len(outcomes) == 41
