"""From the text of a date to an instant, as SQL: no calendar library is called for a row.

Zone rules become a decision tree over the moments at which a zone changes its offset. A local time
that happens twice is the first of the two; one that never happens is read with the offset before the
gap: what Python's ``fold=0`` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from warehouse.database import text

_FIRST_YEAR, _LAST_YEAR = 1900, 2100  # outside, the first and the last offset hold
_DAY_US = 86_400_000_000
_FIRST_YEAR_OF_CLOCKS = 1970  # earlier changes are of other kinds, and no event is timed so long ago
CLOCK_CHANGES = ("skipped", "repeated")
_DAY = r"\d{4}-\d\d-\d\d"
_TIME = r"[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?"
_OFFSET = r"(Z|[+-](0\d|1[0-4])(:?[0-5]\d)?)"
_HAS_SECONDS = "{raw} LIKE '________________:%'"  # a colon in the seventeenth place
PRECISIONS = ("day", "minute", "second")
_PRECISIONS = ", ".join(text(word) for word in PRECISIONS)
_MINUTE, _SECOND = ("%H", "%I", "%M"), ("%S", "%T", "%X", "%c")


@cache
def changes(zone: str) -> tuple[tuple[datetime, timedelta, timedelta], ...]:
    """When the offset of a zone changes: the instant (UTC), the offset before and the one after."""
    rules = ZoneInfo(zone)
    found, week = [], timedelta(days=7)
    moment = datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC)
    while moment.year < _LAST_YEAR:
        if _offset(rules, moment) != _offset(rules, moment + week):
            found.append(_change_within(rules, moment, moment + week))
        moment += week
    return tuple(found)


def _offset(rules: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(rules).utcoffset() or timedelta()


def _change_within(rules: ZoneInfo, low: datetime, high: datetime) -> tuple[datetime, timedelta, timedelta]:
    before, after = _offset(rules, low), _offset(rules, high)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        low, high = (middle, high) if _offset(rules, middle) == before else (low, middle)
    return high.replace(tzinfo=None), before, after


def zone_offset_sql(zone: str, moment: str, *, local: bool) -> str:
    """SQL for the zone's offset in seconds at ``moment``, SQL of a local or of a UTC time stamp."""
    known = changes(zone)
    steps = [
        (at + (max(before, after) if local else timedelta()), _seconds(after)) for at, before, after in changes(zone)
    ]
    first = known[0][1] if known else _offset(ZoneInfo(zone), datetime(2000, 1, 1, tzinfo=UTC))
    return _tree(steps, _seconds(first), moment)


def standard_offset(zone: str, year: int) -> int:
    """The offset in seconds of the zone's clocks outside summer time: the smaller of January's and July's."""
    rules = ZoneInfo(zone)
    return int(min(_offset(rules, datetime(year, month, 1, tzinfo=UTC)) for month in (1, 7)).total_seconds())


def clock_change_sql(zone: str, moment: str) -> str | None:
    """SQL for ``skipped`` where the clocks of the zone never show the local time, ``repeated`` where twice.

    Null elsewhere, and before 1970. None for a zone whose clocks have not changed since.
    """
    known = [change for change in changes(zone) if change[0].year >= _FIRST_YEAR_OF_CLOCKS]
    if not known:
        return None
    steps = []
    for at, before, after in known:
        said = "'skipped'" if after > before else "'repeated'"
        steps += [(at + min(before, after), said), (at + max(before, after), "NULL")]
    months = ", ".join(str(month) for month in sorted({moment.month for moment, _ in steps}))
    first, end = _part_of_day([(start, stop) for (start, _), (stop, _) in zip(steps[::2], steps[1::2], strict=True)])
    # The time of day comes first, then the month: most rows then need no walk through the tree.
    may_be = f"epoch_us({moment}) % {_DAY_US} BETWEEN {first} AND {end} AND month({moment}) IN ({months})"
    kinds = ", ".join(text(kind) for kind in CLOCK_CHANGES)
    return f"CASE WHEN {may_be} THEN ({_tree(steps, 'NULL', moment)})::ENUM ({kinds}) END"


def _part_of_day(spans: list[tuple[datetime, datetime]]) -> tuple[int, int]:
    """The first and the last microsecond of the day that some span may hold; the whole day if one holds a midnight."""
    if any(start.date() != (stop - timedelta(microseconds=1)).date() for start, stop in spans):
        return 0, _DAY_US - 1
    firsts = [start - datetime.combine(start, time()) for start, _ in spans]
    lasts = [stop - datetime.combine(start, time()) for start, stop in spans]
    microsecond = timedelta(microseconds=1)
    return min(firsts) // microsecond, max(lasts) // microsecond - 1


def _seconds(offset: timedelta) -> str:
    return str(int(offset.total_seconds()))


def _tree(steps: list[tuple[datetime, str]], first: str, moment: str) -> str:
    """SQL for the step in force at ``moment``; ``first`` before them all."""
    if not steps:
        return first
    middle = len(steps) // 2
    at, after = steps[middle]
    earlier, later = _tree(steps[:middle], first, moment), _tree(steps[middle + 1 :], after, moment)
    return f"CASE WHEN {moment} < TIMESTAMP '{at.isoformat(' ')}' THEN {earlier} ELSE {later} END"


@dataclass(frozen=True)
class Clock:
    """How a source writes time: format, zone of texts without an offset, zone in which days count.

    ``ignores_offset``: what a text says of its offset is wrong, its time is local all the same.
    ``days_only``: times of day are not real; only the local day they fall on is.
    """

    date_format: str
    zone: str
    programme_zone: str
    ignores_offset: bool = False
    days_only: bool = False

    def read_sql(self, raw: str) -> str:
        """SQL for what the engine makes of a text: more than was declared, null where it makes nothing of it."""
        if self.date_format == "iso":
            return f"TRY_CAST({raw} AS TIMESTAMP)"
        return f"TRY_CAST(try_strptime({raw}, {text(self.date_format)}) AS TIMESTAMP)"

    def usual_sql(self, raw: str, read: str) -> str:
        """SQL for whether the text is a day and a time to the second: no regular expression is then asked.

        ``read`` is the column of ``read_sql``: inside a CASE the engine would read a text once a branch.
        """
        return f"strlen({raw}) = 19 AND {read}::VARCHAR = {raw}" if self.date_format == "iso" else "false"

    def written_sql(self, raw: str, read: str, usual: str) -> str:
        """SQL for the time stamp as written, its offset set aside; null where it cannot be read.

        ``usual`` is the column of ``usual_sql``, here and below.
        """
        if self.date_format == "iso":
            # The cast alone takes "epoch" and "2021/1/5" and drops offsets in silence: the shape comes first.
            return (
                f"CASE WHEN {usual} THEN {read} "
                f"WHEN regexp_full_match({raw}, '{_DAY}({_TIME})?') THEN {read} "
                f"WHEN regexp_full_match({raw}, '{_DAY}{_TIME}{_OFFSET}') "
                f"THEN TRY_CAST(regexp_replace({raw}, '{_OFFSET}$', '') AS TIMESTAMP) END"
            )
        # "%Y" takes "23" for the year 23: a year of two digits is not what was declared.
        return f"CASE WHEN {read} >= TIMESTAMP '1000-01-01' THEN {read} END"

    def offset_sql(self, raw: str, usual: str) -> str:
        """SQL for the offset in seconds that the text itself carries; null where none counts."""
        if self.ignores_offset:
            return "NULL::INTEGER"
        if self.date_format != "iso":
            return "0" if "%z" in self.date_format else "NULL::INTEGER"  # strptime has applied a %z already
        digits = f"replace(regexp_extract({raw}, '{_OFFSET}$', 1), ':', '')"
        seconds = f"3600 * CAST({digits}[2:3] AS INTEGER) + 60 * coalesce(TRY_CAST({digits}[4:5] AS INTEGER), 0)"
        has_none = f"strlen({raw}) <= 16 OR (strlen({raw}) = 19 AND {_HAS_SECONDS.format(raw=raw)})"
        return (
            f"CASE WHEN {usual} OR {has_none} THEN NULL "
            f"WHEN ends_with({raw}, 'Z') THEN 0 "
            f"WHEN regexp_full_match({raw}, '{_DAY}{_TIME}{_OFFSET}') "
            f"THEN ({seconds}) * CASE {digits}[1] WHEN '-' THEN -1 ELSE 1 END END"
        )

    def precision_sql(self, raw: str, usual: str) -> str:
        """SQL for how fine the text is: day, minute or second."""
        day, minute, second = (f"{text(word)}::ENUM ({_PRECISIONS})" for word in PRECISIONS)
        if self.days_only:
            return day
        if self.date_format == "iso":
            seconds = f"CASE WHEN {_HAS_SECONDS.format(raw=raw)} THEN {second} ELSE {minute} END"
            return f"CASE WHEN {usual} THEN {second} WHEN strlen({raw}) = 10 THEN {day} ELSE {seconds} END"
        if any(directive in self.date_format for directive in _SECOND):
            return second
        return minute if self._tells_time else day

    @property
    def _tells_time(self) -> bool:
        """Whether some text may say more than a day."""
        return not self.days_only and (
            self.date_format == "iso" or any(directive in self.date_format for directive in (*_MINUTE, *_SECOND))
        )

    def instant_sql(self, written: str, offset: str, precision: str) -> str:
        """SQL for the instant in UTC. A day alone is that day's midnight in the programme's zone."""
        local = _moved(written, f"-({zone_offset_sql(self.zone, written, local=True)})")
        if self.zone != self.programme_zone:
            midnight = _moved(written, f"-({zone_offset_sql(self.programme_zone, written, local=True)})")
            local = f"CASE {precision} WHEN 'day' THEN {midnight} ELSE {local} END"
        return f"CASE WHEN {offset} IS NULL THEN {local} ELSE {_moved(written, f'-{offset}')} END"

    def day_alone_sql(self, written: str, offset: str) -> str:
        """SQL for the midnight, without an offset, that stands for the local day of a time that is not real."""
        instant = _moved(written, f"-{offset}")
        local = _moved(instant, zone_offset_sql(self.zone, instant, local=False))
        return f"(CASE WHEN {offset} IS NULL THEN {written} ELSE {local} END)::DATE::TIMESTAMP"

    def clock_change_sql(self, written: str, offset: str, precision: str) -> str | None:
        """SQL for the change of clocks that a time without an offset falls into; None where it never does."""
        change = clock_change_sql(self.zone, written)
        if change is None or not self._tells_time:
            return None
        day = f"{text(PRECISIONS[0])}::ENUM ({_PRECISIONS})"  # two numbers are compared, not two words
        return f"CASE WHEN {offset} IS NULL AND {precision} <> {day} THEN {change} END"

    def day_sql(self, written: str, offset: str, precision: str, instant: str) -> str:
        """SQL for the calendar day in the programme's zone."""
        as_written = f"{offset} IS NULL"
        if self.zone != self.programme_zone:
            as_written += f" AND {precision} = 'day'"
        local = _moved(instant, zone_offset_sql(self.programme_zone, instant, local=False))
        return f"CASE WHEN {as_written} THEN {written}::DATE ELSE {local}::DATE END"


def _moved(moment: str, seconds: str) -> str:
    """SQL for a moment and so many seconds more: adding an interval takes twice as long."""
    return f"make_timestamp(epoch_us({moment}) + 1000000::BIGINT * ({seconds}))"
