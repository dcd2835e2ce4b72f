"""The receiver, beside one that acknowledges before it stores: frames a second, waits, processor time, memory."""
