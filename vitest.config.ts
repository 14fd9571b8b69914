import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["cmd/**/*.test.ts", "internal/**/*.test.ts", "test/**/*.test.ts"],
    globalSetup: ["test/services.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
