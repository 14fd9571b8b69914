import { isDeepStrictEqual } from "node:util";
import { InputError } from "../../canonical/input-error.ts";
import type { Sql } from "../../storage/connection/pool.ts";
import { type Interval, listGaps } from "../../storage/control/coverage.ts";
import { type Feed, readFeed } from "../../storage/control/feeds.ts";
import { hostRate, measureKind } from "../../storage/control/measure.ts";
import type { NewRun } from "../../storage/control/runs.ts";
import { findKind } from "../kinds/kinds.ts";
import { windowsOf, windowsWithGaps } from "./windows.ts";

/** Gaps of a feed that are read for one run. */
const MOST_GAPS = 100_000;

/** Kinds whose windows give parts of one file, and what puts these together. */
const MERGE_KINDS: ReadonlyMap<string, string> = new Map([["prices.backfill", "prices.backfill.merge"]]);

/** What a run is asked for: of a feed, or of a kind of job. */
export interface RunRequest extends Interval {
  readonly feed: string | null;
  /** Null for the feed's; that of a feed has no other. */
  readonly kind: string | null;
  /** Fields of the payload; those of the feed are added, and have no other values. */
  readonly payload: Readonly<Record<string, unknown>>;
  /** Null for the feed's. */
  readonly chunkSeconds: number | null;
  /** Leaves out windows that the feed covers already. */
  readonly onlyGaps: boolean;
}

/** What a run would cost. */
export interface RunPreview {
  readonly windows: number;
  /** Tokens of the host: one for each window. */
  readonly tokens: number;
  /** At the rate at which the newest jobs of the kind were done, and of the host; null where none was done yet. */
  readonly seconds: number | null;
}

/** @throws InputError where the feed does not exist, or what is asked for is incomplete or invalid */
export async function planRun(
  sql: Sql,
  tenant: string,
  { from, to, onlyGaps, ...asked }: RunRequest,
): Promise<Omit<NewRun, "actor" | "reason">> {
  const feed = asked.feed === null ? null : await readFeed(sql, tenant, asked.feed);
  if (feed === null && asked.feed !== null) throw new InputError(`there is no feed ${asked.feed}; declare it first`);
  if (feed !== null) requireFeedsWork(feed, asked);
  const kind = asked.kind ?? feed?.kind;
  const chunkSeconds = asked.chunkSeconds ?? feed?.chunkSeconds;
  if (kind === undefined) throw new InputError("name a feed or a kind");
  if (chunkSeconds === undefined) throw new InputError("name a feed or a chunk, such as 1h");
  if (onlyGaps && feed === null) throw new InputError("only a feed has gaps");
  const all = windowsOf({ from, to }, chunkSeconds);
  const windows =
    onlyGaps && feed !== null ? windowsWithGaps(all, await gapsOf(sql, tenant, feed.feed, { from, to })) : all;
  const payload = { ...feed?.payload, ...asked.payload };
  requireValidWindow(kind, payload);
  return {
    ...{ kind, payload, from, to, chunkSeconds, windows },
    feed: feed?.feed ?? null,
    source: feed?.source ?? "",
    host: feed?.host ?? "",
    mergeKind: onlyGaps ? null : (MERGE_KINDS.get(kind) ?? null),
  };
}

/**
 * Checks the payload of windows of a built-in kind; one window stands for all, since they differ in their times only.
 * @throws InputError that names each wrong field
 */
export function requireValidWindow(kind: string, payload: Readonly<Record<string, unknown>>): void {
  findKind(kind)?.prepare({ ...payload, from: "2026-01-01T00:00:00Z", to: "2026-01-01T01:00:00Z" });
}

/** The windows that succeed become the feed's coverage: other work would count as the feed's. */
function requireFeedsWork(feed: Feed, { kind, payload }: Pick<RunRequest, "kind" | "payload">): void {
  const cure = "leave it out, or make a run without the feed";
  if (kind !== null && kind !== feed.kind) {
    throw new InputError(`the windows of feed ${feed.feed} are fetched by ${feed.kind}, not by ${kind}; ${cure}`);
  }
  const changed = Object.keys(payload).find(
    (name) => Object.hasOwn(feed.payload, name) && !isDeepStrictEqual(payload[name], feed.payload[name]),
  );
  if (changed !== undefined) {
    throw new InputError(`the payload of feed ${feed.feed} has another ${JSON.stringify(changed)}; ${cure}`);
  }
}

/** Returns the gaps of a feed that end in a range, and what is behind its watermark. */
async function gapsOf(sql: Sql, tenant: string, feed: string, { from, to }: Interval): Promise<Interval[]> {
  const gaps = await listGaps(sql, tenant, feed, { after: from, limit: MOST_GAPS });
  const watermark = (await readFeed(sql, tenant, feed))?.watermark ?? null;
  const after = watermark ?? -(2n ** 62n);
  return after < to ? [...gaps, { from: after, to }] : gaps;
}

/** Returns what the windows of a run would cost. */
export async function previewOf(
  sql: Sql,
  tenant: string,
  { kind, host, windows: { length } }: Pick<NewRun, "kind" | "host" | "windows">,
): Promise<RunPreview> {
  const [measured, rate] = await Promise.all([measureKind(sql, tenant, kind), hostRate(sql, tenant, host)]);
  const atWork = measured === null ? null : (length * measured.busySeconds) / measured.jobs;
  const atHost = rate === null ? 0 : length / rate;
  return { windows: length, tokens: length, seconds: atWork === null ? null : Math.max(atWork, atHost) };
}
