import { DatabaseUnusable } from "./errors.ts";

/** Role of a server by `pg_is_in_recovery()`, which does not depend on the session's settings or privileges. */
export type Role = "primary" | "standby";

/** Role and timeline of a server. */
export interface ServerState {
  readonly role: Role;
  /**
   * WAL timeline of a primary, which grows at each promotion: an older one was left behind by a failover. 0 for a
   * standby and for a server that does not tell.
   */
  readonly timeline: number;
}

/** Acceptable roles, best first. */
export type WantedRoles = readonly [Role, ...Role[]];

/** Values of libpq's `target_session_attrs`, judged by the role alone; null accepts any server in the URL's order. */
export const SESSION_ATTRS: Readonly<Record<string, WantedRoles | null>> = {
  any: null,
  "read-write": ["primary"],
  primary: ["primary"],
  "read-only": ["standby"],
  standby: ["standby"],
  "prefer-standby": ["standby", "primary"],
};

const PARAMETER = /([?&])target_session_attrs=([^&#]*)(&?)/;

/**
 * Removes `target_session_attrs` from a URL. The driver does not know all of its values, and judges by
 * `default_transaction_read_only`, which can be set for a role and is off on a standby.
 * @throws DatabaseUnusable if the value is unknown
 */
export function wantedRoles(url: string): {
  readonly url: string;
  readonly wanted: WantedRoles | null;
  readonly isExplicit: boolean;
} {
  const [, before = "", text, after = ""] = PARAMETER.exec(url) ?? [];
  if (text === undefined) return { url, wanted: null, isExplicit: false };
  const value = decodeURIComponent(text);
  if (!Object.hasOwn(SESSION_ATTRS, value)) {
    const known = Object.keys(SESSION_ATTRS).join(", ");
    throw new DatabaseUnusable(`[database] url: unknown target_session_attrs=${value}; use one of ${known}`);
  }
  const wanted = SESSION_ATTRS[value] ?? null;
  return { url: url.replace(PARAMETER, after === "" ? "" : before), wanted, isExplicit: true };
}

/**
 * Returns the index of the first server with the best role (of the first that answers if any role will do); null if
 * none.
 * @param roles null for a server that does not answer
 */
export function bestOf(roles: readonly (Role | null)[], wanted: WantedRoles | null): number | null {
  for (const role of wanted ?? [null]) {
    const index = roles.findIndex((each) => each !== null && (role === null || each === role));
    if (index !== -1) return index;
  }
  return null;
}

/** Returns whether a server acts as primary although another one was promoted after it. */
export function isLeftBehind({ role, timeline }: ServerState, newest: number): boolean {
  return role === "primary" && timeline !== 0 && timeline < newest;
}
