/** The count of a key in its window, over all processes. */
export interface SharedCount {
  readonly key: string;
  readonly count: number;
  /** Seconds until its window ends. */
  readonly remainingSeconds: number;
}

/** Counters shared by all processes with the same Redis; the window of a key begins with its first count. */
export interface SharedCounts {
  /**
   * Adds to the counts and returns the totals.
   * @throws Error where Redis does not answer within seconds
   */
  add(counts: ReadonlyMap<string, number>): Promise<SharedCount[]>;
  close(): Promise<void>;
}
