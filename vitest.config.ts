import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["cmd/**/*.test.ts", "internal/**/*.test.ts", "test/**/*.test.ts"],
    globalSetup: ["test/services.ts"],
    // Most tests wait for databases and processes, so that four at a time suit two cores.
    maxWorkers: 4,
    isolate: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
