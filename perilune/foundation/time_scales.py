"""From a calendar moment in UTC to the ephemerides' time."""

from bisect import bisect_right
from datetime import UTC, date, datetime

from .errors import UserError

J2000_JULIAN_DAY = 2451545.0
TT_MINUS_TAI_S = 32.184  # IAU 1991 resolution A4
# TAI − UTC in whole seconds from each date on (IERS Bulletin C; 10 s on 1 January 1972, one more at each later date).
LEAPS = tuple(
    date(year, month, 1)
    for year, month in (
        (1972, 1), (1972, 7), (1973, 1), (1974, 1), (1975, 1), (1976, 1), (1977, 1), (1978, 1), (1979, 1), (1980, 1),
        (1981, 7), (1982, 7), (1983, 7), (1985, 7), (1988, 1), (1990, 1), (1991, 1), (1992, 7), (1993, 7), (1994, 7),
        (1996, 1), (1997, 7), (1999, 1), (2006, 1), (2009, 1), (2012, 7), (2015, 7), (2017, 1),
    )
)  # fmt: skip


def tai_minus_utc(moment: datetime) -> float:
    """Leap seconds at a moment (UTC), s. Raises UserError before 1972; after the last known leap it stays."""
    count = bisect_right(LEAPS, moment.astimezone(UTC).date())
    if count == 0:
        raise UserError(f"{moment.isoformat()} is before 1972, when UTC did not yet count whole seconds: take a later moment.")
    return 9.0 + count


def tdb_seconds(moment: datetime) -> float:
    """Seconds of TDB since J2000 at a moment in UTC. TDB is taken as TT: they differ by at most 1.7 ms, 3 m of flight."""
    if moment.tzinfo is None:
        raise UserError(f"{moment.isoformat()} has no time zone: write 2025-06-05T19:17:00Z.")
    noon = datetime(2000, 1, 1, 12, tzinfo=UTC)
    return (moment - noon).total_seconds() + tai_minus_utc(moment) + TT_MINUS_TAI_S
