import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { watchHeartbeat } from "./watch-heartbeat.ts";

afterEach(() => {
  vi.useRealTimers();
});

it("a lock file that cannot be read counts as no heartbeat, without a crash", () => {
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-signs-"));
  const lockFile = join(directory, "lock.1");
  // Reading it fails, as on a broken disk.
  symlinkSync(lockFile, lockFile);
  vi.useFakeTimers();
  const onSilence = vi.fn();
  watchHeartbeat(lockFile, onSilence);
  vi.advanceTimersByTime(20_000);
  expect(onSilence).not.toHaveBeenCalled();
  vi.advanceTimersByTime(60_000);
  expect(onSilence).toHaveBeenCalledTimes(1);
  rmSync(directory, { recursive: true });
});
