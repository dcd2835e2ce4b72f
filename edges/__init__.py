"""How panels, operators, customers and partners reach ronde: a process for each, in a folder each."""
