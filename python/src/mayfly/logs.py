"""Logging: the logger `mayfly`, and the level TRACE below DEBUG."""

import logging
import warnings
from typing import Any, Optional

logger = logging.getLogger("mayfly")
info = logger.info
debug = logger.debug

TRACE = logging.DEBUG - 5


def add_logging_level(level_name: str, level_num: int, method_name: Optional[str] = None) -> bool:
    """Adds a level to `logging`: the attribute `level_name`, and `method_name` (by default the name in lower case) as
    a function of `logging` and a method of loggers.

    Where one of the names is taken it warns, changes nothing and returns False.
    """
    method = method_name or level_name.lower()
    logger_class = logging.getLoggerClass()
    if hasattr(logging, level_name) or hasattr(logging, method) or hasattr(logger_class, method):
        warnings.warn(f"The logging level {level_name} or the method {method} exists; it stays as it is.", stacklevel=2)
        return False

    def log_to(self: logging.Logger, message: object, *args: Any, **kwargs: Any) -> None:
        if self.isEnabledFor(level_num):
            self._log(level_num, message, args, **kwargs)

    def log_to_root(message: object, *args: Any, **kwargs: Any) -> None:
        logging.log(level_num, message, *args, **kwargs)

    logging.addLevelName(level_num, level_name)
    setattr(logging, level_name, level_num)
    setattr(logging, method, log_to_root)
    setattr(logger_class, method, log_to)
    return True


def initialize_momento_logging() -> None:
    """Adds TRACE, unless it is there with the same value: the momento package in the same process adds it too."""
    if getattr(logging, "TRACE", None) != TRACE:
        add_logging_level("TRACE", TRACE)
