"""How times of videos are shown."""


def show_time(time_s: float) -> str:
    """Return seconds as hours, minutes and seconds: 83.4 gives ``0:01:23.400``."""
    minutes, seconds = divmod(round(time_s, 3), 60)
    return f"{int(minutes // 60)}:{int(minutes % 60):02d}:{seconds:06.3f}"
