const FAILURE = 1;
// Less than the 30 s or more after which Kubernetes and systemd kill a process by default.
const SHUTDOWN_SECONDS = 25;

/**
 * Returns a signal that aborts at the first SIGINT or SIGTERM, for an orderly shutdown; a second one, or a timeout,
 * ends the process.
 */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(FAILURE);
    endWithinTime();
    controller.abort();
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  return controller.signal;
}

/** Starts the shutdown timeout, so that a database that does not answer cannot keep the process alive. */
export function endWithinTime(): void {
  setTimeout(() => {
    process.stderr.write(`stellarindex: shutdown did not complete within ${SHUTDOWN_SECONDS} s of the signal\n`);
    process.exit(FAILURE);
  }, SHUTDOWN_SECONDS * 1000).unref();
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
