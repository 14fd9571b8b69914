import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["internal/**/*.faults.ts", "test/faults/**/*.faults.ts"],
    globalSetup: ["test/services.ts", "test/faults/report.ts"],
    // Each file has servers and daemons of its own, which mostly wait.
    maxWorkers: 4,
    testTimeout: 240_000,
    hookTimeout: 240_000,
  },
});
