"""Round steps and ticks of wall-clock time."""

from datetime import datetime, timedelta

MOST_TICKS = 8

_WALL_EPOCH = datetime(1970, 1, 1)
_HOUR, _DAY = 3600, 86400
_WEEK = 7 * _DAY
_STEPS_S = (
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800),
    *(_HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, _WEEK, 2 * _WEEK),
)
_STEPS_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
_MONTH_S = 30.44 * _DAY


def wall_seconds(time: datetime) -> float:
    """Return a wall-clock time in seconds since 1970."""
    return (time - _WALL_EPOCH).total_seconds()


def wall_time(seconds: float) -> datetime:
    """Return seconds since 1970 as a wall-clock time; the nearest that there is."""
    try:
        return _WALL_EPOCH + timedelta(seconds=round(seconds))
    except OverflowError:
        return datetime.max if seconds > 0 else datetime.min


def time_step(span: float, most: int) -> float:
    """Choose the smallest round step, in seconds, of which not more than `most` fill a span."""
    months = (n * _MONTH_S for n in _STEPS_MONTHS)
    return next((s for s in (*_STEPS_S, *months) if span / s <= most), span / most)


def floor_time(seconds: float, step: float) -> float:
    """Return the last multiple of a step before a time; weeks begin on Mondays."""
    # 1970-01-05 was the first Monday.
    origin = 4 * _DAY if step % _WEEK == 0 else 0
    return (seconds - origin) // step * step + origin


def time_ticks(first: float, last: float, most: int = MOST_TICKS) -> list[datetime]:
    """Choose round wall-clock times between two (in seconds since 1970), about `most` of them."""
    span = last - first
    step = time_step(span, most)
    if step <= 2 * _WEEK:
        start = floor_time(first, step)
        seconds = (start + n * step for n in range(most + 2))
        return [wall_time(s) for s in seconds if first <= s <= last]
    months = next((n for n in _STEPS_MONTHS if span / (n * _MONTH_S) <= most), _STEPS_MONTHS[-1])
    ticks = []
    begin, end = wall_time(first), wall_time(last)
    for month in range(begin.year * 12, end.year * 12 + 12, months):
        tick = datetime(month // 12, month % 12 + 1, 1)
        if begin <= tick <= end:
            ticks.append(tick)
    return ticks
