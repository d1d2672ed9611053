"""Every metric of every service, declared once with its meaning; docs/metrics.md is made from this file."""

from prometheus_client import Counter, Gauge, Histogram

__all__ = ["Counter", "Gauge", "Histogram"]
