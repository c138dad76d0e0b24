"""What units of mission files are in SI."""

import numpy as np

from perilune.foundation.moon import STANDARD_GRAVITY

DEGREE = np.pi / 180.0
ARCSECOND = DEGREE / 3600.0
DEGREE_PER_HOUR = DEGREE / 3600.0
DEGREE_PER_ROOT_HOUR = DEGREE / 60.0
MICRO_G = 1e-6 * STANDARD_GRAVITY
