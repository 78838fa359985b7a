"""Reading a request: what is asked, of what, per what, where and how many, with every content word accounted for."""

from conjure_magic.models.offline.reading.follow import changes_last, continue_reading, leads_on, points_back
from conjure_magic.models.offline.reading.reader import read_request
from conjure_magic.models.offline.reading.value import Ask, Reading, Save

__all__ = ["Ask", "Reading", "Save", "changes_last", "continue_reading", "leads_on", "points_back", "read_request"]
