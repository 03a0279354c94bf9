"""The settings of connections and of calls on them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import timedelta
from pathlib import Path
from typing import Optional


class GrpcConfiguration(ABC):
    """Immutable: the `with_` methods give changed copies."""

    @abstractmethod
    def get_deadline(self) -> timedelta:
        """How long a request may take, waiting included."""

    @abstractmethod
    def with_deadline(self, deadline: timedelta) -> GrpcConfiguration:
        """A copy with this deadline. InvalidArgumentException unless it is positive."""

    @abstractmethod
    def with_root_certificates_pem(self, root_certificates_pem_path: Path) -> GrpcConfiguration:
        """A copy with the certificates in that file. FileNotFoundError or PermissionError where it cannot be read."""

    @abstractmethod
    def get_root_certificates_pem(self) -> Optional[bytes]:
        """Who may vouch for the server, as PEM; None for the system's roots."""

    @abstractmethod
    def get_max_send_message_length(self) -> Optional[int]:
        """The largest request in bytes; None: 5,243,000; -1: 1 GiB."""

    @abstractmethod
    def get_max_receive_message_length(self) -> Optional[int]:
        """The largest reply in bytes; None: 5,243,000; -1: 1 GiB."""

    @abstractmethod
    def get_keepalive_permit_without_calls(self) -> Optional[int]:
        """Kept for the SDK's sake, without effect: keepalive asks connections with and without calls alike."""

    @abstractmethod
    def get_keepalive_time(self) -> Optional[timedelta]:
        """A connection on which nothing came for so long is asked for a sign of life; None: never."""

    @abstractmethod
    def get_keepalive_timeout(self) -> Optional[timedelta]:
        """One that does not answer for so long is given up; None: 1 s."""

    def get_min_connections(self) -> int:
        """The connections that are kept open."""
        return 1

    def get_max_connections(self) -> int:
        """The most connections that take calls; another one opens when the calls need it."""
        return 64
