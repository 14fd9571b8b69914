import type { LockHolder } from "./lock.ts";

/** What the database process tells the one that started it: it serves, somebody else holds the directory, or why not. */
export type ChildReport =
  | { readonly state: "ready" }
  | { readonly state: "held"; readonly holder: LockHolder }
  | { readonly state: "failed"; readonly reason: string };
