"""What reached the ground: onboard channels once a second, until the lander is lost or down."""

import numpy as np

from .dictionary import ONBOARD


def downlinked(channels: dict[str, np.ndarray], last_time_s: float) -> dict[str, np.ndarray]:
    """The onboard channels as the ground would have them: one frame a second up to the last moment of contact."""
    time = channels["time_s"]
    is_whole = np.abs(time - np.round(time)) < 1e-6  # the mission check holds cycles to whole numbers a second
    chosen = np.flatnonzero((time <= last_time_s) & is_whole)
    names = ("time_s", *(channel.name for channel in ONBOARD))
    return {name: channels[name][chosen] for name in names}
