"""Where a service is and how a client proves who it is."""

from .credential_provider import CredentialProvider

__all__ = ["CredentialProvider"]
