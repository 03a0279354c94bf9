"""A pytest plugin that changes one thing in the official Python SDK's own tests: where they connect to.

Those tests read the credentials of a hosted account from the environment. With this plugin they get the
credentials of a local server instead, at MOMENTO_HOSTNAME and MOMENTO_PORT, and everything else of them runs as it
is. `scripts/compatibility` uses it.
"""

from __future__ import annotations

import os

from momento import CredentialProvider

_from_environment_variable = CredentialProvider.from_environment_variable


def _local(**_names: str) -> CredentialProvider:
    return CredentialProvider.for_momento_local(os.environ["MOMENTO_HOSTNAME"], int(os.environ["MOMENTO_PORT"]))


def _account_or_own(env_var_name: str) -> CredentialProvider:
    """Stand in for the account alone: a test may bring a variable of its own."""
    return _local() if env_var_name == "V1_API_KEY" else _from_environment_variable(env_var_name)


CredentialProvider.from_environment_variable = staticmethod(_account_or_own)
CredentialProvider.from_environment_variables_v2 = staticmethod(_local)
