import type { Registry } from "../sources/registry.ts";
import type { Policy } from "./policy.ts";
import { countOf, type SourceTotals } from "./reader.ts";

export interface ClassFiltered {
  readonly kept: readonly SourceTotals[];
  /** Trades left out. */
  readonly dropped: number;
  /** Sources with trades that the registry does not know; left out as well. */
  readonly unknown: readonly string[];
}

/** Keeps the sources that are in VWAP; a source the registry does not know is left out. Off: keeps all. */
export function filterByClass(totals: readonly SourceTotals[], { classFilter, registry }: Policy): ClassFiltered {
  if (!classFilter) return { kept: totals, dropped: 0, unknown: [] };
  const kept = totals.filter(({ source }) => registry.get(source)?.includeInVwap === true);
  const left = totals.filter(({ source }) => registry.get(source)?.includeInVwap !== true);
  return {
    kept,
    dropped: countOf(left),
    unknown: left.map(({ source }) => source).filter((source) => !registry.has(source)),
  };
}

/** The sources the class filter keeps, for questions that name them; null where every source counts. */
export function countedSources({ classFilter, registry }: { classFilter: boolean; registry: Registry }) {
  if (!classFilter) return null;
  return [...registry.values()].filter(({ includeInVwap }) => includeInVwap).map(({ name }) => name);
}
