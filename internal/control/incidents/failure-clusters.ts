import type { Micros } from "../../canonical/time.ts";
import type { Failure } from "../../storage/control/failures.ts";
import { clusterOf } from "./cluster.ts";
import { groupsOf } from "./rules.ts";

/** Failures that are alike. */
export interface FailureCluster {
  readonly kind: string;
  readonly host: string;
  readonly reason: string | null;
  /** What their messages have in common. */
  readonly message: string;
  readonly count: number;
  readonly firstAt: Micros;
  readonly lastAt: Micros;
  /** The newest. */
  readonly example: Failure;
}

/**
 * Returns failures by kind, host, reason and message without what differs from job to job; the most frequent first.
 * @param failures newest first
 */
export function clustersOf(failures: readonly Failure[]): FailureCluster[] {
  const keyOf = ({ kind, host, reason, message }: Failure) =>
    JSON.stringify([kind, host, reason, clusterOf(message ?? "")]);
  const clusters = groupsOf(failures, keyOf).flatMap(([, alike]): FailureCluster[] => {
    const [example] = alike;
    if (example === undefined) return [];
    const { kind, host, reason, message } = example;
    const firstAt = alike.at(-1)?.at ?? example.at;
    const common = { kind, host, reason, message: clusterOf(message ?? "") };
    return [{ ...common, count: alike.length, firstAt, lastAt: example.at, example }];
  });
  return clusters.sort((a, b) => b.count - a.count || Number(b.lastAt - a.lastAt));
}
