import { InputError } from "../../canonical/input-error.ts";
import type { Kind } from "../kind.ts";
import { collectHistoryKind } from "./collect-history.ts";
import { collectLiveKind } from "./collect-live.ts";
import { fxImport } from "./fx-import.ts";
import { pricesBackfill } from "./prices-backfill.ts";
import { pricesBackfillMerge } from "./prices-backfill-merge.ts";
import { retentionPrune } from "./retention-prune.ts";
import { rollupsVerify } from "./rollups-verify.ts";

/** The kinds of jobs that `stellarindex worker` does. */
export const BUILT_IN_KINDS: readonly Kind[] = [
  collectHistoryKind,
  collectLiveKind,
  fxImport,
  pricesBackfill,
  pricesBackfillMerge,
  retentionPrune,
  rollupsVerify,
];

/** Returns a built-in kind; null where the program has none of this name. */
export function findKind(name: string): Kind | null {
  return BUILT_IN_KINDS.find((each) => each.name === name) ?? null;
}

/** @throws InputError that names the known kinds */
export function builtInKind(name: string): Kind {
  const kind = findKind(name);
  if (kind !== null) return kind;
  throw new InputError(
    `${JSON.stringify(name)} is no kind of job; use one of ${BUILT_IN_KINDS.map((each) => each.name).join(", ")}`,
  );
}
