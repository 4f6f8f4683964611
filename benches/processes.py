"""Measures whole runs of the program: processes.py BENCH FULL SMALL [SECTION...]

Each figure is the smallest of many rounds in which the contestants take turns: a busy machine makes
all of them slower, and none of them faster. Leaves with 1 when a limit is missed.

BENCH is the secretary-bench binary, which makes the tokens and measures peak memory. FULL is the
program under test, and SMALL the same without default features. The KMS test server is where
`cargo build --release -p secretary-test-kms` puts it.
"""

import contextlib
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time

MIB = 1 << 20
# Milliseconds until AWS KMS answers: rather those of a far region than of the own.
LATENCY = 50
KMS_SERVER = os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "target", "release", "secretary-test-kms"
)
MISSED = []


def verdict(what, value, relation, limit, unit=""):
    met = value <= limit if relation == "<=" else value >= limit
    if not met:
        MISSED.append(what)
    word = "ok" if met else "MISSED"
    print(f"  {what:<40} {value:>12,.2f}{unit}   limit {relation} {limit:,}{unit}   {word}")


def show(what, value, unit=""):
    print(f"  {what:<40} {value:>12,.2f}{unit}")


class Program:
    """The program under test, with its keys and tokens that they open."""

    def __init__(self, bench, path, small, folder):
        self.bench, self.path, self.small, self.folder = bench, path, small, folder
        lines = subprocess.check_output([bench, "tokens", "50000"], text=True).splitlines()
        self.keys = dict(line.split("=", 1) for line in lines[:2])
        self.tokens = lines[2:]

    def with_secrets(self, count):
        """An environment with so many sealed variables, beside the keys and nothing else."""
        secrets = {f"SECRET_{n}": token for n, token in enumerate(self.tokens[:count])}
        return {**self.keys, **secrets}

    def file_of_lines(self, count):
        """A file with so many tokens, each on a line."""
        return self.write(f"{count}-lines", (f"{t}\n" for t in self.repeated(count)))

    def file_of_size(self, size, token_every):
        """A file of `size` bytes with a token in each `token_every`; 0 is for nothing else."""
        length = len(self.tokens[0]) + 1
        filler = "\n".join(["x" * 99] * (token_every // 100))
        step = max(token_every, length)
        chunks = (f"{filler[:step - length]}\n{t}"[-step:] for t in self.repeated(size // step))
        return self.write(f"{size}-{token_every}", chunks)

    def repeated(self, count):
        return (self.tokens[n % len(self.tokens)] for n in range(count))

    def write(self, name, parts):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.writelines(parts)
        return path


PIPE = object()


def seconds(argv, env, out):
    """How long `argv` runs with its standard output in the file `out`, or in a pipe to cat(1)."""
    start = time.perf_counter()
    if out is PIPE:
        reading, writing = os.pipe()
        to_pipe = [(os.POSIX_SPAWN_DUP2, writing, 1), (os.POSIX_SPAWN_CLOSE, reading)]
        pids = [os.posix_spawn(argv[0], argv, env, file_actions=to_pipe)]
        to_null = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
        from_pipe = [(os.POSIX_SPAWN_DUP2, reading, 0), (os.POSIX_SPAWN_CLOSE, writing), to_null]
        pids.append(os.posix_spawn("/bin/cat", ["cat"], env, file_actions=from_pipe))
        os.close(reading)
        os.close(writing)
    else:
        opened = (os.POSIX_SPAWN_OPEN, 1, out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        pids = [os.posix_spawn(argv[0], argv, env, file_actions=[opened])]
    for pid in pids:
        _, status = os.waitpid(pid, 0)
        if status != 0:
            sys.exit(f"{argv[:3]} failed with status {status}")
    return time.perf_counter() - start


def fastest(rounds, runs, out=os.devnull):
    """The shortest time of each of `runs`, pairs of arguments and environment."""
    best = [float("inf")] * len(runs)
    for _ in range(rounds):
        for n, (argv, env) in enumerate(runs):
            # Cutting a large file short would take longer than writing it.
            if out not in (os.devnull, PIPE) and os.path.exists(out):
                os.remove(out)
            best[n] = min(best[n], seconds(argv, env, out))
    return best


def instructions_of(path, program, count):
    """How many instructions the binary at `path` takes for so many of the variables."""
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    run = subprocess.run(
        [*valgrind, path, "decrypt", "-e"],
        env={"PATH": os.environ["PATH"], **program.with_secrets(count)},
        capture_output=True, text=True, check=True,
    )
    assert run.stdout.count("export ") == count
    return int(re.search(r"Collected : (\d+)", run.stderr)[1])


def instructions(program):
    """Counts instructions, which do not depend on the load of the machine."""
    print("instructions of `decrypt -e`, by callgrind")
    counts = {count: instructions_of(program.path, program, count) for count in [0, 1, 100]}
    show("without a secret", counts[0] / 1e6, " M")
    verdict("with 1 secret", counts[1] / 1e6, "<=", 1.4, " M")
    show("with 100 secrets", counts[100] / 1e6, " M")
    show("each further secret", (counts[100] - counts[1]) / 99 / 1e3, " k")


def start(program):
    """Times short runs, and counts the threads and processes they start."""
    print("wall time of short runs")
    decrypt = [program.path, "decrypt", "-e"]
    environments = [program.with_secrets(count) for count in [1, 100]]
    runs = [(["/bin/true"], environments[0])] + [(decrypt, env) for env in environments]
    true, one, hundred = fastest(1000, runs)
    show("/bin/true", true * 1e3, " ms")
    show("decrypt -e with 1 secret", one * 1e3, " ms")
    show("decrypt -e with 100 secrets", hundred * 1e3, " ms")
    verdict("1 secret / true", one / true, "<=", 2.5)
    verdict("100 secrets / 1 secret", hundred / one, "<=", 1.5)
    trace = os.path.join(program.folder, "trace")
    strace = ["strace", "-f", "-e", "trace=clone,clone3,fork,vfork,exit_group", "-o", trace]
    subprocess.run(
        [*strace, *decrypt], env={"PATH": os.environ["PATH"], **environments[1]},
        stdout=subprocess.DEVNULL, check=True,
    )
    with open(trace) as file:
        calls = file.read()
    assert "exit_group(0)" in calls, "strace saw the program end"
    verdict("threads and processes started", len(re.findall("fork|clone", calls)), "<=", 0)
    start_without_aws(program)


def start_without_aws(program):
    """Who has no KMS token must not pay for what opens them."""
    print("`decrypt -e` with 1 NaCl secret: with AWS KMS in the binary / without it")
    full, small = (instructions_of(path, program, 1) for path in [program.path, program.small])
    show("instructions with it", full / 1e6, " M")
    show("instructions without it", small / 1e6, " M")
    verdict("instructions, ratio", full / small, "<=", 1.10)
    env = program.with_secrets(1)
    runs = [([path, "decrypt", "-e"], env) for path in [program.path, program.small]]
    full, small = fastest(1000, runs)
    show("wall time with it", full * 1e3, " ms")
    show("wall time without it", small * 1e3, " ms")
    show("wall time, ratio", full / small)
    for name, (argv, _) in zip(["with", "without"], runs):
        show(f"page faults {name} it", min(page_faults(argv, env) for _ in range(20)))


def page_faults(argv, env):
    """How many pages were not in place when a run of `argv` came to them."""
    to_null = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
    pid = os.posix_spawn(argv[0], argv, env, file_actions=[to_null])
    _, status, usage = os.wait4(pid, 0)
    assert status == 0
    return usage.ru_minflt + usage.ru_majflt


def stream(program):
    """Compares with cat(1), which does nothing but copy."""
    print("100 MB with a token in each 10 KB, beside cat")
    path = program.file_of_size(100_000_000, 10_000)
    cat, decrypt = ["/bin/cat", path], [program.path, "decrypt", path]
    target = os.path.join(program.folder, "out")
    for where, out in [("/dev/null", os.devnull), ("a pipe", PIPE), ("a file", target)]:
        env = {"PATH": os.environ["PATH"], **program.keys}
        by_cat, ours = fastest(40, [(argv, env) for argv in [cat, decrypt]], out)
        show(f"cat to {where}", by_cat * 1e3, " ms")
        show(f"decrypt to {where}", ours * 1e3, " ms")
        verdict(f"speed to {where} / cat's", by_cat / ours, ">=", 0.5)


def growth(program):
    """What one more token costs must not depend on how many there are."""
    print("whole runs of `decrypt FILE`")
    counts = [100, 1_000, 10_000, 50_000]
    runs = [([program.path, "decrypt", program.file_of_lines(n)], program.keys) for n in counts]
    times = fastest(60, runs)
    for count, taken in zip(counts, times):
        show(f"{count:,} tokens", taken * 1e3, " ms")
    few, many = [(times[n + 1] - times[n]) / (counts[n + 1] - counts[n]) for n in [1, 2]]
    show("one more, from 1,000 to 10,000", few * 1e9, " ns")
    show("one more, from 10,000 to 50,000", many * 1e9, " ns")
    verdict("the latter / the former", many / few, "<=", 2.0)


def memory(program):
    """The input may be held three times, and the rest must not depend on it."""
    print("peak memory of `decrypt FILE`")
    for megabytes in [1, 10, 100]:
        for kind, every in [("sparse", 10_000), ("dense", 0)]:
            path = program.file_of_size(megabytes * 1_000_000, every)
            size = os.path.getsize(path)
            argv = [program.bench, "peak", program.path, "decrypt", path]
            peak = int(subprocess.check_output(argv, env=program.keys))
            limit = round((3 * size + 16 * MIB) / MIB, 1)
            verdict(f"{megabytes} MB, {kind} tokens", peak / MIB, "<=", limit, " MiB")
            os.remove(path)


def size(program):
    """What an image grows by."""
    print("static binary")
    for name, path, limit in [("with", program.path, 15.0), ("without", program.small, 1.0)]:
        verdict(f"size {name} AWS KMS", os.path.getsize(path) / 1e6, "<=", limit, " MB")
        verdict(f"symbols and loaders {name} it", symbols_and_loaders(path), "<=", 0)


def symbols_and_loaders(path):
    """How many symbol tables a binary was left with, and programs it needs to be loaded."""
    argv = ["readelf", "--wide", "--segments", "--sections", path]
    parts = subprocess.check_output(argv, env={**os.environ, "LC_ALL": "C"}, text=True)
    assert "LOAD" in parts, "readelf shows what the binary consists of"
    return len(re.findall(r" \.symtab |  INTERP ", parts))


def kms(program):
    """What is asked of AWS KMS is asked together, and for each data key once."""
    print(f"`decrypt FILE` with AWS KMS that answers after {LATENCY} ms")
    with kms_server() as url:
        one, own = (kms_file(program, url, count, data_keys=count) for count in [1, 100])
        shared = kms_file(program, url, 100, data_keys=1)
        decrypt = [[program.path, "decrypt", path] for path in [one, shared, own]]
        env = kms_environment(url, f"latency-{LATENCY}")
        times = fastest(10, [(argv, env) for argv in decrypt])
        for what, taken in zip(["1 secret", "100 that share a data key", "100 others"], times):
            show(what, taken * 1e3, " ms")
        latencies = [taken * 1e3 / LATENCY for taken in times]
        verdict("100 that share a data key / latency", latencies[1], "<=", 3.0)
        verdict("100 others / latency", latencies[2], "<=", 12.0)
        kms_without_waits(program, url, decrypt[0])
        kms_throttled(url, decrypt[2])


def kms_without_waits(program, url, decrypt):
    """What the program itself does for AWS KMS: credentials, a connection, a signature."""
    nacl = [program.path, "decrypt", program.file_of_lines(1)]
    runs = [(decrypt, kms_environment(url, "latency-0")), (nacl, program.keys)]
    by_kms, by_nacl = fastest(200, runs)
    show("1 secret without latency", by_kms * 1e3, " ms")
    show("1 NaCl secret", by_nacl * 1e3, " ms")
    show("what AWS KMS costs beside waits", (by_kms - by_nacl) * 1e3, " ms")


def kms_throttled(url, decrypt):
    """The worst of several runs: it has to end within the ten seconds there are by default."""
    slowest = 0.0
    for number in range(5):
        env = kms_environment(url, f"throttle-90/run-{number}")
        start = time.perf_counter()
        run = subprocess.run(decrypt, env=env, stdout=subprocess.DEVNULL)
        taken = time.perf_counter() - start
        slowest = max(slowest, taken if run.returncode == 0 else float("inf"))
    verdict("100 others, 9 of 10 answers throttled", slowest, "<=", 10.0, " s")


@contextlib.contextmanager
def kms_server():
    """The URL of a KMS test server, which ends with its standard input."""
    pipe = subprocess.PIPE
    with subprocess.Popen([KMS_SERVER], stdin=pipe, stdout=pipe, text=True) as server:
        yield server.stdout.readline().strip()


def kms_environment(url, settings):
    """Variables that lead to the server, on which `settings` choose how it behaves."""
    return {
        "AWS_ACCESS_KEY_ID": "AKIDBENCH",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL_KMS": f"{url}/{settings}",
    }


def kms_file(program, url, count, data_keys):
    """A file with so many KMS tokens, made by the program itself and under so many data keys."""
    env = kms_environment(url, "run-make")
    flags = ["--share-data-key"] if data_keys < count else []
    encrypt = [program.path, "encrypt", "--lines", "--kms-key-id", "alias/bench", *flags]
    secrets = "".join(f"secret number {n}\n" for n in range(count))
    path = program.write(
        f"kms-{count}-{data_keys}",
        subprocess.check_output(encrypt, input=secrets, env=env, text=True),
    )
    # Only then is it known what is measured: so many requests, and all tokens opened.
    before = kms_requests(url)
    opened = subprocess.check_output([program.path, "decrypt", path], env=env, text=True)
    assert opened == secrets and kms_requests(url) - before == data_keys
    return path


def kms_requests(url):
    """How often the server was asked to unwrap a data key so far."""
    with contextlib.closing(http.client.HTTPConnection(url.removeprefix("http://"))) as server:
        server.request("GET", "/requests")
        return json.load(server.getresponse())["decrypt"]


SECTIONS = {
    section.__name__: section
    for section in [instructions, start, stream, growth, memory, size, kms]
}


def main(bench, path, small, *sections):
    with tempfile.TemporaryDirectory(prefix="secretary-bench-") as folder:
        program = Program(bench, path, small, folder)
        for name in sections or SECTIONS:
            SECTIONS[name](program)
    if MISSED:
        sys.exit(f"limits missed: {', '.join(MISSED)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
