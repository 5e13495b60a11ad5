"""`python -m inference.backend.devices`: the free bytes of each GPU that the engine could use, as a JSON list."""

from __future__ import annotations

import ctypes
import json
import os
import sys

import llama_cpp.llama_cpp as llama

_CPU, _ACCELERATOR = 0, 3  # of ggml_backend_dev_type; accelerators are BLAS and the like, without memory of their own


def free_bytes() -> list[int]:
    if not llama.llama_supports_gpu_offload():
        return []
    library = llama._lib
    library.ggml_backend_dev_get.restype = ctypes.c_void_p
    library.ggml_backend_dev_get.argtypes = [ctypes.c_size_t]
    library.ggml_backend_dev_count.restype = ctypes.c_size_t
    library.ggml_backend_dev_type.argtypes = [ctypes.c_void_p]
    library.ggml_backend_dev_memory.argtypes = [ctypes.c_void_p, *[ctypes.POINTER(ctypes.c_size_t)] * 2]
    found = []
    for place in range(library.ggml_backend_dev_count()):
        device = library.ggml_backend_dev_get(place)
        if library.ggml_backend_dev_type(device) in (_CPU, _ACCELERATOR):
            continue
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        library.ggml_backend_dev_memory(device, ctypes.byref(free), ctypes.byref(total))
        found.append(free.value)
    return found


if __name__ == "__main__":
    # What the library prints at its start is not our answer.
    answer = os.dup(1)
    os.dup2(2, 1)
    os.write(answer, json.dumps(free_bytes()).encode())
    sys.exit(0)
