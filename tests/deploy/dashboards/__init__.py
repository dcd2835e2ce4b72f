"""The dashboards: complete, current, and with something to show of a night that was played."""
