import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { packageRoot } from "../../internal/lib/package-root.ts";
import { GENERATED } from "./files.ts";

for (const [path, make] of Object.entries(GENERATED)) {
  const file = join(packageRoot(), path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, await make());
  console.log(path);
}
