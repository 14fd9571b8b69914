import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { deployPath, isThere, readDeployed, run, usageOf } from "./tools.ts";

const units = readdirSync(deployPath("systemd")).filter((file) => file.endsWith(".service"));
const hasSystemd = await isThere("systemd-analyze", ["--version"], "what systemd-analyze says of the units");

// The units get the path of this Node.js, since systemd refuses a unit whose program is missing.
const scratch = mkdtempSync(join(tmpdir(), "stellarindex-units-"));
for (const unit of units) {
  const text = readDeployed("systemd", unit).replace("ExecStart=/usr/bin/node ", `ExecStart=${process.execPath} `);
  writeFileSync(join(scratch, unit), text);
}
afterAll(() => rmSync(scratch, { recursive: true }));

describe("the systemd units", () => {
  it.skipIf(!hasSystemd)("are valid for systemd", async () => {
    const paths = units.map((unit) => join(scratch, unit));
    expect(paths).toHaveLength(6);
    expect(await run("systemd-analyze", ["verify", ...paths])).toEqual({ out: "", err: "", status: 0 });
  });

  it.skipIf(!hasSystemd).each(units)("%s has a security exposure of at most 1.5 of 10", async (unit) => {
    const security = ["security", "--offline=true", "--threshold=15", "--no-pager", join(scratch, unit)];
    expect(await run("systemd-analyze", security)).toMatchObject({ status: 0 });
  });

  it.each(units)("%s runs an existing command", async (unit) => {
    const [, command = "", options] =
      /^ExecStart=\S+ \/opt\/stellarindex\/dist\/cmd\/stellarindex\.js (\w+)(.*)$/m.exec(
        readDeployed("systemd", unit),
      ) ?? [];
    expect(await usageOf([command])).toMatch(`Usage: stellarindex ${command} `);
    const listen = command === "worker" ? " --ops-listen 127.0.0.1:9105" : "";
    expect(options).toBe(`${listen} --config /etc/stellarindex/stellarindex.toml`);
  });
});
