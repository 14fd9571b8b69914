import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { packageRoot } from "./package-root.ts";

it("is the folder of package.json, in which the migrations are", () => {
  for (const name of ["package.json", "migrations", "internal/lib/package-root.ts"]) {
    expect(existsSync(join(packageRoot(), name)), name).toBe(true);
  }
});
