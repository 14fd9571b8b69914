import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { smallDisk } from "../../../test/faults/small-disk.ts";
import { runProgram } from "../../../test/program.ts";
import { diskSpaceProblem } from "./disk-space.ts";
import { latestLockFile } from "./lock-files.ts";
import { count, newDirectory, on, startOn, stopAll, tradesFile } from "./process.testing.ts";

afterEach(stopAll);

describe("a full disk", () => {
  const disk = smallDisk(120);
  const tiny = smallDisk(8);
  const served = smallDisk(200);
  afterAll(() => {
    for (const point of [disk, tiny, served]) {
      if (point === null) continue;
      execFileSync("umount", ["--lazy", point]);
      rmSync(point, { recursive: true });
    }
  });

  it.skipIf(tiny === null)("is reported when a database is created, which succeeds once there is space", async () => {
    const point = tiny as string;
    const directory = join(point, "data");
    const file = tradesFile(newDirectory(), 1);
    expect(await runProgram(["import", file], on(directory))).toMatchObject({
      status: 1,
      err: expect.stringMatching(/did not start: .*the disk of .* is full: free space/),
    });
    expect(readdirSync(directory).filter((name) => name.endsWith(".draft"))).toEqual([]);
    execFileSync("mount", ["-o", "remount,size=400m", point]);
    expect(await runProgram(["import", file], on(directory))).toMatchObject({
      status: 0,
      out: expect.stringContaining("1 new, 0 duplicates"),
    });
  });

  it.skipIf(served === null)("does not prevent other commands from connecting to the serving process", async () => {
    const point = served as string;
    const directory = join(point, "data");
    cpSync(newDirectory(), directory, { recursive: true });
    await startOn(directory, "--no-market");
    expect((await runProgram(["import", tradesFile(newDirectory(), 1000)], on(directory))).status).toBe(0);
    // No directory has space for another entry.
    execFileSync("mount", ["-o", `remount,nr_inodes=${statfsSync(point).files - statfsSync(point).ffree}`, point]);
    expect(diskSpaceProblem(directory)).toMatch(/has only 0 free inodes \(df -i\), the database needs/);
    expect(await runProgram(["rollups", "verify"], on(directory))).toMatchObject({
      status: 0,
      out: expect.stringMatching(/^1000 trades counted, 0 rollups differ/),
    });
  });

  it.skipIf(disk === null)("is reported, loses no data, and writes continue once there is space", async () => {
    const point = disk as string;
    const directory = join(point, "data");
    const plenty = tradesFile(newDirectory(), 300_000);
    const failed = await runProgram(["import", plenty], on(directory));
    expect(failed).toMatchObject({ status: 1, err: expect.stringMatching(/no space left on device|is full/i) });
    expect(latestLockFile(directory)).not.toBeNull();

    expect(diskSpaceProblem(directory)).toMatch(
      /the disk of .* is nearly full: \d+ MB are left, the database needs 48 MB/,
    );
    const again = await runProgram(["import", plenty], on(directory));
    expect(again).toMatchObject({ status: 1, err: expect.stringMatching(/no space left on device|is full/i) });

    execFileSync("mount", ["-o", "remount,size=900m", point]);
    expect(diskSpaceProblem(directory)).toBeNull();
    const stored = await count(directory);
    expect(stored).toBeGreaterThan(1000);
    const done = await runProgram(["import", plenty], on(directory));
    expect(done.status).toBe(0);
    // Rows that had been stored count as duplicates, in whole batches.
    expect(done.out).toMatch(new RegExp(`${300_000 - stored} new, ${stored} duplicates`));
    expect(await count(directory)).toBe(300_000);
  });
});
