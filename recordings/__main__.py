"""Records one story: `python -m recordings --out FOLDER [--seconds S] [--rate R] [--seed N]`.

Needs nginx. Writes `access.log`, `error.log`, `shop.log`, `worker.jsonl` and `incident.json`, all at
once when the story is over; a story takes as long as it says.
"""

import argparse
import json
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from recordings.processes import Ports, Program, RecordingError, free_ports, nginx
from recordings.shop import database
from recordings.story import Story
from recordings.traffic import Clients, draw_calls
from recordings.truth import LOGS, Happened, incident, now

RESTART_PAUSE_S = 1.2
MINUTE_S = 60

# Signals received. They are recorded and not raised: raised while a process starts, they would leave it running.
interrupted: list[int] = []


def main() -> int:
    parser = argparse.ArgumentParser(prog="recordings", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the logs")
    parser.add_argument("--seconds", type=float, default=540.0, help="length of the story")
    parser.add_argument("--rate", type=float, default=2.5, help="customers' requests per second")
    parser.add_argument("--seed", type=int, default=7, help="seed of traffic and catalogue")
    options = parser.parse_args()
    story = Story(options.seconds, options.rate, options.seed)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: interrupted.append(number))
    with tempfile.TemporaryDirectory(prefix="recording-") as folder:
        try:
            happened = record(story, Path(folder))
        except RecordingError as error:
            print(f"recordings: {error}", file=sys.stderr)
            return 128 + interrupted[0] if interrupted else 1
        publish(Path(folder), options.out, story, happened)
    return 0


def record(story: Story, folder: Path) -> Happened:
    """Runs the story with its log files in `folder`; returns the events as reported by the processes."""
    data = folder / "shop.sqlite"
    database.create(data, story.seed)
    ports = free_ports()
    shop_at = (str(data), str(folder / "shop.log"), str(ports.shop))
    with ExitStack() as stack:
        shop = _start_shop(stack, shop_at, ports)
        worker = Program("recordings.shop.worker", str(data), str(folder / "worker.jsonl"))
        stack.callback(worker.kill)
        stack.enter_context(nginx(folder, ports))
        if story.seconds > MINUTE_S:
            _sleep_until_a_full_minute()
        happened = Happened(started=now(), tallies=[])
        started = time.monotonic()
        clients = Clients(ports.nginx)
        # A daemon, so that an interrupted recording does not send the rest of the story first.
        traffic = threading.Thread(target=clients.send, args=(draw_calls(story), started), daemon=True)
        traffic.start()

        _sleep_until(started + story.rebuild_at)
        happened.rebuild_started = now()
        worker.command("reindex full")

        _sleep_until(started + story.restart_at)
        happened.shop_stopped = now()
        happened.tallies.append(json.loads(shop.stop()))
        _sleep_until(time.monotonic() + RESTART_PAUSE_S)
        shop = _start_shop(stack, shop_at, ports)
        happened.shop_started = now()

        _sleep_until(started + story.cancel_at)
        happened.rebuild_cancelled = now()
        worker.command("cancel")

        _sleep_until(started + story.seconds)
        traffic.join()
        worker.stop()
        happened.tallies.append(json.loads(shop.stop()))
        happened.ended = now()
        happened.clients = Counter(clients.by_outcome)
    return happened


def _start_shop(stack: ExitStack, arguments: tuple[str, str, str], ports: Ports) -> Program:
    shop = Program("recordings.shop.server", *arguments, port=ports.shop)
    stack.callback(shop.kill)
    return shop


def _sleep_until(moment: float) -> None:
    while (left := moment - time.monotonic()) > 0 and not interrupted:
        time.sleep(min(left, 0.1))
    if interrupted:
        raise RecordingError("interrupted; nothing was written")


def _sleep_until_a_full_minute() -> None:
    """Waits for a full minute, so that counts per minute are comparable between recordings."""
    _sleep_until(time.monotonic() + MINUTE_S - time.time() % MINUTE_S)


def publish(folder: Path, out: Path, story: Story, happened: Happened) -> None:
    """Copies the logs to `out`, and writes the facts about them next to them."""
    truth = incident(folder, story, happened)
    out.mkdir(parents=True, exist_ok=True)
    for name in LOGS:
        shutil.copyfile(folder / name, out / name)
    (out / "incident.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
