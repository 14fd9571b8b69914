import type { LockHolder } from "./lock.ts";

/** What the database process tells the one that started it: it serves, or somebody else holds the directory. */
export type ChildReport = { readonly state: "ready" } | { readonly state: "held"; readonly holder: LockHolder };
