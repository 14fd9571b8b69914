import { DatabaseUnusable } from "./errors.ts";

/** What a server is, by `pg_is_in_recovery()`: rights and settings of the role that connects do not change it. */
export type Role = "primary" | "standby";

/** What a server says of itself. */
export interface Standing {
  readonly role: Role;
  /**
   * Of a primary, how often servers of its line were promoted: one with an older timeline was left behind by a failover. 0 of a
   * standby, and of a server that does not say it.
   */
  readonly timeline: number;
}

/** Which of a URL's servers are connected to: the roles that fit, best first. */
export type Wanted = readonly [Role, ...Role[]];

/** As libpq's `target_session_attrs`, judged by the role alone; null for any server, in the order of the URL. */
export const SESSION_ATTRS: Readonly<Record<string, Wanted | null>> = {
  any: null,
  "read-write": ["primary"],
  primary: ["primary"],
  "read-only": ["standby"],
  standby: ["standby"],
  "prefer-standby": ["standby", "primary"],
};

const PARAMETER = /([?&])target_session_attrs=([^&#]*)(&?)/;

/**
 * Takes `target_session_attrs` out of a URL: the driver knows not all of its values, and goes by
 * `default_transaction_read_only`, which a role may have set and a standby has not.
 * @throws DatabaseUnusable where the value is none
 */
export function wantedRoles(url: string): {
  readonly url: string;
  readonly wanted: Wanted | null;
  readonly isSaid: boolean;
} {
  const [, before = "", text, after = ""] = PARAMETER.exec(url) ?? [];
  if (text === undefined) return { url, wanted: null, isSaid: false };
  const value = decodeURIComponent(text);
  if (!Object.hasOwn(SESSION_ATTRS, value)) {
    const known = Object.keys(SESSION_ATTRS).join(", ");
    throw new DatabaseUnusable(`[database] url: target_session_attrs=${value} is none of ${known}`);
  }
  const wanted = SESSION_ATTRS[value] ?? null;
  return { url: url.replace(PARAMETER, after === "" ? "" : before), wanted, isSaid: true };
}

/**
 * The first server of the best role, or where any will do, the first of all; null where none fits. Null stands for one that
 * does not answer.
 */
export function bestOf(roles: readonly (Role | null)[], wanted: Wanted | null): number | null {
  for (const role of wanted ?? [null]) {
    const index = roles.findIndex((each) => each !== null && (role === null || each === role));
    if (index !== -1) return index;
  }
  return null;
}

/** By timeline, whether a server believes to be the primary although another was promoted after it. */
export function isLeftBehind({ role, timeline }: Standing, newest: number): boolean {
  return role === "primary" && timeline !== 0 && timeline < newest;
}
