"""Session tokens and template tokens of Clerk: verified, or refused with a code (docs/aws-authorizer-tokens.md).

A folder that stands alone: it imports the standard library, PyJWT with cryptography, and cachetools, so that a bundle
carries it as it is. `verify` is one look at one token.
"""

from .claims import Verified
from .codes import CODES, Rejected
from .pinned import PinnedKey, PinnedSet
from .principal import STANDARD, principal_of, wants_permissions
from .settings import Settings, SettingsError, parse_settings, settings_from_environment
from .strict import Malformed
from .verifying import Keys, verify

__all__ = [
    "CODES",
    "Keys",
    "Malformed",
    "PinnedKey",
    "PinnedSet",
    "Rejected",
    "STANDARD",
    "Settings",
    "SettingsError",
    "Verified",
    "parse_settings",
    "principal_of",
    "settings_from_environment",
    "verify",
    "wants_permissions",
]
