"""What each LMS wants to read: a profile is a YAML file, a contract a profile with its settings put in.

columns   a column: what stands in it and how it is written
contract  all that the writers and load need to know of an LMS
settings  what only the customer knows
model     reads profiles and puts settings into them
"""

from include.codebashing_lms.profiles.columns import Column, Status
from include.codebashing_lms.profiles.contract import Contract, FileShape, Limits
from include.codebashing_lms.profiles.model import Profile, find_profile, profile_files
from include.codebashing_lms.profiles.settings import Setting

__all__ = [
    "Column",
    "Contract",
    "FileShape",
    "Limits",
    "Profile",
    "Setting",
    "Status",
    "find_profile",
    "profile_files",
]
