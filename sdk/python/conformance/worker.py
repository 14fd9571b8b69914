"""The worker that the conformance suite runs; docs/worker-protocol.md says what it has to do."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from stellarindex_worker import Aborted, PermanentFailure, Throttled, stop_signal, work  # noqa: E402


def echo(job):
    return {"attempt": job.attempt, "traceparent": job.traceparent, "payload": job.payload}


def permanent(job):
    raise PermanentFailure(job.payload["message"])


def flaky(job):
    if job.attempt <= job.payload["failures"]:
        raise RuntimeError(f"attempt {job.attempt} fails")
    return {"attempt": job.attempt}


def text(job):
    raise RuntimeError("naïve 💫 [\0] end")


def long(job):
    job.progress(0.5)
    job.sleep(job.payload["seconds"])


def hang(job):
    try:
        job.sleep(2**31)
    except Aborted:
        print(f"aborted {job.id}", flush=True)
        raise


def throttled(job):
    if job.attempt == 1:
        raise Throttled("429 Too Many Requests", status=429, retry_after_seconds=1)


def tokens(job):
    job.tokens(job.payload["tokens"])


def artifact(job):
    job.artifact("result.csv", "memory:result.csv", job.payload["content"])


HANDLERS = {f"conformance.{each.__name__}": each
            for each in (echo, permanent, flaky, text, long, hang, throttled, tokens, artifact)}

work(
    url=os.environ["CONTROL_URL"],
    key=os.environ["CONTROL_KEY"],
    kinds=HANDLERS,
    concurrency=8,
    lease_seconds=5,
    poll_seconds=0.2,
    drain_seconds=3,
    stop=stop_signal(),
    handler=lambda job: HANDLERS[job.kind](job),
)
