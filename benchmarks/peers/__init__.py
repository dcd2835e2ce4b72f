"""The same small kernel in other stream frameworks, each as its own documentation would have it.

One open incident a site, in durable keyed state: the first alert opens it (state, a call command, a decision), a
later one merges (state, a decision), a repeated alert id is ignored. Nothing here imports the product: each
program runs in an environment of its own.
"""
