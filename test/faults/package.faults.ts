import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runtimePackages } from "../../docs/generate/licenses.ts";
import { packageRoot } from "../../internal/lib/package-root.ts";
import { embeddedDirectory } from "../../internal/storage/connection/database.testing.ts";
import { SHORT_LIVED } from "../node-flags.ts";

const run = promisify(execFile);

/** Licences that only require their notice. */
const PERMISSIVE = ["MIT", "ISC", "Apache-2.0", "BlueOak-1.0.0", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "Unlicense"];

describe("the package", () => {
  const folder = mkdtempSync(join(tmpdir(), "stellarindex-package-"));
  let files: string[] = [];
  beforeAll(async () => {
    // Scripts are not run, since the tested program is already built.
    const pack = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
    const [{ filename, files: listed }] = JSON.parse((await run("npm", pack, { cwd: packageRoot() })).stdout);
    files = listed.map(({ path }: { path: string }) => path);
    await run("tar", ["-xzf", join(folder, filename), "-C", folder]);
    symlinkSync(join(packageRoot(), "node_modules"), join(folder, "package", "node_modules"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("contains only the program, its licence and those of its dependencies", () => {
    const allowed = /^(dist\/(cmd|internal|sdk)\/.+\.js|internal\/.+\.lua|migrations\/.+\.sql|[^/]+)$/;
    expect(files.filter((file) => !allowed.test(file))).toEqual([]);
    expect(files.filter((file) => /\.(test|testing|faults)\./.test(file))).toEqual([]);
    expect(files.filter((file) => !file.includes("/")).sort()).toEqual([
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "THIRD_PARTY_LICENSES.md",
      "config.example.toml",
      "package.json",
    ]);
    expect(files.filter((file) => file.startsWith("migrations/")).length).toBeGreaterThan(10);
  });

  it("runs after it is unpacked, including its migrations", async () => {
    const program = join(folder, "package", "dist", "cmd", "stellarindex.js");
    const data = embeddedDirectory("empty");
    const env = { ...process.env, STELLARINDEX_DATABASE_URL: `pglite:${data}` };
    const outputOf = async (...args: string[]) =>
      (await run(process.execPath, [...SHORT_LIVED, program, ...args], { env })).stdout;
    expect(await outputOf("--help")).toContain("Usage: stellarindex");
    await outputOf("migrate", "up");
    expect(await outputOf("migrate", "status")).toMatch(/001.*trades/);
    rmSync(data, { recursive: true });
  });
});

describe("the packages that are installed with it", () => {
  it("are exactly the direct and transitive dependencies of package.json", () => {
    const { dependencies } = JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8"));
    const names = runtimePackages().map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(Object.keys(dependencies)));
    expect(names).not.toContain("vitest");
  });

  it("declare licences that only require their notice", () => {
    for (const { name, license } of runtimePackages()) {
      expect([name, PERMISSIVE]).toEqual([name, expect.arrayContaining([license])]);
      const own = join(packageRoot(), "node_modules", name, "package.json");
      if (existsSync(own)) expect([name, JSON.parse(readFileSync(own, "utf8")).license]).toEqual([name, license]);
    }
  });
});
