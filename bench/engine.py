"""Is the engine as fast as llama.cpp itself, and better than llama-server for a company?

Both serve the same GGUF with the same threads, context and batch, each in its own process, and are asked in turn, never
at the same time. Workloads: A chat of 256 tokens in and 128 out at 1 to 32 streams; B one shared system prompt of
1,000 tokens and different questions; C follow-up questions in 8 long threads; D 8 steady streams while prompts of 3,000
tokens arrive; E one person with 50 requests against 5 ordinary ones; F embeddings of 512 texts of 128 tokens; G as A at
4 streams while other processes keep every core busy. Then what HTTP and processes cost over the bare loop ("overhead"),
and what Python costs in a step ("python").
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx

from bench import _bare, _llama_server, _workloads
from bench._figures import commit, figure, machine, say
from bench._load import Server, run, words
from tests.inference.serve import running_inference
from tests.services import MODELS_DIR

NUM_SLOTS = 32
CONTEXT = 8192
CELLS = 2 * CONTEXT  # what our engine takes for this context
BATCH, UBATCH = 512, 256
CHAT, EMBEDDING = "SmolLM2-135M-Instruct.Q4_1", "multilingual-e5-small-Q4_0"
ALL = ("A", "B", "C", "D", "E", "F", "G", "overhead", "python")


@dataclass(frozen=True)
class Options:
    is_quick: bool
    num_runs: int
    num_threads: int
    streams: Sequence[int]
    model: str = CHAT  # below the models folder


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench engine", description=__doc__)
    parser.add_argument("workloads", nargs="*", default=[], metavar="WORKLOAD", help=", ".join(ALL))
    parser.add_argument("--quick", action="store_true", help="1, 4 and 8 streams, fewer and shorter runs")
    parser.add_argument("--runs", type=int, default=0, help="runs of each workload and server")
    parser.add_argument("--threads", type=int, default=max(1, len(os.sched_getaffinity(0)) - 1))
    parser.add_argument("--streams", type=int, nargs="+", help="of A; otherwise 1, 2, 4, 8, 16 and 32")
    parser.add_argument("--model", default=CHAT, help="another chat model, below the models folder and without .gguf")
    given = parser.parse_args()
    if not (MODELS_DIR / f"{given.model}.gguf").exists():
        parser.error(f"there is no {given.model}.gguf in {MODELS_DIR}")
    unknown = [name for name in given.workloads if name not in ALL]
    if unknown:
        parser.error(f"there is no workload {unknown[0]}; there are: {', '.join(ALL)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the servers are ended also then
    streams = given.streams or ((1, 4, 8) if given.quick else (1, 2, 4, 8, 16, 32))
    options = Options(given.quick, given.runs or (2 if given.quick else 5), given.threads, streams, given.model)
    say(f"{machine()}, commit {commit()}, {options.num_threads} threads, {options.num_runs} runs")
    wanted = given.workloads or list(ALL)
    chatting = [name for name in wanted if name in MEASURES]
    if chatting:
        with both(options) as servers:
            for name in chatting:
                MEASURES[name](options, servers)
    for name in wanted:
        if name in ALONE:
            ALONE[name](options)


@contextmanager
def both(options: Options, model: str = "", *, default_start: bool = False) -> Iterator[tuple[Server, Server]]:
    """Ours and llama-server, loaded and warm. default_start: as both start when nobody tells them how many threads to
    take."""
    path, threads = MODELS_DIR / f"{model or options.model}.gguf", str(options.num_threads)
    variables = {"HEARTH_MAX_RUNNING": str(NUM_SLOTS), "HEARTH_KEEP_ALIVE_SECONDS": "100000"}
    if model == EMBEDDING:
        arguments = ["--embedding", "-c", "2048", "-b", "2048", "-ub", "2048", "--kv-unified"]
    else:
        variables["HEARTH_CONTEXT_LENGTH"] = str(CONTEXT)
        arguments = ["-c", str(CELLS), "-b", str(BATCH), "-ub", str(UBATCH), "--kv-unified"]
    arguments += ["-np", str(NUM_SLOTS)]
    if not default_start:
        variables |= {"HEARTH_THREADS": threads, "HEARTH_NICE": "0"}  # else it would win by priority on a busy machine
        arguments += ["-t", threads, "-tb", threads]
    with ExitStack() as stack:
        ours = stack.enter_context(running_inference("llama", path.parent, **variables))
        peer_url, peer_pid = stack.enter_context(_llama_server.running(path, arguments))
        headers = {"Authorization": f"Bearer {ours.secret}"}
        httpx.post(f"{ours.url}/v1/models/{path.stem}/load", headers=headers, timeout=600, trust_env=False)
        servers = (
            Server("hearth", ours.url, path.stem, ours.pid, True, headers),
            Server("llama-server", peer_url, path.stem, peer_pid, False),
        )
        if model != EMBEDDING:
            for server in servers:
                run(_workloads.chat(server, 1, "warm", num_out=8))
        yield servers


def in_turn(
    options: Options, servers: tuple[Server, Server], work: Callable[[Server, str], dict[str, float]], seed: str
) -> dict[str, tuple[list[float], list[float]]]:
    """By figure: what ours gave in each run, and what llama-server gave. Who begins changes from run to run."""
    found: dict[str, tuple[list[float], list[float]]] = {}
    for number in range(options.num_runs):
        for place in (0, 1) if number % 2 == 0 else (1, 0):
            cpu_before = servers[place].cpu_seconds()
            measured = work(servers[place], f"{seed}.{number}")
            measured["cpu_s"] = servers[place].cpu_seconds() - cpu_before
            said = ", ".join(f"{name} {value:.4g}" for name, value in measured.items())
            say(f"  {seed} run {number + 1}, {servers[place].name}: {said}")
            for name, value in measured.items():
                found.setdefault(name, ([], []))[place].append(value)
    return found


def measure_a(options: Options, servers: tuple[Server, Server]) -> None:
    for num_streams in options.streams:
        found = in_turn(
            options,
            servers,
            lambda server, seed, n=num_streams: run(_workloads.chat(server, n, seed)),
            f"A{num_streams}",
        )
        figure(f"engine.A.{num_streams}.throughput", found["tok/s"][0], "tok/s", peers=found["tok/s"][1])
        figure(f"engine.A.{num_streams}.ttft", found["ttft_ms"][0], "ms", peers=found["ttft_ms"][1])
        figure(f"engine.A.{num_streams}.cpu", found["cpu_s"][0], "s", peers=found["cpu_s"][1])


def measure_b(options: Options, servers: tuple[Server, Server]) -> None:
    found = in_turn(options, servers, lambda server, seed: run(_workloads.shared_prompt(server, seed)), "B")
    figure("engine.B.ttft_p95", found["ttft_p95_ms"][0], "ms", peers=found["ttft_p95_ms"][1])


def measure_c(options: Options, servers: tuple[Server, Server]) -> None:
    rounds = 2 if options.is_quick else 4
    found = in_turn(options, servers, lambda server, seed: run(_workloads.follow_up(server, seed, rounds)), "C")
    figure("engine.C.ttft_p95", found["ttft_p95_ms"][0], "ms", peers=found["ttft_p95_ms"][1])


def measure_d(options: Options, servers: tuple[Server, Server]) -> None:
    prompts = 1 if options.is_quick else 3
    found = in_turn(options, servers, lambda server, seed: run(_workloads.long_prompts(server, seed, prompts)), "D")
    figure("engine.D.itl_p95", found["itl_p95_ms"][0], "ms", peers=found["itl_p95_ms"][1])
    figure("engine.D.itl_max", found["itl_max_ms"][0], "ms", peers=found["itl_max_ms"][1])
    figure("engine.D.long_prompt_ttft", found["long_ttft_ms"][0], "ms", peers=found["long_ttft_ms"][1])


def measure_e(options: Options, servers: tuple[Server, Server]) -> None:
    """The ratio to an idle server is the figure; llama-server's own such ratio is the peer."""
    num_out = 32 if options.is_quick else 128
    found = in_turn(options, servers, lambda server, seed: run(_workloads.crowd(server, seed, num_out)), "E")
    figure("engine.E.ttft_p95_over_idle", found["over_idle"][0], "ratio", peers=found["over_idle"][1])


def measure_f(options: Options) -> None:
    texts = [f"passage: {words(124, f'F{number}')}" for number in range(128 if options.is_quick else 512)]
    with both(options, EMBEDDING) as servers:
        for server in servers:
            run(_workloads.embeddings(server, texts[:16]))
        found = in_turn(options, servers, lambda server, _seed: run(_workloads.embeddings(server, texts)), "F")
    figure("engine.F.throughput", found["tok/s"][0], "tok/s", peers=found["tok/s"][1])
    bare = [_bare.embed(EMBEDDING, texts, options.num_threads) for _ in range(options.num_runs)]
    figure("engine.F.over_bare", found["tok/s"][0], "tok/s", peers=bare)


def measure_g(options: Options) -> None:
    with both(options, default_start=True) as servers, busy_cores():
        found = in_turn(options, servers, lambda server, seed: run(_workloads.chat(server, 4, seed, num_out=32)), "G")
    figure("engine.G.throughput", found["tok/s"][0], "tok/s", peers=found["tok/s"][1])


@contextmanager
def busy_cores() -> Iterator[None]:
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in os.sched_getaffinity(0)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def measure_overhead(options: Options) -> None:
    """8 streams through HTTP and processes, and the same through the loop alone, in turn."""
    percents = []
    with both(options) as (ours, _):
        for number in range(options.num_runs):
            through = run(_workloads.chat(ours, 8, f"overhead.{number}"))["tok/s"]
            bare = _bare.chat(options.model, f"overhead.{number}", options.num_threads, (CONTEXT, CELLS, BATCH, UBATCH))
            say(f"  overhead run {number + 1}: service {through:.1f} tok/s, bare loop {bare:.1f} tok/s")
            percents.append((bare - through) / bare * 100)
    figure("engine.overhead_percent", percents, "%")


def measure_python(options: Options) -> None:
    figure("engine.python_ms_at_32", _bare.python_ms(32, 5 * options.num_runs), "ms")


MEASURES = {"A": measure_a, "B": measure_b, "C": measure_c, "D": measure_d, "E": measure_e}
ALONE = {"F": measure_f, "G": measure_g, "overhead": measure_overhead, "python": measure_python}


if __name__ == "__main__":
    main()
