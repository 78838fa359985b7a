"""Ways of writing a time: one pattern each for dates, clocks and zones, combined as logs combine them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

from loglib import months

# A word that may be a month's name: neither digits nor marks. `months` knows which are.
_MONTH = r"(?:[^\s!-@\[-`{-~]{1,3}\.[^\s!-@\[-`{-~]{1,3}\.?|[^\s!-@\[-`{-~]{2,15}\.?)"
_NEAR_DIGIT = re.compile(rf"\d[ ./-]*(?:de |d')?({_MONTH})(?![^\W\d_])|(?<![^\W\d_])({_MONTH})[ /-]+\d")
_DAYNAME = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? +)?"
_BLANK = "[ \u00a0\u202f]"  # a date may have a blank that does not break
# Numeric zones anywhere; names only those that cannot be mistaken for a word of the message.
_ZONE_HOURS = {
    "UTC": 0, "GMT": 0, "Z": 0, "CET": 1, "CEST": 2, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5,
    "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "JST": 9, "IST": 5.5, "BST": 1, "MSK": 3,
    "EET": 2, "EEST": 3, "WEST": 1, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13, "SGT": 8, "HKT": 8,
    "KST": 9, "BRT": -3, "AKST": -9, "AKDT": -8, "HST": -10,
}  # fmt: skip
_ZONES = "|".join(name for name in _ZONE_HOURS if name != "Z")
ZONE = (
    rf"(?P<zone>Z\b|(?: ?(?:GMT|UTC))?{_BLANK}?[+-]\d\d:?\d\d\b(?!:\d)|[+-](?:0\d|1[0-4])(?![\w:.-])"
    rf"|{_BLANK}(?:{_ZONES})\b)?"
)
FRACTION = r"(?P<frac>[.,:]\d{1,9}(?!\d))?"

# Letters in a kind: Y four-digit year, y two-digit, m month, b month's name, d day; `xxy` and
# `xxY` leave the order of day and month open, to be settled over the sample.
_DATES = (
    ("Ymd", r"(?P<Y>\d{4})(?P<q>[-/.])(?P<m>\d{1,2})(?P=q)(?P<d>\d{1,2})"),
    ("Ymd8", r"(?P<Y>(?:19|20)\d\d)(?P<m>0\d|1[0-2])(?P<d>[0-3]\d)"),
    ("xxY", r"(?P<u>\d{1,2})(?P<q>[-/.])(?P<v>\d{1,2})(?P=q)(?P<Y>\d{4})"),
    ("xxy", r"(?P<u>\d{1,2})(?P<q>[-/.])(?P<v>\d{1,2})(?P=q)(?P<w>\d\d)"),
    ("YmdK", r"(?P<Y>\d{4}) ?[年년] ?(?P<m>\d{1,2}) ?[月월] ?(?P<d>\d{1,2}) ?[日일号]"),
    ("Ymd.", r"(?P<Y>\d{4})\. ?(?P<m>\d{1,2})\. ?(?P<d>\d{1,2})\.(?!\d)"),
    ("dbY", rf"{_DAYNAME}(?P<d>\d{{1,2}})(?:[-/ .]|\. | de )(?P<b>{_MONTH})(?:[-/ ]| de )(?P<Y>\d{{4}})(?: ?г\.)?"),
    ("dbY9", r"(?P<d>\d{1,2})(?P<b>[A-Za-z]{3})(?P<Y>\d{4})"),
    ("Yj", r"(?P<Y>\d{4})-(?P<j>[0-3]\d\d)(?!\d)"),
    ("dby", rf"{_DAYNAME}(?P<d>\d{{1,2}})[-/ .](?P<b>{_MONTH})[-/ ](?P<y>\d\d)(?![\d:])"),
    ("Ybd", rf"(?P<Y>\d{{4}})[-/ ](?P<b>{_MONTH})[-/ ](?P<d>\d{{1,2}})"),
    ("Ybd.", rf"(?P<Y>\d{{4}})\. (?P<b>{_MONTH}) (?P<d>\d{{1,2}})\.?"),
    ("bdY", rf"{_DAYNAME}(?P<b>{_MONTH})[ -]+(?P<d>\d{{1,2}}),?[ -](?P<Y>\d{{4}}),?"),
    ("mdK", r"(?P<m>\d{1,2}) ?[月월] ?(?P<d>\d{1,2}) ?[日일号]"),
    ("bd", rf"{_DAYNAME}(?P<b>{_MONTH}) +(?P<d>\d{{1,2}})"),
    ("db", rf"{_DAYNAME}(?P<d>\d{{1,2}})[-/ .]+(?P<b>{_MONTH})"),
    ("ymd6", r"(?P<y>\d\d)(?P<m>0\d|1[0-2])(?P<d>[0-3]\d)"),
    ("xx", r"(?P<u>\d{1,2})(?P<q>[-/.])(?P<v>\d{1,2})"),
    ("", ""),
)
_TIMES = (
    ("H:M:S", r"(?P<H>\d{1,2}):(?P<M>\d{1,2}):(?P<S>\d{1,2})"),
    ("H.M.S", r"(?P<H>\d\d)\.(?P<M>\d\d)\.(?P<S>\d\d)"),
    ("H-M-S", r"(?P<H>\d\d)-(?P<M>\d\d)-(?P<S>\d\d)"),
    ("HMS", r"(?P<H>[01]\d|2[0-3])(?P<M>[0-5]\d)(?P<S>[0-5]\d)"),
    ("H:M", r"(?P<H>\d{1,2}):(?P<M>\d\d)"),
    ("H:M:SK", r"(?P<H>\d{1,2}) ?[時时点시] ?(?P<M>\d{1,2}) ?[分분] ?(?P<S>\d{1,2}) ?[秒초]"),
)
_HALVES = (
    rf"[AaPp]\.?{_BLANK}?[Mm]\b\.?|π\.?μ\.|μ\.?μ\.|(?:ÖÖ|ÖS|SA|CH|ص|م)\b|上午|下午|午前|午後|오전|오후|पूर्वाह्न|अपराह्न"
)
_HALF = rf"(?:{_BLANK}{{0,2}}(?=[AaPpπμÖSCصم上下午오पअ])(?P<p>{_HALVES}))?"
_WEEKDAY = r"(?: ?\(.\)| ?(?:星期|周|週).| ?[월화수목금토일月火水木金土日](?:요일|曜日))?"
_FIRST_HALF = r"(?:(?P<a>[AaPp][Mm]|上午|下午|午前|午後|오전|오후|凌晨|早上|中午|晚上|傍晚) ?)?"
_JOIN = r"(?:[T_:/-]| +|, ?| +- | at |\.|\] ?\[)?"
Fields = dict[str, str | None]


@dataclass(frozen=True)
class Moment:
    """A point in time: `iso` as written (zone only where the log writes one), `epoch` in seconds."""

    iso: str
    epoch: float


@dataclass(frozen=True)
class Style:
    """One way to write a time.

    `core` matches all but fraction and zone; `worth` says how much of a full time it gives.
    `order` holds the settled order of the fields u, v, w ("dm", "mdy", …) where it was open.
    """

    name: str
    core: str
    worth: float
    has_date: bool = True
    has_year: bool = True
    order: str = ""
    tail: str = FRACTION + _HALF + ZONE

    @property
    def pattern(self) -> str:
        """The whole time, as one regular expression with named groups."""
        return self.core + self.tail


_HALVED = ("Ymd", "xxY", "xxy")  # dates behind which the half of the day may stand before the clock


def _compose() -> list[Style]:
    styles = []
    for date, date_core in _DATES:
        for time, time_core in _TIMES:
            if not _sensible(date, time):
                continue
            core = date_core + (_JOIN if date else "") + time_core
            if date in ("YmdK", "mdK", "Ymd.") or time == "H:M:SK" or (date in _HALVED and time == "H:M:S"):
                core = date_core + (_WEEKDAY + _JOIN if date else "") + _FIRST_HALF + time_core
            if date in ("Ymd8", "ymd6") and time == "HMS":
                core = date_core + r"[ T_/-]" + ("?" if date == "Ymd8" else "") + time_core
            year = "Y" in date or "y" in date
            worth = 1.0 + (2.0 if date else 0) + (0.5 if year else 0) - (0.6 if time == "H:M" else 0)
            styles.append(Style(f"{date} {time}".strip(), core, worth, bool(date), year))
    for date, date_core in _DATES:
        # The clock first, then a date with its year.
        if "Y" in date and date != "Ymd8":
            core = _TIMES[0][1] + r"(?P<frac>\.\d{1,9})?[ ,]+" + date_core
            styles.append(Style(f"H:M:S {date}", core, 3.4, tail=ZONE))
    unix = rf"{_DAYNAME}(?P<b>{_MONTH}) +(?P<d>\d{{1,2}}) +(?P<H>\d\d):(?P<M>\d\d):(?P<S>\d\d)"
    after = r"(?P<frac>\.\d{1,9})?"
    styles.append(Style("bd H:M:S Y", unix + after + r"(?: [A-Z]{2,5})? (?P<Y>(?:19|20)\d\d)", 3.6, tail=""))
    return styles


def _sensible(date: str, time: str) -> bool:
    """Leave out pairs that would see times in plain numbers and versions."""
    if time == "HMS":
        return date in ("Ymd8", "ymd6", "Ymd")
    if time in ("H.M.S", "H-M-S"):
        return date in ("Ymd", "Ymd8", "dbY", "dby")
    if time == "H:M:SK":
        return date in ("YmdK", "mdK", "Ymd", "")
    if date in ("YmdK", "mdK", "Ymd."):
        return time == "H:M:S"
    if date == "":
        return time == "H:M:S"
    return not (date == "ymd6" and time == "H:M") and not (date == "xx" and time == "H:M")


STYLES = _compose()
# A level's letter, month and day without a mark, clock: the letter is taken by the layout, not here.
LETTERED = Style(
    "md4 H:M:S", r"(?P<m>0\d|1[0-2])(?P<d>[0-3]\d) (?P<H>\d\d):(?P<M>\d\d):(?P<S>\d\d)", 3.4, has_year=False
)
_SECONDS = r"(?P<E>1\d{18}|1\d{15}|1\d{12}|1\d{9}|[2-9]\d{8})(?!\d)"
EPOCH = Style("epoch", _SECONDS, 1.6, tail=r"(?P<frac>\.\d{1,9})?(?::\d+)?")
UPTIME = Style("uptime", r"(?P<E>\d{1,8})", 0.8, has_date=False, tail=r"(?P<frac>\.\d{3,9})")
# Whole cells that hold a date without a clock, or seconds since 1970.
DAY_CELL = re.compile(r"(?P<Y>(?:19|20)\d\d)(?P<q>[-/.]?)(?P<m>\d\d)(?P=q)(?P<d>\d\d)\Z")
EPOCH_CELL = re.compile(r"1\d{9}\Z|[2-9]\d{8}\Z")


def day_of(cell: str) -> datetime | None:
    """The time that a date cell or an epoch cell stands for."""
    day = DAY_CELL.match(cell)
    try:
        if day:
            return datetime(int(day["Y"]), int(day["m"]), int(day["d"]))
        return datetime.fromtimestamp(int(cell), UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        return None


# What must be seen in a text, its digits written 0, for a date or a clock to be possible at all.
_NEEDED = {
    "H:M:S": ":0", "H:M": ":0", "H.M.S": "00.00.00", "H-M-S": "00-00-00", "HMS": "000000", "Ymd8": "00000000",
    "ymd6": "000000", "Yj": "0000-000", "YmdK": "0", "mdK": "0", "Ymd.": "0.", "H:M:SK": "0",
    "epoch": "000000000", "uptime": ".000",
}  # fmt: skip


def has_months(text: str) -> bool:
    """Whether the name of a month stands beside a digit somewhere."""
    return any(months.month(match[1] or match[2]) for match in _NEAR_DIGIT.finditer(text))


def possible(style: Style, shape: str, named: bool) -> bool:
    """Whether a style can occur in a text of this shape; spares compiling what cannot match."""
    if style.name in ("epoch", "uptime"):
        return _NEEDED[style.name] in shape
    date, _, time = style.name.rpartition(" ")
    if date == "H:M:S":
        date, time = time, date
    if time == "Y":
        return named and "0000" in shape
    if "b" in date and not named:
        return False
    if date.endswith("K") and "月" not in shape and "월" not in shape:
        return False
    if time.endswith("K") and "分" not in shape and "분" not in shape:
        return False
    if date.startswith("xx") or date == "Ymd":
        if not any(f"0{mark}0" in shape for mark in "-/."):
            return False
        if "Y" in date and "0000" not in shape:
            return False
    return _NEEDED[time] in shape and _NEEDED.get(date, "") in shape


def settle_order(style: Style, seen: Sequence[Fields]) -> Style:
    """The style with its day and month order decided by what the sample can rule out."""
    if not seen or "u" not in seen[0] or style.order:
        return style
    mark = seen[0].get("q")
    if "w" in seen[0]:
        orders = ["dmy", "ymd", "mdy"] if mark == "." else ["ymd", "mdy", "dmy"]
    else:
        orders = ["dm", "md"] if style.has_year and mark != "/" else ["md", "dm"]
    fitting = [order for order in orders if _fits(order, seen)] or orders
    best = min(fitting, key=lambda o: (_steps_back(o, seen), _spread(o, seen), _age(o, seen), orders.index(o)))
    return Style(style.name, style.core, style.worth, style.has_date, style.has_year, best, style.tail)


def _fits(order: str, seen: Sequence[Fields]) -> bool:
    for fields in seen:
        values = dict(zip(order, (fields.get(k) or "0" for k in "uvw"), strict=False))
        if not (1 <= int(values["m"]) <= 12 and 1 <= int(values["d"]) <= 31):
            return False
    return True


def _steps_back(order: str, seen: Sequence[Fields]) -> int:
    """How often a day is earlier than the one before it: a log is in order of time."""
    places = ["uvw"[order.index(part)] for part in "ymd" if part in order]
    days = [[fields.get("Y") or "", *(int(fields.get(place) or 0) for place in places)] for fields in seen]
    return sum(1 for one, other in pairwise(days) if other < one)


def _spread(order: str, seen: Sequence[Fields]) -> tuple[int, int]:
    """How many years and months an order implies: the order under which a log is short is likelier."""
    columns = {part: {fields.get(k) for fields in seen} for part, k in zip(order, "uvw", strict=False)}
    return (len(columns.get("y", ())), len(columns["m"]))


def _age(order: str, seen: Sequence[Fields]) -> int:
    """How many years ago an order with a two-digit year puts a log: few are likelier, and none lies ahead."""
    if "y" not in order:
        return 0
    year = 2000 + int(seen[0].get("uvw"[order.index("y")]) or 0)
    this = datetime.now(UTC).year
    return this - year if year <= this else 100


def year_for(month: int, day: int, near: datetime, *, exact: bool) -> int:
    """The year of a date without one: nearest to `near` if that is exact, else the latest not after it."""
    if not exact:
        return near.year if (month, day) <= (near.month, near.day) else near.year - 1
    months = (near.year * 12 + near.month) - month
    return (months + 6) // 12


def reader(style: Style, newest: datetime, *, exact: bool = False) -> Callable[[Fields], Moment | None]:
    """A function from a pattern's groups to a Moment, None where the numbers are no time.

    `newest` gives a missing year or date: a file's modification time or, `exact`, another cell of the line.
    """
    if style.name in ("epoch", "uptime"):
        return _read_epoch if style.name == "epoch" else _read_uptime

    def read(fields: Fields) -> Moment | None:
        if style.order:
            parts = dict(zip(style.order, (fields.get(k) for k in "uvw"), strict=False))
            fields = {**fields, **parts}
        try:
            moment = _build(fields, newest, exact)
        except ValueError:
            return None
        return _with_zone(moment, fields)

    return read


def _build(fields: Fields, newest: datetime, exact: bool) -> datetime:
    name = fields.get("b")
    month = months.month(name) if name else int(fields.get("m") or newest.month)
    if month is None:
        raise ValueError(f"{name} is no month")
    day = int(fields.get("d") or newest.day)
    if fields.get("j"):
        start = datetime(int(fields["Y"] or 0), 1, 1) + timedelta(days=int(fields["j"] or 0) - 1)
        month, day = start.month, start.day
    written = fields.get("Y") or fields.get("y")
    dated = bool(name or fields.get("m"))
    year = int(written) if written else year_for(month, day, newest, exact=exact) if dated else newest.year
    if written and len(written) == 2:
        year += 2000 if year < 70 else 1900  # POSIX strptime: 69-99 are 1969-1999
    hour = int(fields.get("H") or 0)
    half = months.half(fields.get("p") or fields.get("a") or "")
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    second = min(int(fields.get("S") or 0), 59)  # a leap second counts as the one before
    micro = int((fields.get("frac") or ".0")[1:7].ljust(6, "0"))
    return datetime(year, month, day, hour % 24, int(fields.get("M") or 0), second, micro)


def _with_zone(moment: datetime, fields: Fields) -> Moment:
    zone = (fields.get("zone") or "").strip()
    if len(zone) > 4 and zone[:3] in ("UTC", "GMT"):
        zone = zone[3:].strip()
    if not zone:
        return Moment(moment.isoformat(), moment.replace(tzinfo=UTC).timestamp())
    if zone in _ZONE_HOURS:
        offset = timedelta(hours=_ZONE_HOURS[zone])
    else:
        digits = zone[1:].replace(":", "")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:4] or 0))
        offset = -offset if zone[0] == "-" else offset
    aware = moment.replace(tzinfo=timezone(offset))
    return Moment(aware.isoformat(), aware.timestamp())


def _read_epoch(fields: Fields) -> Moment | None:
    digits = fields.get("E") or "0"
    seconds = int(digits[:10]) if len(digits) >= 10 else int(digits)
    tail = (digits[10:] or (fields.get("frac") or ".0")[1:])[:6].ljust(6, "0")
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=int(tail))
    return Moment(moment.replace(tzinfo=None).isoformat(), moment.timestamp())


def _read_uptime(fields: Fields) -> Moment | None:
    seconds = float((fields.get("E") or "0") + (fields.get("frac") or ""))
    return Moment(f"PT{seconds:.6f}".rstrip("0").rstrip(".") + "S", seconds)
