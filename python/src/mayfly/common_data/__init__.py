"""Types that requests and responses share; none so far."""
