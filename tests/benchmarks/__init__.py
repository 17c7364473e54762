"""How fast, how late, how big: the library measured beside what else there is.

The map, in import order::

    progress       says on stderr how far it is
    texts          the words of the streams
    frames         what the streams of all wires are made of
    assistants_streams, responses_streams, chat_streams
                   what each wire's servers send
    streams        the streams S, L, T and M of each wire, and their kinds, as bytes
    options        those that several programs have
    tally          what a contestant did, to compare
    ours           this library, in its ways of being used
    openai_python  openai-python
    azure_agents   azure-ai-agents
    pydantic_ai    pydantic-ai
    scripts        untyped scripts a user would write, and the floors
    contestants    the table of all of them, with their environment
    worker         one contestant in its own process, asked over a pipe
    targets        the ratios and limits to reach
    report         docs/benchmarks.md and the paragraph in the README, section by section
    machine        versions and machine, for the report
    cpu_report     what `make bench` says
    cpu            `make bench`
    loopback       a server in another process that writes raw HTTP
    latency        `make bench-latency`
    manystreams    `make bench-streams`
    scaling        `make bench-scaling`
    importing      `make bench-import`
    profiling      `make bench-profile`

Each part is a module with a ``main``; all stop by themselves. No figure is typed by hand.
"""
