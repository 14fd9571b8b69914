import { spawn } from "node:child_process";

// A line on stdin dismisses the watchdog; end of file without one means that the parent has died.
const SCRIPT = `trap '' INT TERM HUP
read -r _ && exit 0
for _ in 1 2 3 4 5 6 7 8 9 10; do
  kill -0 "$1" 2>/dev/null || exit 0
  sleep 1
done
kill -9 "$1"`;

/**
 * Starts a watchdog that kills process `pid` if it is still running 10 s after this process has ended. It normally
 * exits by itself, unless it is frozen or in an endless loop.
 * @returns a function that dismisses the watchdog; call it when the process has ended
 */
export function startWatchdog(pid: number): () => void {
  const watchdog = spawn("/bin/sh", ["-c", SCRIPT, "sh", String(pid)], {
    stdio: ["pipe", "ignore", "ignore"],
    // Own process group: neither Ctrl-C nor a closed terminal reaches it.
    detached: true,
  });
  // Without a shell there is no watchdog.
  watchdog.on("error", () => {});
  watchdog.stdin.on("error", () => {});
  watchdog.unref();
  (watchdog.stdin as unknown as { unref?: () => void }).unref?.();
  return () => watchdog.stdin.end("ended\n");
}
