"""Agent Skills: folders with a SKILL.md, found, read and listed for a model."""

from conjure_magic.errors import PackageError
from conjure_magic.skills.catalogue import render_catalogue
from conjure_magic.skills.findings import Finding
from conjure_magic.skills.frontmatter import find_skill_md, parse_frontmatter
from conjure_magic.skills.package import Package, open_package, pack, unpack
from conjure_magic.skills.registry import SkillChanges, SkillRegistry, load_skills
from conjure_magic.skills.skill import Skill, load_skill
from conjure_magic.skills.template import new_skill
from conjure_magic.skills.trust import TrustStore
from conjure_magic.skills.validation import validate

__all__ = [
    "Finding",
    "Package",
    "PackageError",
    "Skill",
    "SkillChanges",
    "SkillRegistry",
    "TrustStore",
    "find_skill_md",
    "load_skill",
    "load_skills",
    "new_skill",
    "open_package",
    "pack",
    "parse_frontmatter",
    "render_catalogue",
    "unpack",
    "validate",
]
