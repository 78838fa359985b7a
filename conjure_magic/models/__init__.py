"""Models: what answers requests. `choice.py` finds the one that a user means; `base.py` is the interface."""
