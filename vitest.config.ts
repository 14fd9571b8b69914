import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { SHORT_LIVED } from "./test/node-flags.ts";

export default defineConfig({
  resolve: { alias: { "@stellarindex/worker": fileURLToPath(import.meta.resolve("./sdk/worker/src/index.ts")) } },
  test: {
    include: ["cmd/**/*.test.ts", "internal/**/*.test.ts", "sdk/**/*.test.ts", "test/**/*.test.ts"],
    globalSetup: ["test/services.ts"],
    // Most tests wait for databases and processes, so that four at a time suit two cores.
    maxWorkers: 4,
    isolate: false,
    execArgv: [...SHORT_LIVED],
    coverage: {
      provider: "v8",
      include: ["internal/**/*.ts", "sdk/worker/src/**/*.ts"],
      exclude: ["**/*.test.ts", "**/*.testing.ts", "**/*.faults.ts"],
      reporter: ["text-summary"],
      thresholds: { lines: 90 },
    },
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
