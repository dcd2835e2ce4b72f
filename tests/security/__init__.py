"""Who may do what, over an encrypted connection; and what is shown to nobody."""
