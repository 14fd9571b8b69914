import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Mounts a small separate disk; null if this process may not mount one. */
export function smallDisk(megabytes: number): string | null {
  const point = mkdtempSync(join(tmpdir(), "stellarindex-small-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", point], { stdio: "ignore" });
    // afterAll does not run if the tests are only collected or filtered out.
    process.once("exit", () => spawnSync("umount", ["--lazy", point], { stdio: "ignore" }));
    return point;
  } catch {
    console.log("left out: full disks, because no file system can be mounted here");
    rmSync(point, { recursive: true });
    return null;
  }
}
