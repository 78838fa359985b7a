"""What is one message and what are two."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from log_analyzer import skill

CREW = ["ann", "bob", "cleo", "dan", "eve", "flo", "gus", "hal", "ida", "jim"]
PARTS = ["hull", "mast", "door", "gate", "wall", "roof", "rope", "lamp", "boat", "sail"]
SAME = {
    "numbers": ["took 3 ms", "took 44 ms", "took -5 ms", "took 1.25 ms"],
    "sizes in other units": ["freed 3 KB", "freed 1.5 GB", "freed 12 B"],
    "addresses": ["peer 10.0.0.1:80 left", "peer fe80::1:2 left", "peer 02:ab:cd:ef:01:23 left"],
    "paths": ["opened /srv/a", "opened /var/lib/b.txt", "opened ./c/d"],
    "identifiers": ["job 3f2b9c11-0a1b-4c2d-8e3f-001122334455 done", "job deadbeefcafe done", "job job_17_a done"],
    "truth values": ["lid open=true now", "lid open=false now"],
    "lists of any length": ["slots s-1", "slots s-1 s-2", "slots s-1 s-2 s-3 s-4"],
    "dates": ["since Mon May  1 10:00:00 2024", "since Tue Jun 12 11:00:00 2023"],
    "many names in a sentence": [f"the crew greets {name} at noon" for name in CREW[:7]],
    "names after a noun that calls for one": [f"session of user {who} closed" for who in CREW[:3]],
    "quoted phrases": ['painted "Blue Heron" white', 'painted "Mole" white', 'painted "Old Crane Two" white'],
    "two names at once": [f"crew member {a} paints the tall {b} white" for a, b in zip(CREW, PARTS, strict=True)],
    "names of several words": [
        f"ferry {i} leaves {stop} on time"
        for i, stop in enumerate(["Depot", "Old Mill", "Market Square", "Far North Quay"])
    ],
    "fields that vary together": [
        f"opens for skipper={who} boat={boat} berth={i}"
        for i, (who, boat) in enumerate([("ann", "gull"), ("bob", "tern"), ("ann", "tern"), ("bob", "gull")])
    ],
    "a field with and without a value": ["lid tag= of 3", "lid tag=ann of 4"],
    "quoted words with and without a number": ['sold "cable 2m" twice', 'sold "mug" twice', 'sold "oar 3 long" twice'],
    "constants of one enumeration": [f"TANK_{what} of hull 3 is odd" for what in ("LEVEL", "HEAT", "SALT")],
    "bytes in hexadecimal": ["reads data=0A,FE,B1 twice", "reads data=FE,AA,3B twice", "reads data=FE,EE,FA,0C twice"],
    "half days": ["was down at 3:05:01 AM today", "was down at 4:05:01 PM today"],
    "switches": ["sets lamp=on in 3", "sets lamp=off in 4"],
    "identifiers of letters in any case": ["note jAcMggNi123456 is read", "note kBfEgLo001234 is read"],
    "an address or a host and its port": [
        f"{peer} moors at {berth} now"
        for peer, berth in [("10.0.0.1:80", "quay.example:7"), ("gull.example:81", "10.0.0.2:7"),
                            ("dock:82", "10.0.0.3:9"),
                            ("10.0.0.9:80", "dock:70"), ("10.0.0.8:81", "10.0.0.4:7")]
    ],
    "a value with and without itself in brackets": [
        "sent 120 bytes to 3, got 99 bytes", "sent 4096 bytes (4.0 KB) to 3, got 99 bytes",
        "sent 120 bytes to 4, got 2048 bytes (2.0 KB)", "sent 5120 bytes (5.0 KB) to 3, got 3072 bytes (3.0 KB)",
    ],
    "one value of another form among many": [*[f"tide is {i} cm today" for i in range(99)], "tide is unknown cm today"],
    "negative and positive numbers": ["drift 3 by -2 (-1)", "drift -4 by 17 (0)", "drift 0 by 2 (12)"],
    "objects": ["hid Rope{12ab open=true Lid{9}} now", "hid Lamp{7} now"],
}  # fmt: skip
OTHER = {
    "opposites": ["lamp 3 started", "lamp 3 stopped"],
    "opposites in one word": ["door3 onOpened event", "door3 onClosed event"],
    "opposites in an identifier": ["tells event link_up to 3 ports", "tells event link_down to 4 ports"],
    "opposites in dotted constants": [
        f"hears net.example.lamp.{what} from 3" for what in ("LAMP_ON", "LAMP_OFF", "LAMP_TICK")
    ],
    "acronyms with a digit": ["mast speaks IPV4 again", "mast speaks IPV6 again"],
    "two names after a noun that calls for one": ["thread pool started", "thread group started"],
    "negations": ["rope 3 registered again", "rope 4 deregistered again"],
    "up and down": ["link to 10.0.0.1 is up", "link to 10.0.0.1 is down"],
    "states in capitals": ["berth 4 goes to LOADING", "berth 5 goes to SAILING"],
    "request methods": ['"GET /a" took 4', '"POST /a" took 5'],
    "two wordings": ["crane 4 could not lift", "crane 4 could not turn"],
    "degrees": ["tank 3: level high", "tank 4: level low", "tank 5: level normal"],
    "what arrows point to": ["crane 3 -> hull", "crane 4 <- hull"],
    "reasons of several words": [
        "pump 3 halts: no power",
        "pump 3 halts: blocked",
        "pump 3 halts: valve of tank shut",
        "pump 3 halts: ice",
    ],
    "a few first words": ["reading block 4 done", "writing block 4 done", "syncing block 4 done"],
    "a few categories of a key": ["mail 4 status=sent", "mail 5 status=bounced"],
}


def templates(lines: list[str], folder: Path) -> set[str]:
    (folder / "a.log").write_text("".join(line + "\n" for line in lines * 3))
    return {record["template"] for record in skill.records(folder / "a.log")}


@pytest.mark.parametrize("name", SAME)
def test_lines_that_differ_in_a_value_are_one_message(name: str, tmp_path: Path) -> None:
    assert len(templates(SAME[name], tmp_path)) == 1


@pytest.mark.parametrize("name", OTHER)
def test_lines_that_differ_in_wording_are_not(name: str, tmp_path: Path) -> None:
    assert len(templates(OTHER[name], tmp_path)) == len(OTHER[name])


@pytest.mark.parametrize("seed", range(8))
def test_swapped_words_are_never_taken_for_a_value(seed: int) -> None:
    """Rows are compared by sums of hashes, which differ from run to run."""
    rows = ["hears <*> (q.lead) HEAVING (q.now) SLACKING (own)", "hears <*> (q.lead) SLACKING (q.now) HEAVING (own)"]
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from loglib.merge import merge; "
        "print(*merge(sys.argv[2:], [3, 3]), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(skill.SCRIPTS), *rows],
        capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": str(seed)},
    )  # fmt: skip
    assert done.stdout.splitlines() == rows


def test_a_flood_of_different_words_is_bounded_and_its_wording_kept(tmp_path: Path) -> None:
    """More different messages than are kept apart: what nearly all share stays, what few share is opened."""
    words = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in "bdfgklmnprst"]
    lines = [f"crew {words[i % 720]} of {words[i // 720]} hauls rope" for i in range(25_000)]
    (tmp_path / "a.log").write_text("\n".join([*lines, "lamp is lit"] * 1))
    found = skill.summary(tmp_path / "a.log")
    assert found["templates"][0] == {"id": 1, "template": "crew <*> of <*> hauls rope", "count": 25_000}
