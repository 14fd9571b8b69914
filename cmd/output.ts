const FAILURE = 1;

let isNeeded = true;

/**
 * Ends the process when standard output fails: with 0 where the reader has closed it, with 1 and a message where it
 * cannot be written. Failures of standard error are ignored, since the exit status also reports errors.
 */
export function watchOutput(): void {
  process.stderr.on("error", () => {});
  process.stdout.on("error", ({ code, message }: NodeJS.ErrnoException) => {
    // The reader may stop reading, such as head.
    if (code === "EPIPE") process.exit(0);
    if (!isNeeded) return;
    process.stderr.write(`stellarindex: standard output cannot be written (${message})\n`);
    process.exit(FAILURE);
  });
}

/** For daemons, whose output is a log: they continue while its disk is full, and log again once there is space. */
export function outliveOutput(): void {
  isNeeded = false;
}
