"""The backend `anthropic`: code and document skills in a container of Anthropic's."""
