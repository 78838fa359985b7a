"""Every weight and threshold that the planner decides by."""

from __future__ import annotations

SLOT_KEY = 6.0
"""A key in the lines is the word that is asked for."""
SLOT_KEY_PART = 4.0
"""It holds that word."""
SLOT_BESIDE = 4.0
"""The word stands right before a value."""
SLOT_NEAR = 3.0
"""It stands one word further away."""
SLOT_ADDRESS = 3.0
"""The value is an address, and one is asked for."""
SLOT_TOPIC = 1.0
"""What the lines are about stands right before a value."""
SLOT_ENOUGH = 3.0
"""What a place must reach to be the value that is asked for."""
SLOT_SHARE = 0.25
"""Share of the lines that must have the place."""

NUMBER_KEY = 6.0
NUMBER_KEY_PART = 3.0
NUMBER_BESIDE = 2.0
NUMBER_NEAR = 1.0
NUMBER_UNIT = 2.0
"""The number has the unit that is asked for."""
NUMBER_ENOUGH = 2.0

MAIN_COMMAND = 0.5
"""What being documented first is worth: it is the author's usual way."""
ENOUGH_UNDERSTOOD = 0.5
"""Share of a request's own words that a documented command must account for to be run."""
