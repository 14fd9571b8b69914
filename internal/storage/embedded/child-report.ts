import type { Holder } from "./lock-files.ts";

/** A message from the database process to its parent. */
export type ChildReport =
  /** The lock is taken and its file is touched as a heartbeat; another report follows. */
  | { readonly state: "opening"; readonly lockFile: string }
  /** The database is served at the socket of the instance. */
  | { readonly state: "ready"; readonly instance: string }
  /** Another process serves the directory. */
  | { readonly state: "held"; readonly holder: Holder }
  /** The directory cannot be opened; the message says what to do. */
  | { readonly state: "refused"; readonly message: string }
  /** The process failed to start, or failed later. */
  | { readonly state: "failed"; readonly reason: string };
