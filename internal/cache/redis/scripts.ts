import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../lib/package-root.ts";

// The first lines of each file describe its KEYS and ARGV. Scripts access only the keys that they are given.

export const PUT_LUA = readScript("put-text");
export const PUBLISH_LUA = readScript("publish-price");
export const RENEW_LUA = readScript("renew-lease");
export const CLAIM_LUA = `${RENEW_LUA}${readScript("claim-leases")}`;

function readScript(name: string): string {
  return readFileSync(join(packageRoot(), "internal", "cache", "redis", "scripts", `${name}.lua`), "utf8");
}
