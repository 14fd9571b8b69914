import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Returns the root folder of this package, which contains `package.json` and `migrations`, for sources and builds
 * alike.
 */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error("this installation is broken: its package.json is missing");
    folder = parent;
  }
  return folder;
}
