#!/usr/bin/env python3
"""Perplexity of one model in every storage type, in Quire and in llama.cpp, on the same files.

    python3 tools/compare_perplexity.py --llama DIR [--quire build/quire] [-c 256] [--chunks 40]
                                        [--types q4_0,q6_k] MODEL-f32.gguf TEXT

`quire convert` stores MODEL as each type (a mixture, as llama-quantize makes it; widths should be multiples of 256 for the
types in blocks of 256). Both programs read the same windows; the line gives both perplexities, by how much Quire's differs,
Quire's with --exact, which leaves activations in f32, and after how many windows: the last that llama.cpp wrote. Only
the Python standard library is needed.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TYPES = ("f32 f16 bf16 q8_0 q4_0 q4_1 q5_0 q5_1 q2_k_s q3_k_s q4_k_s q5_k_s q6_k iq4_nl iq4_xs iq1_s iq1_m iq2_xxs iq2_xs "
         "iq2_s iq3_xxs iq3_s tq1_0 tq2_0 mxfp4 nvfp4 q1_0 q2_0")


def output_of(command):
    """Both outputs of a program; its last words when it fails."""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace")
    if done.returncode != 0:
        sys.exit(f"compare_perplexity: {command[0]}: exit {done.returncode}: {done.stdout.strip()[-300:]}")
    return done.stdout


def by_quire(options, model, *more):
    """After each window."""
    command = [options.quire, "perplexity", model, options.text, "-c", options.context, "--chunks", options.chunks,
               "-t", options.threads, "--json", *more]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"compare_perplexity: quire: exit {done.returncode}: {done.stderr.strip()[-300:]}")
    return json.loads(done.stdout)["chunks"]


def by_llama(options, model):
    """After each window but those at the end that some releases end without having written."""
    text = output_of([options.llama / "llama-perplexity", "-m", model, "-f", options.text, "-c", options.context,
                      "--chunks", options.chunks, "-t", options.threads])
    found = re.findall(r"\[\d+\]([0-9.]+),", text)
    if not found:
        sys.exit(f"compare_perplexity: llama-perplexity gave no estimate: {text.strip()[-300:]}")
    return [float(number) for number in found]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("text", type=pathlib.Path)
    parser.add_argument("--llama", type=pathlib.Path, required=True, help="folder with llama.cpp's binaries")
    parser.add_argument("--quire", default="build/quire")
    parser.add_argument("--types", default=TYPES.replace(" ", ","))
    parser.add_argument("-c", dest="context", type=int, default=256)
    parser.add_argument("--chunks", type=int, default=40)
    parser.add_argument("-t", dest="threads", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    print(f"{'type':<8} {'llama.cpp':>10} {'quire':>10} {'difference':>11} {'--exact':>10} {'windows':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for kind in options.types.split(","):
            file = pathlib.Path(folder) / f"{kind}.gguf"
            output_of([options.quire, "convert", options.model, "--to", "gguf", file, "--type", kind])
            theirs = by_llama(options, file)
            ours, exact = (by_quire(options, file, *more)[len(theirs) - 1] for more in ((), ("--exact",)))
            print(f"{kind:<8} {theirs[-1]:10.4f} {ours:10.4f} {ours / theirs[-1] - 1:10.3%} {exact:10.4f} {len(theirs):8}",
                  flush=True)
            file.unlink()


if __name__ == "__main__":
    main()
