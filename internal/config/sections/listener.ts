import type { z } from "zod";
import { reportAt } from "../../lib/cross-checks.ts";
import { formatListen } from "./fields.ts";

/** Checks that sections of daemons share. */

type Address = Parameters<typeof formatListen>[0];

/** Refuses the same address for a daemon's requests and for its health checks. */
export function refuseSameAddress(section: string) {
  return ({ listen, ops_listen }: { listen: Address; ops_listen: Address }, context: z.core.$RefinementCtx): void => {
    if (listen.port === 0 || formatListen(listen) !== formatListen(ops_listen)) return;
    const wrong = `${formatListen(ops_listen)} is also the address of ${section}.listen`;
    reportAt(context, ["ops_listen"], wrong, "another address");
  };
}

/** Refuses entries of a list that have the same text in one of the fields. */
export function refuseRepeated<List extends string, Field extends string>(
  list: List,
  fields: readonly Field[],
  right: string,
) {
  return (
    section: Readonly<Record<List, readonly Readonly<Record<Field, string>>[]>>,
    context: z.core.$RefinementCtx,
  ) => {
    for (const field of fields) {
      const seen = new Set<string>();
      for (const [index, entry] of section[list].entries()) {
        if (seen.has(entry[field])) {
          reportAt(context, [list, index, field], `${JSON.stringify(entry[field])} occurs twice`, right);
        }
        seen.add(entry[field]);
      }
    }
  };
}

export const refuseSameKeys = refuseRepeated("keys", ["name", "hash"], "each name and each hash only once");
