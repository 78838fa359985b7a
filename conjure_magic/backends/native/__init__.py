"""Skills written in Python, run in the kernel's own process.

`base` and `skill` have what a user writes (`NativeSkill`, `@skill`); `tool`, `parameter`, `arguments` and `docstring`
tell a model of it; `context` is what a function is given, `results` what becomes of what it returns, `calling` how it
is run and stopped; `backend` puts them together. `names` finds skills by the names of variables; `host` is the kernel
around.
"""

from conjure_magic.backends.native.base import NativeSkill
from conjure_magic.backends.native.context import SkillContext
from conjure_magic.backends.native.skill import skill

__all__ = ["NativeSkill", "SkillContext", "skill"]
