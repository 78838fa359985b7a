"""A small web shop over SQLite: the software whose logs are recorded."""
