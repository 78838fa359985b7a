"""Records the logs in `notebooks/logs` anew: real nginx, a small shop, and an afternoon gone wrong."""
