"""The chart, the image, their alerts and dashboards, by the tools that judge them elsewhere too."""
