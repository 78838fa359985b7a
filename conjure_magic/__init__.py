"""conjure_magic: Agent Skills in a notebook."""
