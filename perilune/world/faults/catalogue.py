"""Every kind of fault that can be flown."""

from .of_machine import MACHINE
from .of_sensors import SENSORS
from .of_software import SOFTWARE

CATALOGUE = {kind.name: kind for kind in (*SENSORS, *MACHINE, *SOFTWARE)}
