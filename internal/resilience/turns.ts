/** What waited for its turn for too long; it was never begun. */
export class TurnMissed extends Error {
  override readonly name = "TurnMissed";
}

/** As many wait for their turn as may; the call was never begun. */
export class TurnRefused extends Error {
  override readonly name = "TurnRefused";
}

/** Runs calls, so many at once; the others wait: those of a client in their order, and the clients take turns. */
export interface Turns {
  /**
   * @throws TurnMissed where the call's turn comes after the deadline; TurnRefused where too many wait, of whom the
   *   client has the most; what the call throws
   */
  run<T>(call: () => Promise<T>, deadline: number, client?: string): Promise<T>;
}

interface Waiting {
  readonly begin: () => void;
  readonly refuse: (error: Error) => void;
  readonly deadline: number;
}

/**
 * @param most how many calls run at once
 * @param stopwatch seconds on a clock that only goes forward; deadlines are by it
 * @param mostWaiting how many may wait; where more come, the client that has the most gives way
 */
export function makeTurns(
  most: number,
  stopwatch: () => number,
  mostWaiting: () => number = () => Number.POSITIVE_INFINITY,
): Turns {
  /** By client; whose turn is next comes first. */
  const queues = new Map<string, Waiting[]>();
  let waiting = 0;
  let running = 0;

  function join(client: string, entry: Waiting): void {
    if (waiting >= mostWaiting()) dropLate();
    if (waiting >= mostWaiting()) makeRoomFor(client);
    const queue = queues.get(client);
    if (queue === undefined) queues.set(client, [entry]);
    else queue.push(entry);
    waiting++;
  }

  function dropLate(): void {
    const now = stopwatch();
    for (const [client, queue] of queues) {
      const [late, inTime] = [
        queue.filter((each) => each.deadline < now),
        queue.filter((each) => each.deadline >= now),
      ];
      for (const { refuse } of late) refuse(missed());
      waiting -= late.length;
      if (inTime.length === 0) queues.delete(client);
      else queues.set(client, inTime);
    }
  }

  /** Longest queue drop (Suter, Lakshman, Stiliadis and Choudhury, 1999): nobody is kept out by another's many. */
  function makeRoomFor(client: string): void {
    const [longest] = [...queues.values()].sort((a, b) => b.length - a.length);
    const own = queues.get(client)?.length ?? 0;
    if (longest === undefined || longest.length <= own + 1) throw refused();
    longest.pop()?.refuse(refused());
    waiting--;
  }

  function takeNext(): Waiting | undefined {
    const [next] = queues;
    if (next === undefined) return undefined;
    const [client, queue] = next;
    const entry = queue.shift();
    queues.delete(client);
    if (queue.length > 0) queues.set(client, queue);
    waiting--;
    return entry;
  }

  return {
    async run(call, deadline, client = "") {
      if (running < most) running++;
      else await new Promise<void>((begin, refuse) => join(client, { begin, refuse, deadline }));
      try {
        if (stopwatch() > deadline) throw missed();
        return await call();
      } finally {
        // Who ends hands its place to the next.
        const next = takeNext();
        if (next === undefined) running--;
        else next.begin();
      }
    },
  };
}

function missed(): TurnMissed {
  return new TurnMissed("the deadline passed before the call's turn came");
}

function refused(): TurnRefused {
  return new TurnRefused("as many calls wait for their turn as may");
}
