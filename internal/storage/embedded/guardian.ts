import { spawn } from "node:child_process";

// A line means that all went well; the end of the pipe without one, that whoever held its other end has died.
const SCRIPT = `trap '' INT TERM HUP
read -r _ && exit 0
for _ in 1 2 3 4 5 6 7 8 9 10; do
  kill -0 "$1" 2>/dev/null || exit 0
  sleep 1
done
kill -9 "$1"`;

/**
 * Has a process ended that outlives this one by more than some seconds. It is told of the end of this one and goes by
 * itself, but not where it is frozen, or spins.
 * @returns to be called once that process has ended
 */
export function guardAgainstOutliving(pid: number): () => void {
  const guardian = spawn("/bin/sh", ["-c", SCRIPT, "sh", String(pid)], {
    stdio: ["pipe", "ignore", "ignore"],
    // Out of the reach of Ctrl-C, and of a terminal that is closed.
    detached: true,
  });
  // Without a shell there is no guardian.
  guardian.on("error", () => {});
  guardian.stdin.on("error", () => {});
  guardian.unref();
  (guardian.stdin as unknown as { unref?: () => void }).unref?.();
  return () => guardian.stdin.end("ended\n");
}
