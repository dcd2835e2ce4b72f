"""The dashboards of the chart, described once; `make dashboards` writes them as Grafana's JSON.

A panel is its question: a title, what it tells, a query, a unit, and from which value on it is worth a look. Grafana's own
builders make the JSON of it, so what they do not know is not in it.
"""
