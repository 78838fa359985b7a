"""Records the logs in `notebooks/logs`: a real nginx, a small shop, and an incident."""
