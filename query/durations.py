"""Lengths of time as a person reads them."""

# Each unit in seconds, with the next smaller one.
_UNITS = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))


def show_duration(seconds: float) -> str:
    """Return a length of time in its two largest units: 5430 seconds give ``1 h 30 min``."""
    if seconds < 59.95:
        return f"{seconds:.3g} s"
    for unit, name, part, part_name in _UNITS:
        # Rounded before the unit is chosen, or else there would be 60 minutes and 0 seconds.
        parts = round(seconds / part)
        if parts * part >= unit:
            whole, rest = divmod(parts, unit // part)
            return f"{whole} {name}" + (f" {rest} {part_name}" if rest else "")
    return f"{round(seconds)} s"
