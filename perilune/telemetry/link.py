"""What reached the ground: onboard channels once a second, until the lander is lost or down."""

import numpy as np

from .dictionary import ONBOARD

DOWNLINK_PERIOD = 10  # cycles between telemetry frames


def downlinked(channels: dict[str, np.ndarray], last_time_s: float) -> dict[str, np.ndarray]:
    """The onboard channels as the ground would have them: one frame a second up to the last moment of contact."""
    chosen = np.flatnonzero(channels["time_s"] <= last_time_s)[DOWNLINK_PERIOD - 1 :: DOWNLINK_PERIOD]
    names = ("time_s", *(channel.name for channel in ONBOARD))
    return {name: channels[name][chosen] for name in names}
