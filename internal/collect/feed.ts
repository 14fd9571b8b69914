import type { Pair } from "../canonical/pair.ts";

/** A market of a source that is collected. */
export interface CollectedFeed {
  /** Its name in the ledger, such as kraken:XLM-USD. */
  readonly feed: string;
  /** The source that its trades carry. */
  readonly source: string;
  /** The market in the venue's own words, such as XBT/USD. */
  readonly market: string;
  /** The pair that its trades are stored under, in the venue's orientation. */
  readonly pair: Pair;
}

/** Where a venue is reached. */
export interface Endpoint {
  /** For live data: ws://, wss://, http:// or https://. */
  readonly live: string;
  /** For requests: http:// or https://. */
  readonly rest: string;
  /** Where a venue's public files of whole days are: http://, https:// or an absolute path; undefined for nowhere. */
  readonly files?: string | undefined;
  /** A key that the venue gave; undefined where it is asked without one. */
  readonly key?: string | undefined;
}
