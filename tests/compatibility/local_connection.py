"""A pytest plugin that changes one thing in the official Python SDK's own tests: where they connect to.

Those tests read the credentials of a hosted account from the environment. With this plugin they get the
credentials of a local server instead, at MOMENTO_HOSTNAME and MOMENTO_PORT, and everything else of them runs as it
is, with the package that SDK names. `scripts/compatibility` uses it.
"""

from __future__ import annotations

import importlib
import os

CredentialProvider = importlib.import_module(os.environ.get("SDK", "momento")).CredentialProvider

_from_environment_variable = CredentialProvider.from_environment_variable
_from_environment_variables_v2 = CredentialProvider.from_environment_variables_v2


def _local() -> object:
    return CredentialProvider.for_momento_local(os.environ["MOMENTO_HOSTNAME"], int(os.environ["MOMENTO_PORT"]))


# They stand in for the account alone: a test may bring variables of its own.


def _account_or_own(env_var_name: str, *endpoints: str, **named_endpoints: str) -> object:
    if env_var_name == "V1_API_KEY":
        return _local()
    return _from_environment_variable(env_var_name, *endpoints, **named_endpoints)


def _account_or_own_v2(*names: str, **named: str) -> object:
    if not names and not named and "MOMENTO_API_KEY" not in os.environ:
        return _local()
    return _from_environment_variables_v2(*names, **named)


CredentialProvider.from_environment_variable = staticmethod(_account_or_own)
CredentialProvider.from_environment_variables_v2 = staticmethod(_account_or_own_v2)
