import { type IssueSink, reportAt } from "../lib/cross-checks.ts";
import { buildRegistry, type SourceOverride } from "../policy/registry.ts";

/** The parts of a configuration whose names the ledger of jobs keeps beside each other. */
interface Named {
  readonly sources: readonly SourceOverride[];
  readonly feeds: readonly { readonly source: string }[];
  readonly deliveries: readonly { readonly name: string }[];
}

/**
 * Reports destinations that are named like a source: to the ledger both are the source of jobs, and who pauses or limits one
 * would pause or limit the other, as a destination does that answers that it is gone.
 */
export function checkDestinationNames({ sources, feeds, deliveries }: Named, context: IssueSink): void {
  const taken = new Set([...buildRegistry(sources).keys(), ...feeds.map(({ source }) => source)]);
  for (const [index, { name }] of deliveries.entries()) {
    if (!taken.has(name)) continue;
    const right = `another one, such as "${name}-hook"`;
    reportAt(context, ["deliveries", index, "name"], `${JSON.stringify(name)} is the name of a source`, right);
  }
}
