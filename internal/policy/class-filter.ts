import type { Policy } from "./policy.ts";
import { countOf, type SourceTotals } from "./reader.ts";
import type { Registry } from "./registry.ts";

export interface ClassFiltered {
  readonly kept: readonly SourceTotals[];
  /** Number of trades left out. */
  readonly dropped: number;
  /** Sources of these trades that are not in the registry; they are left out too. */
  readonly unknown: readonly string[];
}

/** Keeps the sources with `includeInVwap` and drops unregistered ones. With the class filter off it keeps all. */
export function filterByClass(totals: readonly SourceTotals[], { classFilter, registry }: Policy): ClassFiltered {
  if (!classFilter) return { kept: totals, dropped: 0, unknown: [] };
  const kept = totals.filter(({ source }) => registry.get(source)?.includeInVwap === true);
  const excluded = totals.filter(({ source }) => registry.get(source)?.includeInVwap !== true);
  return {
    kept,
    dropped: countOf(excluded),
    unknown: excluded.map(({ source }) => source).filter((source) => !registry.has(source)),
  };
}

/** Returns the sources that the class filter keeps, for use in queries; null with the class filter off. */
export function countedSources({ classFilter, registry }: { classFilter: boolean; registry: Registry }) {
  if (!classFilter) return null;
  return [...registry.values()].filter(({ includeInVwap }) => includeInVwap).map(({ name }) => name);
}
