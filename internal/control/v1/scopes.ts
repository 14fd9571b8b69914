import type { ControlScope } from "../../config/sections/control.ts";

/** Each role may do what the one below it may. Doing jobs is apart: a worker neither sees nor steers the others. */
const ROLES: readonly ControlScope[] = ["control:admin", "control:operate", "control:read"];

/** Everything, for the user whose program or database it is. */
export const ALL_SCOPES = withIncluded(["control:admin", "jobs:work"]);

/** Returns the scopes with those that they include. */
export function withIncluded(scopes: readonly ControlScope[]): ControlScope[] {
  const highest = ROLES.findIndex((role) => scopes.includes(role));
  const roles = highest === -1 ? [] : ROLES.slice(highest);
  return [...roles, ...scopes.filter((scope) => !ROLES.includes(scope))];
}
