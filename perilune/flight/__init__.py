"""What would fly: navigation, monitoring, guidance, control and the executive that joins them.

Nothing here knows that it is being simulated. It sees measurements, the lander as drawn and its own settings.
"""
