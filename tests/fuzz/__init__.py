"""Damaged streams by the thousand: ``make fuzz``, or ``python -m tests.fuzz``."""
