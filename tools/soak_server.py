#!/usr/bin/env python3
"""Many requests of all kinds to `quire serve`, and what they leave behind.

    tools/soak_server.py --quire build/quire --requests 10000 --at-once 40

Starts a server with the bundled model in a folder of its own and sends, from --at-once threads, a
mixture drawn from a seed: chats and texts through four APIs, whole and streamed; schemas, tools,
embeddings, token counts; streams that are left after a few bytes, clients that read slowly or send
half a body, bodies that are no JSON or ask for what cannot be. Valid requests are greedy: their
answers must be those that the idle server gave. Bad ones must get a 4xx. At the end: counts by
kind, the resident memory over time, and its spread over the last half of the run.

Exit code 1 when an answer was wrong, a status was not the expected one, the server ended, or the
spread is above --spread-max. Standard library only.
"""
import argparse
import http.client
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

PROMPTS = ["Once upon a time", "The dog ran", "A small house", "In the morning", "She said that"]
SCHEMA = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"],
          "additionalProperties": False}


class Server:
    def __init__(self, quire, extra):
        self.home = tempfile.mkdtemp(prefix="quire-soak-")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.log = open(os.path.join(self.home, "log"), "wb")
        self.process = subprocess.Popen(
            [quire, "serve", "--port", str(self.port), "-c", "256", "--keep-alive", "-1", *extra],
            stderr=self.log, stdout=self.log, env=dict(os.environ, QUIRE_HOME=self.home))
        for _ in range(600):
            try:
                if self.call("GET", "/health")[0] == 200:
                    return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("the server does not answer")

    def call(self, method, path, body=None, raw=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        data = raw if raw is not None else (None if body is None else json.dumps(body))
        connection.request(method, path, data, {"content-type": "application/json"})
        answer = connection.getresponse()
        text = answer.read().decode("utf-8")
        connection.close()
        return answer.status, text

    def socket(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=300)

    def rss_kib(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            for line in f:
                if line.startswith("VmRSS"):
                    return int(line.split()[1])
        return 0

    def end(self):
        self.process.terminate()
        self.process.wait(60)
        self.log.close()
        shutil.rmtree(self.home)


def post(path, body):
    text = json.dumps(body)
    return (f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            f"content-length: {len(text)}\r\n\r\n{text}").encode()


# What an answer says, without ids and times.
def text_of(path, status, text):
    if status != 200:
        return f"{status} {text[:200]}"
    if path == "/v1/chat/completions":
        return json.loads(text)["choices"][0]["message"]["content"]
    if path == "/v1/completions":
        return "|".join(c["text"] for c in json.loads(text)["choices"])
    if path == "/completion":
        return json.loads(text)["content"]
    if path == "/v1/messages":
        return json.loads(text)["content"][0]["text"]
    if path == "/api/generate":
        return json.loads(text)["response"]
    if path == "/v1/embeddings":
        return str([round(x, 3) for x in json.loads(text)["data"][0]["embedding"][:8]])
    return text


def valid_requests():
    for prompt in PROMPTS:
        user = [{"role": "user", "content": prompt}]
        yield "chat", "/v1/chat/completions", {"messages": user, "max_tokens": 12, "temperature": 0}
        yield "n", "/v1/completions", {"prompt": [prompt, prompt + " there"], "max_tokens": 8,
                                       "temperature": 0}
        yield "completion", "/completion", {"prompt": prompt, "n_predict": 12, "temperature": 0,
                                            "n_probs": 3}
        yield "messages", "/v1/messages", {"messages": user, "max_tokens": 10, "temperature": 0}
        yield "generate", "/api/generate", {"model": "tales-3m-q8_0", "prompt": prompt,
                                            "stream": False,
                                            "options": {"temperature": 0, "num_predict": 10,
                                                        "repeat_penalty": 1}}
        yield "schema", "/v1/chat/completions", {
            "messages": user, "max_tokens": 30, "temperature": 0,
            "response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}}
        yield "embed", "/v1/embeddings", {"input": prompt}
        yield "count", "/v1/messages/count_tokens", {"messages": user}
        yield "tokenize", "/tokenize", {"content": prompt}


BAD = [
    ("/v1/chat/completions", b"{"), ("/v1/chat/completions", b"\xff\xfe"), ("/completion", b"[]"),
    ("/v1/completions", b'{"prompt": "a", "max_tokens": -9}'),
    ("/v1/completions", b'{"prompt": "a", "grammar": "root ::= ("}'),
    ("/v1/completions", b'{"prompt": "a", "n": 100000}'),
    ("/v1/completions", b"[" * 5000),
    ("/v1/chat/completions", b'{"messages": [{"role": "user", "content": 3}]}'),
    ("/v1/chat/completions", b'{"messages": [], "model": "tales-3m-q8_0"}'),
    ("/v1/messages", b'{"messages": [{"role": "user", "content": "a"}]}'),
    ("/api/chat", b'{"messages": [{"role": "user", "content": "a"}]}'),
    ("/api/generate", b'{"model": "nonsense", "prompt": "a"}'),
    ("/v1/embeddings", b'{"input": []}'), ("/nothing", b"{}"),
    ("/v1/completions", json.dumps({"prompt": "word " * 400}).encode()),
]


class Soak:
    def __init__(self, server, seed):
        self.server, self.random = server, random.Random(seed)
        self.lock = threading.Lock()
        self.counts, self.wrong = {}, []
        self.valid = list(valid_requests())
        self.expected = [self.ask(path, body) for _, path, body in self.valid]
        self.kinds = ["right"] * 10 + ["stream"] * 3 + ["left", "cancelled", "half", "slow", "bad",
                                                        "bad", "reset"]

    def ask(self, path, body):
        return text_of(path, *self.server.call("POST", path, body))

    def note(self, kind, problem=None):
        with self.lock:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            if problem:
                self.wrong.append((kind, problem))

    def one(self):
        with self.lock:
            kind = self.random.choice(self.kinds)
            i = self.random.randrange(len(self.valid))
            bad = self.random.choice(BAD)
            prompt = self.random.choice(PROMPTS)
        getattr(self, kind)(i, bad, prompt)

    def right(self, i, _bad, _prompt):
        kind, path, body = self.valid[i]
        said, wanted = self.ask(path, body), self.expected[i]
        self.note(kind, None if said == wanted else f"{said!r} instead of {wanted!r}")

    def stream(self, _i, _bad, prompt):
        body = {"messages": [{"role": "user", "content": prompt}], "max_tokens": 12,
                "temperature": 0, "stream": True}
        status, text = self.server.call("POST", "/v1/chat/completions", body)
        parts = [json.loads(line[6:]) for line in text.splitlines()
                 if line.startswith("data: {")]
        said = "".join(p["choices"][0]["delta"].get("content") or "" for p in parts)
        wanted = self.expected[PROMPTS.index(prompt) * 9]
        good = status == 200 and said == wanted and text.rstrip().endswith("[DONE]")
        self.note("stream", None if good else f"{said!r} instead of {wanted!r}")

    def long_stream(self, prompt, n=200):
        return post("/v1/completions", {"prompt": prompt, "max_tokens": n, "ignore_eos": True,
                                        "stream": True})

    def left(self, _i, _bad, prompt):
        with self.server.socket() as s:
            s.sendall(self.long_stream(prompt))
            s.recv(100)
        self.note("left")

    def cancelled(self, _i, _bad, prompt):
        with self.server.socket() as s:
            s.sendall(post("/v1/completions", {"prompt": prompt, "max_tokens": 200}))
        self.note("cancelled")

    def reset(self, _i, _bad, prompt):
        s = self.server.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        s.sendall(self.long_stream(prompt))
        s.close()
        self.note("reset")

    def half(self, _i, _bad, prompt):
        with self.server.socket() as s:
            s.sendall(post("/v1/completions", {"prompt": prompt})[:-4])
        self.note("half")

    def slow(self, _i, _bad, prompt):
        with self.server.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.sendall(self.long_stream(prompt, 60))
            for _ in range(5):
                time.sleep(0.05)
                s.recv(64)
        self.note("slow")

    def bad(self, _i, bad, _prompt):
        path, body = bad
        status, text = self.server.call("POST", path, raw=body)
        self.note("bad", None if 400 <= status < 500 else f"{path} {body[:60]!r}: {status} {text}")

    def run(self, n, at_once, samples):
        left = [n]

        def work():
            while True:
                with self.lock:
                    if left[0] == 0:
                        return
                    left[0] -= 1
                    if left[0] % max(1, n // 100) == 0:
                        samples.append(self.server.rss_kib())
                try:
                    self.one()
                except Exception as error:  # whatever it is belongs into the report
                    self.note("failed", repr(error))

        threads = [threading.Thread(target=work) for _ in range(at_once)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quire", default="build/quire")
    parser.add_argument("--requests", type=int, default=10000)
    parser.add_argument("--at-once", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--spread-max", type=float, default=0.02)
    parser.add_argument("flags", nargs="*", help="further flags of quire serve, behind --")
    args = parser.parse_args()
    server = Server(args.quire, args.flags)
    start = time.time()
    soak = Soak(server, args.seed)
    samples = []
    soak.run(args.requests, args.at_once, samples)
    seconds = time.time() - start
    alive = server.process.poll() is None
    idle = False
    for _ in range(100):  # those who left are noticed within a step
        running = [line for line in server.call("GET", "/metrics")[1].splitlines()
                   if line.startswith("quire_sequences_running ")]
        idle = running and float(running[0].split()[1]) == 0
        if idle:
            break
        time.sleep(0.1)
    server.end()
    half = samples[len(samples) // 2:]
    spread = (max(half) - min(half)) / min(half)
    print(f"{args.requests} requests in {seconds:.0f} s, {args.at_once} at once:",
          ", ".join(f"{kind} {n}" for kind, n in sorted(soak.counts.items())))
    print("resident MiB:", " ".join(f"{kib / 1024:.1f}" for kib in samples[::10]),
          f"; spread over the last half {100 * spread:.2f} %")
    for kind, problem in soak.wrong[:20]:
        print(f"WRONG {kind}: {problem}")
    print(f"{len(soak.wrong)} wrong; the server {'lives' if alive else 'DIED'}, "
          f"{'idle' if idle else 'NOT IDLE'}")
    return 0 if alive and idle and not soak.wrong and spread <= args.spread_max else 1


if __name__ == "__main__":
    sys.exit(main())
