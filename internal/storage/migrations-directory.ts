import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The `migrations` folder of this package, found from the source tree and from the built one alike. */
export function migrationsDirectory(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error("the folder of the migrations is missing from this installation");
    folder = parent;
  }
  return join(folder, "migrations");
}
