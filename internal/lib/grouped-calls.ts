interface Queued<Item, Outcome> {
  readonly items: readonly Item[];
  readonly resolve: (outcomes: Outcome[]) => void;
  readonly reject: (error: unknown) => void;
}

/** A call that may be given up. */
export interface GroupedCall<Outcome> {
  /** What became of each item, in order. */
  readonly outcomes: Promise<Outcome[]>;
  /** Drops the items unless they are on their way; then it is unknown what became of them. */
  readonly abandon: () => void;
}

/**
 * Returns a function that gives what many callers have to few calls of `work`, each of which takes the items of whole
 * callers. If `work` rejects, all callers of that call do.
 * @param maxItems the most items of one call, unless one caller has more
 * @param parallel the most calls at once
 */
export function groupCalls<Item, Outcome>(
  work: (items: readonly Item[]) => Promise<Outcome[]>,
  { maxItems, parallel }: { readonly maxItems: number; readonly parallel: number },
): (items: readonly Item[]) => GroupedCall<Outcome> {
  const queue = new Set<Queued<Item, Outcome>>();
  let running = 0;

  function take(): Queued<Item, Outcome>[] {
    const group: Queued<Item, Outcome>[] = [];
    let count = 0;
    for (const each of queue) {
      if (group.length > 0 && count + each.items.length > maxItems) break;
      group.push(each);
      count += each.items.length;
      queue.delete(each);
    }
    return group;
  }

  async function run(): Promise<void> {
    running++;
    for (let group = take(); group.length > 0; group = take()) {
      try {
        const outcomes = await work(group.flatMap(({ items }) => items));
        let start = 0;
        for (const { items, resolve } of group) {
          resolve(outcomes.slice(start, start + items.length));
          start += items.length;
        }
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    running--;
  }

  return (items) => {
    let queued: Queued<Item, Outcome> | null = null;
    const outcomes = new Promise<Outcome[]>((resolve, reject) => {
      queued = { items, resolve, reject };
      queue.add(queued);
      // What else arrives in this turn of the event loop joins the call.
      if (running < parallel) setImmediate(() => running < parallel && run());
    });
    return { outcomes, abandon: () => void (queued !== null && queue.delete(queued)) };
  };
}
