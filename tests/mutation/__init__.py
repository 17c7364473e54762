"""Changes to the source that the tests must notice: ``make mutate FILE=stream_core/sse.py``."""
