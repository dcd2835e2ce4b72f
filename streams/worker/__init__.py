"""The process: the app around the pipeline, its pages, what it checks first, and who watches it."""
