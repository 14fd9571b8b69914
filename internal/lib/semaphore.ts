/** The call's deadline passed while it was queued; it was never started. */
export class DeadlineExceeded extends Error {
  override readonly name = "DeadlineExceeded";
}

/** The queue is full; the call was never started. */
export class QueueFull extends Error {
  override readonly name = "QueueFull";
}

/** Limits concurrent calls. Further calls are queued: first in, first out per client, round-robin between clients. */
export interface Semaphore {
  /**
   * Runs the call once a permit is free.
   * @param group the group of the client; default: the client alone
   * @throws DeadlineExceeded if no permit is free before the deadline; QueueFull if the queue is full and this client
   * has
   * the most queued calls; any error of the call
   */
  run<T>(call: () => Promise<T>, deadline: number, client?: string, group?: string): Promise<T>;
}

interface QueuedCall {
  readonly start: () => void;
  readonly refuse: (error: Error) => void;
  readonly deadline: number;
  readonly group: string;
}

/**
 * @param permits maximum number of concurrent calls
 * @param stopwatch seconds on a monotonic clock, which deadlines refer to
 * @param maxQueued maximum number of queued calls; beyond it, a call of the client with the longest queue is dropped
 * @param maxPerGroup maximum number of concurrent calls of one group of clients, however many permits are free
 */
export function makeSemaphore(
  permits: number,
  stopwatch: () => number,
  maxQueued: () => number = () => Number.POSITIVE_INFINITY,
  maxPerGroup: number = permits,
): Semaphore {
  /** Queues by client; the client that is served next comes first. */
  const queues = new Map<string, QueuedCall[]>();
  let queued = 0;
  let running = 0;
  const runningOf = new Map<string, number>();

  function enqueue(client: string, entry: QueuedCall): void {
    if (queued >= maxQueued()) dropExpired();
    if (queued >= maxQueued()) dropFromLongestQueue(client);
    const queue = queues.get(client);
    if (queue === undefined) queues.set(client, [entry]);
    else queue.push(entry);
    queued++;
  }

  function dropExpired(): void {
    const now = stopwatch();
    for (const [client, queue] of queues) {
      const [expired, live] = [
        queue.filter((each) => each.deadline < now),
        queue.filter((each) => each.deadline >= now),
      ];
      for (const { refuse } of expired) refuse(deadlineExceeded());
      queued -= expired.length;
      if (live.length === 0) queues.delete(client);
      else queues.set(client, live);
    }
  }

  /** Longest queue drop (Suter, Lakshman, Stiliadis and Choudhury, 1999): one client's load cannot exclude another. */
  function dropFromLongestQueue(client: string): void {
    const [longest] = [...queues.values()].sort((a, b) => b.length - a.length);
    const own = queues.get(client)?.length ?? 0;
    if (longest === undefined || longest.length <= own + 1) throw queueFull();
    longest.pop()?.refuse(queueFull());
    queued--;
  }

  function takeNext(): QueuedCall | undefined {
    for (const [client, queue] of queues) {
      const [entry] = queue;
      if (entry === undefined || !hasRoom(entry.group)) continue;
      queue.shift();
      queues.delete(client);
      if (queue.length > 0) queues.set(client, queue);
      queued--;
      return entry;
    }
    return undefined;
  }

  function hasRoom(group: string): boolean {
    return (runningOf.get(group) ?? 0) < maxPerGroup;
  }

  function count(group: string, by: number): void {
    running += by;
    const left = (runningOf.get(group) ?? 0) + by;
    if (left === 0) runningOf.delete(group);
    else runningOf.set(group, left);
  }

  return {
    async run(call, deadline, client = "", group = client) {
      if (running < permits && hasRoom(group)) count(group, +1);
      else await new Promise<void>((start, refuse) => enqueue(client, { start, refuse, deadline, group }));
      try {
        if (stopwatch() > deadline) throw deadlineExceeded();
        return await call();
      } finally {
        // A finished call passes its permit to the next queued one that the share of its group allows.
        count(group, -1);
        const next = takeNext();
        if (next !== undefined) {
          count(next.group, +1);
          next.start();
        }
      }
    },
  };
}

function deadlineExceeded(): DeadlineExceeded {
  return new DeadlineExceeded("the deadline passed while the call was queued");
}

function queueFull(): QueueFull {
  return new QueueFull("the queue of waiting calls is full");
}
