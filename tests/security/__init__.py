"""Who may do what, over an encrypted connection; and what is told to nobody."""
