import { readdirSync, readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { SHORT_LIVED } from "./test/node-flags.ts";

/** Tests that `test/thoroughness.ts` has the default suite run in part: here they run in full. */
const PARTIAL = ["cmd", "internal", "test"]
  .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => `${folder}/${name}`))
  .filter((file) => file.endsWith(".test.ts") && readFileSync(file, "utf8").includes("/thoroughness.ts"));

/** Files that take longest begin first, so that no worker is left alone with one of them at the end. */
const LONGEST = [
  "test/faults/signals",
  "test/faults/replicas",
  "test/conformance/clients",
  "test/collect/",
  "test/faults/redis",
  "test/faults/database",
  "test/faults/gateway",
  "cmd/start",
  "test/faults/memory",
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const found = LONGEST.findIndex((name) => moduleId.includes(`/${name}`));
      return found === -1 ? LONGEST.length : found;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

const EMBEDDED = "internal/storage/embedded/**/*.faults.ts";

export default defineConfig({
  test: {
    env: { STELLARINDEX_TEST_THOROUGH: "1" },
    execArgv: [...SHORT_LIVED],
    sequence: { sequencer: LongestFirst },
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
