"""What the worker needs of Python and of the machine: time, memory, the compiled form, faults for tests."""
