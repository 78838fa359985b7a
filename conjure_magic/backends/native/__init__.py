"""Skills written in Python, run in the kernel's own process.

`base` and `skill` contain what users write (`NativeSkill`, `@skill`). `tool`, `parameter`, `arguments` and `docstring`
describe it to a model. `context` is passed to a function, `results` converts its return value, `calling` runs and stops
it; `backend` connects them. `names` finds skills by the names of variables; `host` is the interface to the kernel.
"""

from conjure_magic.backends.native.base import NativeSkill
from conjure_magic.backends.native.context import SkillContext
from conjure_magic.backends.native.skill import skill

__all__ = ["NativeSkill", "SkillContext", "skill"]
