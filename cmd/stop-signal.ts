const FAILURE = 1;
// Kubernetes and systemd kill later than this by default; what is longer at it waits for what does not come.
const ORDERLY_SECONDS = 25;

/**
 * Aborts at the first SIGINT or SIGTERM, so that work can end in order; a second one, or too long a time, ends the process.
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

/** Has the process end soon, in order or not: a database that does not answer must not keep it. */
export function endWithinTime(): void {
  setTimeout(() => {
    process.stderr.write(`stellarindex: what was under way did not end within ${ORDERLY_SECONDS} s of the signal\n`);
    process.exit(FAILURE);
  }, ORDERLY_SECONDS * 1000).unref();
}

/** Ends when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
