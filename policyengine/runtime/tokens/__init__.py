"""Session tokens and template tokens of Clerk: verified, or refused with a code (docs/aws-authorizer-tokens.md).

A folder that stands alone: it imports the standard library, PyJWT with cryptography, and cachetools, so that a bundle
carries it as it is. `Verifier` is what an authorizer holds for its whole life; `verify` is one look at one token.
"""

from .claims import Verified
from .codes import CODES, Rejected
from .endpoint import Endpoint, Health
from .pinned import PinnedKey, PinnedSet
from .principal import STANDARD, principal_of, wants_permissions
from .settings import Settings, SettingsError, parse_settings, settings_from_environment
from .strict import Malformed
from .switches import Switches, switches_from_environment
from .verifier import Verifier, verifier_from_environment
from .verifying import Keys, verify

__all__ = [
    "CODES",
    "Endpoint",
    "Health",
    "Keys",
    "Malformed",
    "PinnedKey",
    "PinnedSet",
    "Rejected",
    "STANDARD",
    "Settings",
    "SettingsError",
    "Switches",
    "Verified",
    "Verifier",
    "parse_settings",
    "principal_of",
    "settings_from_environment",
    "switches_from_environment",
    "verifier_from_environment",
    "verify",
    "wants_permissions",
]
