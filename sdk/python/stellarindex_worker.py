"""Workers of Stellar Index: claim jobs, keep their leases, report how they ended.

On the standard library alone, for Python 3.9 or later. docs/worker-protocol.md has the protocol.
"""

import email.utils
import hashlib
import json
import os
import random
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request

__all__ = ["work", "stop_signal", "Job", "PermanentFailure", "Throttled", "Aborted", "CallRefused"]

CLAIM_SECONDS = 30  # A claim may wait for locks; one that is given up would leave its jobs leased to nobody.
CALL_SECONDS = 10
ABORT_GRACE_SECONDS = 3  # How long aborted work may take to end before it is given up.
STOPPING_SECONDS = 15  # How long a worker that stops repeats a report.
MAX_HEARTBEAT_SECONDS = 10  # A lost or cancelled job is noticed within this time.

LEASE_LOST = "the lease was lost, or the job was cancelled"
STOPPED = "the worker stops"
DEADLINE = "the attempt took longer than it may"


class PermanentFailure(Exception):
    """Another attempt would fail as well: the job is failed, whatever attempts are left."""


class Throttled(Exception):
    """The job's host asks for fewer requests: the ledger slows down all jobs of that host, and repeats this one."""

    def __init__(self, message, status=None, retry_after_seconds=None):
        super().__init__(message)
        self.status = status
        self.retry_after_seconds = retry_after_seconds


class Aborted(Exception):
    """The job must end now; see Job.check."""


class CallRefused(Exception):
    """The ledger refuses a call, and would refuse it again."""


class _CallDelayed(Exception):
    """The ledger cannot answer now."""

    def __init__(self, message, retry_after_seconds):
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


def stop_signal():
    """Returns an event that is set when this process is told to stop: at SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        # In a thread of its own: the main thread may hold the event's lock when the signal comes.
        signal.signal(number, lambda *_: threading.Thread(target=stop.set).start())
    return stop


def work(*, url, key, kinds, handler, stop, concurrency=1, lease_seconds=60, poll_seconds=1,
         deadline_seconds=None, drain_seconds=10, name=None, log=None):
    """Claims and does jobs until the event `stop` is set; then hands back what has not ended in time, and returns.

    handler(job) returns a value that is stored as JSON. It may be run twice for one job, so that it must bear being
    repeated. It raises PermanentFailure if another attempt would fail as well, and Throttled if a host asks for fewer
    requests; after any other exception the job is tried again. Raises CallRefused where the ledger refuses to give jobs,
    such as for an unknown key.
    """
    if not 1 <= concurrency <= 100:
        raise ValueError(f"concurrency: {concurrency} is not from 1 to 100")
    if not 5 <= lease_seconds <= 3600:
        raise ValueError(f"lease_seconds: {lease_seconds} is not from 5 to 3600")
    worker = _Worker(_Ledger(url, key), handler, stop, lease_seconds, deadline_seconds,
                     log or (lambda line: print(line, file=sys.stderr, flush=True)))
    request = {"worker": name or f"{socket.gethostname()}:{os.getpid()}", "kinds": list(kinds)}
    worker.run(request, concurrency, poll_seconds, drain_seconds)


class Job:
    """A job that this worker holds."""

    def __init__(self, ledger, given, leased_until):
        self.id = given["job_id"]
        self.kind = given["kind"]
        self.payload = given["payload"]
        self.attempt = given["attempt"]
        self.max_attempts = given["max_attempts"]
        self.source = given["source"]
        self.host = given["host"]
        self.feed = given.get("feed")
        self.run_id = given.get("run_id")
        self.traceparent = given["traceparent"]
        # Set when the job is cancelled or lost, when the attempt takes too long, or when the worker stops.
        self.aborted = threading.Event()
        self.abort_reason = None
        self._ledger = ledger
        self.token = given["lease_token"]
        self._lease = {"job_id": self.id, "lease_token": self.token}
        self._leased_until = leased_until  # On this process's monotonic clock.
        self._progress = None
        self._artifacts = []
        self._changed = threading.Event()  # Set when the work has ended, or must end.
        self._lock = threading.Lock()

    def check(self):
        """Raises Aborted if the job must end now."""
        if self.aborted.is_set():
            raise Aborted(self.abort_reason)

    def sleep(self, seconds):
        """Waits; raises Aborted as soon as the job must end."""
        self.aborted.wait(seconds)
        self.check()

    def progress(self, fraction):
        """Tells how far the job has come, 0 to 1; the next heartbeat carries it."""
        if not 0 <= fraction <= 1:
            raise ValueError(f"progress: {fraction} is not from 0 to 1")
        self._progress = fraction

    def tokens(self, count):
        """Waits until so many requests to the job's host are granted; the claim has granted the first one."""
        failures = 0
        while count > 0:
            self.check()
            try:
                answer = self._ledger.call("tokens", {**self._lease, "tokens": count}, CALL_SECONDS)
                count -= answer["granted"]
                failures, seconds = 0, answer["wait_seconds"]
            except CallRefused:
                raise
            except Exception as error:
                failures += 1
                seconds = _call_again_seconds(failures, error)
            if count > 0:
                self.sleep(seconds)

    def artifact(self, name, uri, content):
        """Adds what the job produced to the report of its success: text (as UTF-8), bytes, or an iterable of bytes."""
        pieces = [content.encode()] if isinstance(content, str) else content
        digest, length = hashlib.sha256(), 0
        for piece in [pieces] if isinstance(pieces, (bytes, bytearray, memoryview)) else pieces:
            digest.update(piece)
            length += len(piece)
        self._artifacts.append({"name": name, "sha256": digest.hexdigest(), "bytes": length, "uri": uri})

    def _abort(self, reason):
        with self._lock:
            if self.abort_reason is not None:
                return
            self.abort_reason = reason
        self.aborted.set()
        self._changed.set()


class _Ledger:
    """The worker protocol."""

    def __init__(self, url, key):
        self._base = url.rstrip("/") + "/control/v1/work/"
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._opener = urllib.request.build_opener(_NoRedirects)

    def call(self, path, body, seconds):
        request = urllib.request.Request(self._base + path, json.dumps(body).encode(), self._headers, method="POST")
        try:
            with self._opener.open(request, timeout=seconds) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                message = f"{path}: {error.code} {_detail_of(error.read())}"
                if error.code >= 500 or error.code in (408, 425, 429):
                    raise _CallDelayed(message, _retry_after_seconds(error.headers)) from None
                raise CallRefused(message) from None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would turn the call into a GET, or take the key elsewhere."""

    def redirect_request(self, *_):
        return None


class _Worker:
    def __init__(self, ledger, handler, stop, lease_seconds, deadline_seconds, log):
        self._ledger = ledger
        self._handler = handler
        self._stop = stop
        self._lease_seconds = lease_seconds
        self._deadline_seconds = deadline_seconds
        self._log = log
        self._running = {}  # By lease token: a lost job may be leased here again while its old attempt still ends.
        self._reporting = {}
        self._wake = threading.Event()
        self._lock = threading.Lock()

    def run(self, request, concurrency, poll_seconds, drain_seconds):
        over = threading.Event()
        threading.Thread(target=self._keep_leases, args=(over,), daemon=True).start()
        threading.Thread(target=lambda: (self._stop.wait(), self._wake.set()), daemon=True).start()
        failures = 0
        try:
            while not self._stop.is_set():
                self._wake.clear()
                most = concurrency - len(self._running)
                asked_at = time.monotonic()
                # With jitter, so that workers that were started together do not ask together.
                seconds = poll_seconds * (0.5 + random.random())
                jobs = []
                try:
                    if most > 0:
                        body = {**request, "max_jobs": most, "lease_seconds": self._lease_seconds}
                        jobs = self._ledger.call("claim", body, CLAIM_SECONDS)["jobs"]
                    failures = 0
                except CallRefused:
                    raise
                except Exception as error:
                    self._log(f"the ledger does not answer: {error}")
                    failures += 1
                    seconds = max(seconds, _call_again_seconds(failures, error))
                if self._stop.is_set():
                    self._release(jobs)
                else:
                    for given in jobs:
                        self._start(Job(self._ledger, given, asked_at + self._lease_seconds))
                if self._stop.is_set():
                    break
                if failures > 0:
                    self._stop.wait(seconds)
                elif len(jobs) < most or most == 0:
                    self._wake.wait(seconds)
        finally:
            self._drain(drain_seconds if self._stop.is_set() else 0)
            over.set()

    def _release(self, jobs):
        reports = [{"job_id": each["job_id"], "lease_token": each["lease_token"], "outcome": "released",
                    "reason": "worker_stopped"} for each in jobs]
        if reports:
            try:
                self._ledger.call("report", {"reports": reports}, CALL_SECONDS)
            except Exception as error:
                self._log(f"the ledger does not answer: {error}")

    def _drain(self, seconds):
        until = time.monotonic() + seconds
        with self._lock:
            left = list(self._reporting.values())
        for thread, _ in left:
            thread.join(max(0, until - time.monotonic()))
        for _, job in left:
            job._abort(STOPPED)
        for thread, _ in left:
            thread.join()

    def _start(self, job):
        thread = threading.Thread(target=self._attempt, args=(job,), daemon=True)
        with self._lock:
            self._running[job.token] = job
            self._reporting[job.token] = (thread, job)
        thread.start()

    def _attempt(self, job):
        ends, done = [], threading.Event()

        def run():
            ends.append(self._end_of(job))
            done.set()
            job._changed.set()

        handler = threading.Thread(target=run, daemon=True)
        handler.start()
        self._watch(job)
        # Work that does not end soon after it was aborted is given up: its result no longer counts.
        done.wait(ABORT_GRACE_SECONDS)
        self._report(job, ends[0] if ends else Aborted(job.abort_reason))
        with self._lock:
            del self._reporting[job.token]
        # It keeps its place until it has ended, so that no more runs than there are places.
        handler.join()
        with self._lock:
            del self._running[job.token]
        self._wake.set()

    def _end_of(self, job):
        """Returns the result of the handler as JSON, or what it raised."""
        try:
            result = self._handler(job)
            return json.dumps({} if result is None else result, ensure_ascii=False, allow_nan=False,
                              separators=(",", ":"))
        except BaseException as error:
            return error

    def _watch(self, job):
        """Waits until the work has ended or must end; aborts it at its deadline and at the end of its lease."""
        deadline = time.monotonic() + (self._deadline_seconds or float("inf"))
        while not job._changed.wait(max(0, min(deadline, job._leased_until) - time.monotonic())):
            now = time.monotonic()
            if now >= deadline:
                job._abort(DEADLINE)
            elif now >= job._leased_until:
                job._abort(LEASE_LOST)

    def _report(self, job, end):
        report = self._failure(job, end) if isinstance(end, BaseException) else self._success(job, end)
        outcome = self._send(job, report)
        if outcome != "succeeded":
            self._log(f"job {job.id} ({job.kind}), attempt {job.attempt}: {outcome} {report['message']}")

    @staticmethod
    def _success(job, text):
        report = {**job._lease, "outcome": "succeeded", "message": text}
        return {**report, "artifacts": job._artifacts} if job._artifacts else report

    @staticmethod
    def _failure(job, error):
        failure = {**job._lease, "message": str(error) or type(error).__name__}
        if isinstance(error, PermanentFailure):
            return {**failure, "outcome": "failed", "reason": "permanent"}
        if job.abort_reason == STOPPED:
            return {**failure, "outcome": "released", "reason": "worker_stopped"}
        retry = {**failure, "outcome": "retry", "retry_seconds": _backoff_seconds(1, 600, job.attempt)}
        if job.abort_reason == DEADLINE:
            return {**retry, "reason": "deadline_exceeded", "message": DEADLINE}
        if not isinstance(error, Throttled):
            return {**retry, "reason": "error"}
        throttle = {"status": error.status, "retry_after_seconds": error.retry_after_seconds}
        throttle = {name: value for name, value in throttle.items() if value is not None}
        return {**retry, "reason": "throttled", "throttle": throttle,
                "retry_seconds": throttle.get("retry_after_seconds", retry["retry_seconds"])}

    def _send(self, job, first):
        """Sends a report until the ledger answers. Repeated with the same token, it counts once."""
        report, failures, give_up_at = first, 0, None
        while job.abort_reason != LEASE_LOST:
            try:
                reported = self._ledger.call("report", {"reports": [report]}, CALL_SECONDS)["reported"]
                if not reported:
                    break
                return "dead" if reported[0]["state"] == "dead" else report["outcome"]
            except CallRefused as error:
                self._log(f"the ledger refuses: {error}")
                if report is not first:
                    break
                # The same report would be refused at each attempt.
                report = {**job._lease, "outcome": "failed", "reason": "report_refused",
                          "message": f"the report was refused: {error}"}
            except Exception as error:
                self._log(f"the ledger does not answer: {error}")
                failures += 1
                if self._stop.is_set() and give_up_at is None:
                    give_up_at = time.monotonic() + STOPPING_SECONDS
                if give_up_at is not None and time.monotonic() >= give_up_at:
                    break
                time.sleep(_call_again_seconds(failures, error))
        return "lease_lost"

    def _keep_leases(self, over):
        """The heartbeat: extends all leases, and aborts the jobs whose lease is lost."""
        while not over.wait(min(self._lease_seconds / 3, MAX_HEARTBEAT_SECONDS)):
            with self._lock:
                jobs = [job for job in self._running.values() if job.abort_reason != LEASE_LOST]
            asked_at = time.monotonic()
            leases = [{**job._lease, **({} if job._progress is None else {"progress": job._progress})} for job in jobs]
            if not leases:
                continue
            try:
                body = {"lease_seconds": self._lease_seconds, "leases": leases}
                # An answer that comes later than the next heartbeat is of no use.
                kept = self._ledger.call("extend", body, self._lease_seconds / 3)["kept"]
            except Exception as error:
                self._log(f"the ledger does not answer: {error}")
                continue
            answers = {each["lease_token"]: each["is_extended"] for each in kept}
            for job in jobs:
                is_extended = answers.get(job.token)
                if is_extended is None:
                    job._abort(LEASE_LOST)
                elif is_extended:
                    job._leased_until = asked_at + self._lease_seconds


def _backoff_seconds(first, most, count):
    """Exponential backoff with full jitter."""
    return min(most, first * 2 ** min(count - 1, 30)) * random.random()


def _call_again_seconds(failures, error):
    asked = error.retry_after_seconds if isinstance(error, _CallDelayed) else None
    return max(asked or 0, _backoff_seconds(0.5, 15, failures))


def _retry_after_seconds(headers):
    """A date is compared with the answer's own Date, so that no clock of this machine counts."""
    text = (headers.get("Retry-After") or "").strip()
    if text.isdigit():
        return int(text)
    try:
        at, sent = (email.utils.parsedate_to_datetime(each) for each in (text, headers.get("Date") or ""))
        return max(0.0, (at - sent).total_seconds())
    except (TypeError, ValueError):
        return None


def _detail_of(body):
    text = body.decode(errors="replace")
    try:
        detail = json.loads(text).get("detail")
    except (ValueError, AttributeError):
        detail = None
    return detail if isinstance(detail, str) else text[:200]
