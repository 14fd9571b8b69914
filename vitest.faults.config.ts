import { readdirSync, readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";
import { SHORT_LIVED } from "./test/node-flags.ts";

/** Tests that `test/thoroughness.ts` has the default suite run in part: here they run in full. */
const PARTIAL = ["cmd", "internal", "test"]
  .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => `${folder}/${name}`))
  .filter((file) => file.endsWith(".test.ts") && readFileSync(file, "utf8").includes("/thoroughness.ts"));

const EMBEDDED = "internal/storage/embedded/**/*.faults.ts";

export default defineConfig({
  test: {
    env: { STELLARINDEX_TEST_THOROUGH: "1" },
    execArgv: [...SHORT_LIVED],
    testTimeout: 480_000,
    hookTimeout: 480_000,
    projects: [
      {
        extends: true,
        test: {
          name: "in full",
          include: PARTIAL,
          globalSetup: ["test/services.ts"],
          isolate: false,
          maxWorkers: 4,
          // They take CPU time, which the deadlines of faults do not leave them.
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "faults",
          include: ["cmd/**/*.faults.ts", "internal/**/*.faults.ts", "test/**/*.faults.ts"],
          exclude: [EMBEDDED],
          globalSetup: ["test/services.ts", "test/faults/report.ts"],
          // Each file has servers and daemons of its own, which mostly wait.
          maxWorkers: 8,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "embedded faults",
          include: [EMBEDDED],
          globalSetup: ["test/services.ts"],
          // Embedded engines compute rather than wait.
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
