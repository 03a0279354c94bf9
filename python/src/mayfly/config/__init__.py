"""The settings of clients."""

from .auth_configuration import AuthConfiguration
from .auth_configurations import AuthConfigurations
from .configuration import Configuration
from .configurations import Configurations
from .topic_configuration import TopicConfiguration
from .topic_configurations import TopicConfigurations

__all__ = [
    "AuthConfiguration",
    "AuthConfigurations",
    "Configuration",
    "Configurations",
    "TopicConfiguration",
    "TopicConfigurations",
]
