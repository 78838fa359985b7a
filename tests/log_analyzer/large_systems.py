"""Larger systems that do not exist: dozens of messages each, of which a few fill most of the log.

Many of their messages are alike but for one word, and must stay apart; many of their values are words, and must not.
Each message is written "LEVEL component text", the level "-" where the system writes none.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime

from log_analyzer.odd_logs import KINDS, Head, OddLog


def _one_of(*choices: str) -> Callable[[random.Random], str]:
    return lambda rng: rng.choice(choices)


def _name(rng: random.Random) -> str:
    return f"test_{rng.choice(('login', 'cart', 'search'))}_{rng.choice(('ok', 'empty', 'twice'))}"


KINDS.update({
    "tram": lambda r: f"T{r.randrange(1, 60):02d}",
    "stop": _one_of("Market Square", "Old Mill", "Harbour", "University North", "Depot"),
    "signal": lambda r: f"S{r.randrange(1, 40)}/{r.choice('AB')}",
    "controller": lambda r: f"ctl-{r.randrange(4)}.line{r.randrange(9)}",
    "bytes_hex": lambda r: " ".join(f"{r.getrandbits(8):02x}" for _ in range(r.randrange(4, 9))),
    "bytes_commas": lambda r: ",".join(f"{r.getrandbits(8):02X}" for _ in range(r.randrange(5, 9))),
    "measure": _one_of("TANK_LEVEL", "TANK_TEMP", "TANK_PRESSURE"),
    "phase": _one_of("MASHING", "BOILING", "COOLING"),
    "brew": _one_of("Pale Ale", "Stout", "Harvest Wheat Special", "Porter"),
    "valve": lambda r: f"V-{r.randrange(100, 140)}",
    "plc": lambda r: f"plc{r.randrange(3)}:{r.randrange(500, 510)}",
    "switch": _one_of("on", "off"),
    "duration": lambda r: r.choice((f"{r.randrange(1, 60)}s", f"{r.randrange(1, 60)}m{r.randrange(60)}s")),
    "satellite": _one_of("KEPLER-2", "HALLEY-1"),
    "station": _one_of("Kiruna", "Perth", "Fairbanks"),
    "parameter": _one_of("BUS_V", "WHEEL_RPM", "RF_TEMP"),
    "subsystem": _one_of("AOCS", "EPS", "COMMS", "PAYLOAD"),
    "register": lambda r: f"0x{r.getrandbits(r.choice((8, 16, 32))):x}",
    "dots": lambda r: "." * r.randrange(3, 9),
    "bit": _one_of("0", "1"),
    "repository": lambda r: f"{r.choice(('core', 'web', 'infra'))}/{r.choice(('api', 'ui', 'tools'))}",
    "sha": lambda r: f"{r.getrandbits(160):040x}",
    "stage": _one_of("build", "test", "deploy", "lint"),
    "command": _one_of("make all", "npm ci", "pytest -q", "cargo test"),
    "test": _name,
    "product": _one_of("Blue mug", "Notebook A5", "Desk lamp", "Pen", "USB cable 2m"),
    "pay": _one_of("coinway", "cardo"),
    "job": _one_of("nightly-report", "stock-sync", "cleanup", "rebuildIndex"),
    "region": _one_of("products", "prices", "images"),
    "service": _one_of("Tide Reader", "Harbour Update", "Background Mooring Transfer", "DHCP Client"),
    "account": _one_of("QUAY\\kim", "QUAY\\lee", "QUAY\\svc-crane"),
    "goal": _one_of("steps", "sleep", "water"),
    "rhythm": lambda r: " ".join(str(r.randrange(400, 999)) for _ in range(r.randrange(1, 6))),
})  # fmt: skip


def _tram_head(rng: random.Random, now: datetime, level: str, component: str) -> tuple[str, str]:
    stamp = f"{now:%Y/%m/%d %H:%M:%S}.{now.microsecond // 1000:03d}"
    return f"{stamp} | {level:<5} | {component:<12} | {rng.randrange(100, 999)} | ", now.isoformat()


def _brew_head(rng: random.Random, now: datetime, level: str, component: str) -> tuple[str, str]:
    stamp = now.isoformat(timespec="milliseconds")
    return f"<{stamp}+01:00> {component}({rng.randrange(1, 99)}): ", f"{now.isoformat()}+01:00"


def _dish_head(rng: random.Random, now: datetime, level: str, component: str) -> tuple[str, str]:
    return f"{now:%y/%m/%d %H:%M:%S} {component} {level[0]} ", now.isoformat(timespec="seconds")


def _ship_head(rng: random.Random, now: datetime, level: str, component: str) -> tuple[str, str]:
    place = f"D{rng.randrange(9)}-R{rng.randrange(40):02d}"
    return f"{now:%Y-%m-%d-%H.%M.%S}.{now.microsecond:06d} {place} {component:<6} {level:<7} ", now.isoformat()


def _runner_head(rng: random.Random, now: datetime, level: str, component: str) -> tuple[str, str]:
    return f"{now:%Y-%m-%dT%H:%M:%S.%f}0Z ##[{level.lower()}] ", f"{now.isoformat()}+00:00"


def _shop_head(rng: random.Random, now: datetime, level: str, component: str) -> tuple[str, str]:
    thread = f"{rng.choice(('exec', 'main', 'pool-2-thread'))}-{rng.randrange(9)}"
    stamp = now.isoformat(sep=" ", timespec="milliseconds")
    return f"[{stamp}] [{thread}/{level}]: {component}: ", now.isoformat()


def _table_head(rng: random.Random, now: datetime, level: str, component: str) -> tuple[str, str]:
    clock = f"{now.month}/{now.day}/{now.year} {now.hour % 12 or 12}:{now:%M:%S} {now:%p}"
    return f"{level},{clock},{component},{rng.randrange(7000, 7040)},", now.isoformat(timespec="seconds")


def _wrist_head(rng: random.Random, now: datetime, level: str, component: str) -> tuple[str, str]:
    stamp = f"{now:%d.%m.%Y %H:%M:%S},{now.microsecond // 1000:03d}"
    return f"{stamp} {level[0]}/{component}({rng.randrange(900, 9999)}): ", now.isoformat()


def _system(name: str, head: Head, table: str) -> OddLog:
    """A system from a table of messages, one a line; how often each comes falls steeply, in an order of its own."""
    rows = [line.split(" ", 2) for line in table.strip().splitlines()]
    random.Random(name).shuffle(rows)
    weights = (max(round(1000 / place**1.1), 2) for place in range(1, len(rows) + 1))
    messages = tuple((weight, "" if level == "-" else level, component, text)
                     for weight, (level, component, text) in zip(weights, rows, strict=True))  # fmt: skip
    return OddLog(name, all(level for _, level, _, _ in messages), head, messages)


TRAM = _system(
    "tram",
    _tram_head,
    """
INFO Dispatcher Tram {tram} departed {stop} towards {stop}, delay {neg} s
INFO Dispatcher Tram {tram} arrived at {stop}, delay {neg} s
INFO Dispatcher Tram {tram} assigned to driver {user}
INFO Dispatcher Tram {tram} released by driver {user}
WARN Dispatcher Tram {tram} is {int} s late at {stop}
WARN Dispatcher No tram available for line {small}
ERROR Dispatcher Lost contact with tram {tram} near {stop}; last position {dec},{dec}
INFO SignalBox Signal {signal} set to green for {tram}
INFO SignalBox Signal {signal} set to red
WARN SignalBox Signal {signal} lamp current {dec} mA below limit {dec} mA
ERROR SignalBox Signal {signal} does not answer
DEBUG Telemetry heartbeat from {controller} seq={int}
DEBUG Telemetry heartbeat from {controller} missing, last seq={int}
INFO Telemetry Firmware of {controller} updated from {version} to {version}
ERROR Telemetry Cannot decode frame of {int} bytes: {bytes_hex}
ERROR Telemetry Checksum mismatch in frame {int}: expected {register}, got {register}
INFO Passenger Counted {int} boarding, {int} alighting at {stop}
INFO Passenger Doors opened
INFO Passenger Doors closed
INFO Passenger Doors closed with force
WARN Passenger Door {small} of {tram} blocked for {int} s
INFO Ticket Validated card {int}, balance {dec}
WARN Ticket Rejected card {int}: balance too low
WARN Ticket Rejected card {int}: card blocked
ERROR Ticket Printer {small} out of paper
""",
)
BREWERY = _system(
    "brewery",
    _brew_head,
    """
- batchd batch {int} "{brew}" entered phase {phase}
- batchd batch {int} "{brew}" left phase {phase} after {duration}
- batchd batch {int} finished: {dec} hl, {dec} % loss
- batchd recipe {brew} loaded from {path}
- batchd recipe {brew} has no step named {phase}
- valved valve {valve} opened
- valved valve {valve} closed
- valved valve {valve} stuck at {pct}
- valved open valve {valve} failed: no response from {plc}
- valved close valve {valve} failed: no response from {plc}
- tankd {measure} of tank {small} = {dec} (limit {dec})
- tankd tank {small}: level high
- tankd tank {small}: level low
- tankd tank {small}: level normal
- tankd tank {small} temperature {dec} C, target {dec} C, heating={switch}
- pumpd pump {small} started, {int} rpm
- pumpd pump {small} stopped after {duration}
- pumpd pump {small} overload: {dec} A
- plcd connected to {plc} ({ip})
- plcd reconnecting to {plc} in {small} s (attempt {small})
- plcd {plc} answered in {dec} ms
- auth operator {user} signed on at panel {small}
- auth operator {user} signed off at panel {small}
- auth operator {user} denied: unknown badge {short_hex}
- alarm ALARM {small} raised: {measure} > {dec}
- alarm ALARM {small} cleared
- alarm ALARM {small} acknowledged by {user}
""",
)
DISH = _system(
    "dish",
    _dish_head,
    """
INFO ANT Acquisition of {satellite} at {station}: azimuth {dec} elevation {dec}
INFO ANT Loss of signal {satellite} at {station}: azimuth {dec} elevation {dec}
INFO ANT Slew to az={dec} el={dec} done in {dec}s
WARN ANT Wind {dec} m/s above limit, stowing antenna
WARN ANT Elevation motor current {dec} A above limit
WARN ANT Azimuth motor current {dec} A above limit
INFO TLM Frame {int} vc={small} ok
INFO TLM Frame {int} vc={small} crc error
INFO TLM Dump of {int} frames complete
INFO TLM Dump of {int} frames aborted
INFO TLM Packet apid={register} len={int} data={bytes_commas}
INFO TLM Battery {small} voltage {dec} V
INFO TLM Battery {small} temperature {dec} C
INFO TLM Panel X+ current {dec} A
INFO TLM Panel X- current {dec} A
ERROR TLM Parameter {parameter} out of range: {dec} not in [{dec}, {dec}]
INFO CMD Uplink of {file} to {satellite} started by {user}
INFO CMD Uplink of {file} to {satellite} finished: {int} bytes
INFO CMD Command {hex} accepted
INFO CMD Command {hex} executed
ERROR CMD Command {hex} rejected: code {small}
ERROR CMD Command {hex} rejected: safe mode
INFO SYS Subsystem {subsystem} restarted by ground
INFO SYS Clock drift {neg} us, corrected
FATAL SYS Unhandled exception at {hex} in task {subsystem}
""",
)
SHIP = _system(
    "ship",
    _ship_head,
    """
INFO ENGINE port shaft bearing wear noted
INFO ENGINE stern tube bearing wear noted
INFO ENGINE gearbox oil pressure noted
INFO ENGINE port thruster enabled{dots}{bit}
INFO ENGINE stern thruster enabled{dots}{bit}
INFO ENGINE bow thruster enabled{dots}{bit}
INFO ENGINE fuel valve position register: {register}
INFO ENGINE oil valve position register: {register}
INFO ENGINE coolant valve position register: {register}
INFO ENGINE turbo status word: {register}
INFO ENGINE governor fault word: {register}
ERROR ENGINE exhaust temperature exceeds limit
ERROR ENGINE coolant temperature exceeds limit
ERROR ENGINE crankcase pressure exceeds limit
ERROR ENGINE lost signal from injector {small}
ERROR ENGINE lost signal from cylinder sensor {small}
ERROR ENGINE governor does not answer
ERROR ENGINE turbo does not answer
FATAL ENGINE engine stopped by overspeed guard
FATAL ENGINE engine stopped by operator
FATAL ENGINE engine stopped by fire alarm
INFO HULL {int} litres pumped from bilge {small}
INFO HULL {int} litres pumped to tank {small}
INFO HULL ballast tank {small} filled
INFO HULL ballast tank {small} drained
INFO HULL ballast tank {small} sealed
WARNING HULL door {small} on deck {small} left open
WARNING HULL hatch {small} on deck {small} left open
WARNING HULL strain gauge {small} reads {int}
WARNING HULL draft gauge {small} reads {int}
ERROR HULL pump {small} does not start: no power
ERROR HULL pump {small} does not start: blocked
ERROR HULL pump {small} does not start: interlock active
INFO NAV course changed to {int} by autopilot
INFO NAV course changed to {int} by helm
INFO NAV position fix {dec} {dec} quality {small}
INFO NAV waypoint {int} reached
INFO NAV waypoint {int} skipped
WARNING NAV radar echo {small} at {dec} nm bearing {int}
WARNING NAV radar target {small} lost
WARNING NAV compass deviation {dec} above limit
WARNING NAV gyro deviation {dec} above limit
ERROR NAV cannot read chart {file}: checksum error
ERROR NAV cannot read route {file}: checksum error
ERROR NAV receiver lost lock
ERROR NAV receiver regained lock
INFO POWER generator {small} online at {dec} Hz
INFO POWER generator {small} offline
INFO POWER breaker {small} closed
INFO POWER breaker {small} tripped
INFO POWER bus {small} load {int} kW
WARNING POWER battery {small} voltage {dec}
WARNING POWER battery {small} current {dec}
WARNING POWER battery {small} temperature {dec}
ERROR POWER insulation fault on bus {small}
ERROR POWER phase fault on bus {small}
""",
)
RUNNER = _system(
    "runner",
    _runner_head,
    """
INFO x Job {int} picked up by runner-{short_hex}
INFO x Cloning {repository} at {sha} into {path}
INFO x Stage {stage} started
INFO x Stage {stage} passed in {duration}
ERROR x Stage {stage} failed in {duration}
INFO x Command "{command}" exited with {int}
ERROR x Command "{command}" timed out
INFO x Restored cache key {stage}-{short_hex} ({size})
WARNING x Cache key {stage}-{short_hex} not found
INFO x Uploading artifact {file} ({size})
INFO x Uploaded artifact {file}
WARNING x Artifact {file} larger than {size}, compressing
DEBUG x pulling image registry.example.org/{stage}:{version}
ERROR x test {test} failed: expected {int} but got {int}
INFO x {int} passed, {small} failed, {small} skipped in {dec}s
WARNING x Flaky test {test} passed on retry {small}
INFO x Coverage {dec}% ({neg}% change)
INFO x Notifying {user} by mail
""",
)
SHOP = _system(
    "shop",
    _shop_head,
    """
INFO OrderService Order {int} created for customer {user} with {small} items, total {dec} EUR
INFO OrderService Order {int} cancelled by customer {user}
WARN OrderService Order {int} has no shipping address
INFO PaymentService Payment {uuid} authorized via {pay}
INFO PaymentService Payment {uuid} captured via {pay}
ERROR PaymentService Payment {uuid} declined by {pay}: insufficient funds
ERROR PaymentService Payment {uuid} declined by {pay}: card expired
ERROR PaymentService Timeout after {int} ms calling https://api.example.com/v{small}/charge
WARN PaymentService Retry {small}/{small} for payment {uuid}
INFO CartController Cart {uuid}: added {small} x "{product}"
INFO CartController Cart {uuid}: removed {small} x "{product}"
DEBUG CartController Cart {uuid} loaded in {int}ms
DEBUG CatalogCache Cache hit for key product:{int}
DEBUG CatalogCache Cache miss for key product:{int}
DEBUG CatalogCache Evicting {int} entries from region {region}
INFO CatalogCache Region {region} refreshed: {int} entries
INFO UserService User {user} logged in from {ip}
INFO UserService User {user} logged out
WARN UserService Failed login for user {user} from {ip}: bad password
WARN UserService Failed login for user {user} from {ip}: account locked
INFO Scheduler Job {job} started
INFO Scheduler Job {job} finished in {dec} s
INFO Pool Pool stats (total={small}, active={small}, idle={small}, waiting={small})
INFO Import Imported {int} of {int} rows from {file}
INFO Import Skipping row {int}: duplicate sku
""",
)
TABLE = _system(
    "table",
    _table_head,
    """
Information Mooring-Control The {service} service entered the running state.
Information Mooring-Control The {service} service entered the stopped state.
Information Mooring-Control The start type of the {service} service was changed from automatic to manual.
Error Mooring-Control The {service} service ended unexpectedly. It has done this {small} time(s).
Error Mooring-Control The {service} service failed to start. Access is denied.
Information Watch A person signed on. Account: {account} Session: {register}
Warning Watch A person failed to sign on. Account: {account} Session: {register}
Information Watch Special rights were given to a new session. Account: {account}
Warning Loader Crane {small} was paused.
Warning Loader Crane {small} was resumed.
Error Loader The loader could not read a plug-in at {winpath}, code {register}.
Error Loader Faulting part: {class}, version {version}, code {register}
Warning Store The operation at block {register} of shelf {small} was retried.
Warning Clock The clock cannot reach or does not trust {host}.
Information Clock The clock now follows {host}.
""",
)
WRIST = _system(
    "wrist",
    _wrist_head,
    """
D Steps count={int} delta={small} total={int}
D Steps goal {goal} progress {pct}
I Steps goal {goal} reached after {duration}
I Steps day rolled over, total was {int}
D Heart bpm={int} conf={dec} rr={rhythm}
W Heart sensor off wrist for {duration}
W Heart bpm {int} above limit {int}
I Sync connected to {mac} rssi={neg}
I Sync disconnected from {mac} reason={register}
I Sync upload {int} records
E Sync upload failed: http {int}
E Sync upload failed: no network
D Sync pending: {int}##{int}##{int}
V Ui brightness {int} -> {int}
I Power battery {pct} charging={flag} temp={dec}
W Power low battery: {pct}
I Power entering doze
I Power leaving doze
E Store db locked, retry {small}
E Store db corrupt at page {int}
""",
)
ALL = (TRAM, BREWERY, DISH, SHIP, RUNNER, SHOP, TABLE, WRIST)
