import { targetsOf } from "../aggregator/target.ts";
import { publishedPairs } from "../config/published-pairs.ts";
import { type Config, policySettings } from "../config/schema.ts";
import type { DeliverySettings } from "../config/sections/deliveries.ts";
import type { Archive } from "../deliver/archive/archive.ts";
import { keepArchiving } from "../deliver/archive/keep-archiving.ts";
import { openArchive } from "../deliver/archive/open-archive.ts";
import { makeReadArchived } from "../deliver/archive/read-archived.ts";
import type { Receiver } from "../deliver/deliver-event.ts";
import { runDeliveries } from "../deliver/delivery-worker.ts";
import { deliverFailed, deliveriesCounted, destinationsConfigured } from "../deliver/events.ts";
import { filterOf, orderPointerOf } from "../deliver/filter.ts";
import { makeSender } from "../deliver/make-sender.ts";
import type { Outage } from "../deliver/outage.ts";
import { runWatchers } from "../deliver/watch/watchers.ts";
import { stopwatch, systemClock } from "../lib/clock.ts";
import { keepCalling } from "../lib/keep-calling.ts";
import { makePolicy } from "../policy/policy.ts";
import { retryConflicts } from "../storage/connection/conflicts.ts";
import { inTransaction, READ_COMMITTED } from "../storage/connection/transaction.ts";
import { countDeliveries } from "../storage/events/counts.ts";
import { type Destination, type DestinationLimits, declareDestinations } from "../storage/events/destinations.ts";
import type { Resources } from "./resources.ts";

const COUNT_SECONDS = 15;
/** Whose events are delivered. */
const TENANT = "default";

/** Deliveries at work. */
export interface RunningDeliveries {
  /** Delivers to other destinations from now on; attempts under way may end first. */
  readonly reconfigure: (receivers: Receivers) => Promise<void>;
  /** Hands back what is under way, after some seconds. */
  readonly stop: () => Promise<void>;
}

/** Configured destinations, what sends to each, and where the data of old events go. */
export interface Receivers {
  readonly declared: readonly (Destination & DestinationLimits)[];
  readonly byName: ReadonlyMap<string, Receiver>;
  /** Null where they stay in the database. */
  readonly archive: Archive | null;
  /** Age at which they go there. */
  readonly archiveAfterSeconds: number;
}

/**
 * Returns what the configured destinations and the archive need; their secrets are read.
 * @throws InputError that names the destination whose secret cannot be read, or what the archive lacks
 */
export function receiversOf({ deliveries, deliver }: Pick<Config, "deliveries" | "deliver">): Receivers {
  const dependencies = { env: process.env, now: systemClock.now };
  return {
    declared: deliveries.map(destinationOf),
    byName: new Map(
      deliveries.map((settings) => [
        settings.name,
        {
          send: makeSender(settings, dependencies),
          retrySeconds: settings.retry,
          concurrency: settings.concurrency,
        },
      ]),
    ),
    archive: openArchive(deliver, process.env),
    archiveAfterSeconds: deliver.archive_after,
  };
}

function destinationOf(settings: DeliverySettings): Destination & DestinationLimits {
  const { name, retry, concurrency, rate, burst } = settings;
  return {
    destination: name,
    filter: filterOf(settings),
    orderKey: orderPointerOf(settings),
    maxAttempts: retry.length + 1,
    concurrency,
    pace: rate === 0 ? null : { rate, burst },
  };
}

/**
 * Declares the destinations, records the index's own events, and delivers all that is recorded.
 * @param name the worker's name in history
 */
export async function startDeliveries(
  config: Config,
  { database, store }: Resources,
  first: Receivers,
  name: string,
): Promise<RunningDeliveries> {
  const declare = ({ declared }: Receivers) =>
    retryConflicts(() =>
      inTransaction(database.sql, READ_COMMITTED, (sql) => declareDestinations(sql, TENANT, declared)),
    );
  const outages = new Map<string, Outage>();
  const run = (receivers: Receivers): (() => Promise<void>) => {
    destinationsConfigured.publish({ destinations: [...receivers.byName.keys()] });
    const { archive, archiveAfterSeconds: afterSeconds } = receivers;
    const stopping = new AbortController();
    const parts = {
      ...{ database, tenant: TENANT, receivers: receivers.byName, outages, readArchived: makeReadArchived(archive) },
      ...{ now: systemClock.now, stopwatch, random: Math.random },
    };
    const running = receivers.byName.size === 0 ? null : runDeliveries(name, parts, stopping.signal);
    const archiving = archive === null ? null : keepArchiving({ database, tenant: TENANT, archive, afterSeconds });
    return async () => {
      stopping.abort();
      await Promise.all([running, archiving?.stop()]);
    };
  };

  await declare(first);
  let stop = run(first);
  /** Attempts to receivers that were replaced, which may end first. */
  const ending = new Set<Promise<void>>();
  let replacing: Promise<void> = Promise.resolve();
  const stopping = new AbortController();
  const { interval_seconds, settle_seconds, max_trades_per_window, windows } = config.aggregate;
  const watching = runWatchers(
    {
      ...{ database, store, tenant: TENANT, now: systemClock.now },
      policy: makePolicy(policySettings(config)),
      targets: targetsOf(publishedPairs(config), windows),
      intervalSeconds: interval_seconds,
      settleSeconds: settle_seconds,
      maxTrades: max_trades_per_window,
    },
    stopping.signal,
  );
  const counting = keepCalling(
    COUNT_SECONDS,
    async () => deliveriesCounted.publish({ counts: await countDeliveries(database.sql, TENANT) }),
    (error) => deliverFailed.publish({ call: "count", error }),
  );
  /** The new ones begin at once: a slow answer to an old one must not hold up the others. */
  const replace = async (receivers: Receivers): Promise<void> => {
    if (stopping.signal.aborted) return;
    await declare(receivers);
    const stopOld = stop;
    stop = run(receivers);
    const ended = stopOld().finally(() => ending.delete(ended));
    ending.add(ended);
  };
  return {
    reconfigure: (receivers) => {
      // One after the other, so that the last one stays, and each is stopped.
      const replaced = replacing.then(() => replace(receivers));
      replacing = replaced.catch(() => {});
      return replaced;
    },
    stop: async () => {
      counting.stop();
      stopping.abort();
      await replacing;
      await Promise.all([watching, stop(), ...ending]);
    },
  };
}
