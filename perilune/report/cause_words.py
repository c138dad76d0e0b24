"""What the names of first causes mean, for people."""

CAUSES = {
    "not told": "not worked out when it was flown",
    "thrust_low": "less thrust was felt while braking than was asked for",
    "thrust_high": "more thrust was felt while braking than was asked for",
    "range_finder_given_up": "navigation gave the range finder up",
    "late_range": "the first valid range came after terminal descent was due",
    "no_range": "no valid range came before the ground",
    "range_not_believed": "there were valid ranges, and navigation believed none",
    "range_rejected": "navigation refused the ranges",
    "height_believed_wrong": "the believed height was wrong at the ground",
    "thrust_lost": "engines that were asked for thrust gave none",
    "propellant_exhausted": "the tanks ran dry",
    "diverged": "its state stopped being finite numbers: this tells of the simulation, not of the lander",
    "miss_distance": "it landed farther from the site than required",
    "burn_not_felt": "the burn in orbit was not felt as it should have been",
    "impact_from_orbit": "it met the ground before powered descent was due",
    "touchdown_vertical_speed_mps": "too fast downwards at touchdown, without an earlier trouble",
    "touchdown_horizontal_speed_mps": "too fast sideways at touchdown, without an earlier trouble",
    "touchdown_tilt_deg": "tilted too far at rest, without an earlier trouble",
    "ground_hard_landing": "within limits at contact, damaged on the ground",
    "ground_tipped": "within limits at contact, fell over on the ground",
}


def in_words(cause: str) -> str:
    """A first cause by its name and its meaning."""
    return f"{cause} ({CAUSES[cause]})." if cause in CAUSES else f"{cause}."
