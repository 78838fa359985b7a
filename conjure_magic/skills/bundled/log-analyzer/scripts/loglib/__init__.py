"""Reads any text log: learns its layout, its clock, its levels and its message templates."""
