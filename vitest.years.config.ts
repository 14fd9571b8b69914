import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/years/*.years.ts"],
    globalSetup: ["test/services.ts"],
    // One file makes fifteen years of chunks, and each of its tests goes on from the one before.
    bail: 1,
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
  },
});
