"""``make soak``: streams in threads for minutes, with random troubles; every outcome accounted for.

- ``streams``   one stream: what the server says, what goes wrong, how the user stops it
- ``outcomes``  the table: what may become of a stream in trouble
- ``resources`` memory, descriptors and threads of this process
- ``__main__``  rounds of streams in threads, the figures, the exit status
"""
