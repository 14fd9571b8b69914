import type { Holder } from "./lock-files.ts";

/** What the database process tells the one that started it. */
export type ChildReport =
  /** It has the lock, and touches its file for as long as it is not frozen. More is said later. */
  | { readonly state: "opening"; readonly lockFile: string }
  /** It serves, at the socket of the instance. */
  | { readonly state: "ready"; readonly instance: string }
  /** Somebody else serves the directory. */
  | { readonly state: "held"; readonly holder: Holder }
  /** The message says the cure. */
  | { readonly state: "refused"; readonly message: string }
  /** It did not start, or has ended since. */
  | { readonly state: "failed"; readonly reason: string };
