import type { TradeField } from "../../canonical/trade.ts";
import type { RowResult } from "../sent-trade.ts";

export const ROW_STATUSES = ["new", "known", "conflict", "rejected", "journalled"] as const;
export type RowStatus = (typeof ROW_STATUSES)[number];
export type RowCounts = Readonly<Record<RowStatus, number>>;

/** What became of one row, as the answer tells it. */
export interface RowAnswer {
  /** From 1. */
  readonly row: number;
  readonly status: RowStatus;
  readonly field?: TradeField;
  readonly reason?: string;
}

/** What became of the rows of a request. */
export interface RowReport {
  readonly counts: RowCounts;
  /** Adds what became of a row; null where it is in the journal. */
  readonly add: (row: number, result: RowResult | null) => void;
  /** Returns the body of the answer. */
  readonly answer: () => RowCounts & { readonly rows: readonly RowAnswer[] };
}

/** How many rows the answer to a stream names. */
export const ROWS_NAMED = 100;

/** @param names whether each row is named, or only the first that are in conflict or rejected */
export function makeRowReport(names: "all" | "problems"): RowReport {
  const counts = { new: 0, known: 0, conflict: 0, rejected: 0, journalled: 0 };
  const rows: RowAnswer[] = [];
  return {
    counts,
    add: (row, result) => {
      const status = result?.status ?? "journalled";
      counts[status] += 1;
      const isNamed = names === "all" || status === "conflict" || status === "rejected";
      if (!isNamed || (names === "problems" && rows.length >= ROWS_NAMED)) return;
      if (result?.status !== "rejected") rows.push({ row, status });
      else rows.push({ row, status, ...(result.field !== null && { field: result.field }), reason: result.reason });
    },
    // Rows are written in groups, so that a rejected one is known before those in front of it.
    answer: () => ({ ...counts, rows: rows.toSorted((a, b) => a.row - b.row) }),
  };
}
