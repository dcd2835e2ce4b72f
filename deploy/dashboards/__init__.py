"""The dashboards of the chart, described once; `make dashboards` writes them as Grafana's JSON.

A panel has a title, a description, a query, a unit, and the values from which on it needs attention. Grafana's own
builders make the JSON of it, so what they do not know is not in it.
"""
