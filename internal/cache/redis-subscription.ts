import { parseAnnouncement } from "./keys.ts";
import { makeListeners } from "./listeners.ts";
import { connectRedis } from "./redis-connection.ts";
import type { PriceStore } from "./store.ts";

const RENEW_MS = 10_000;

/** The part of a store that listens, on a connection of its own that is opened by the first who subscribes. */
export function openRedisSubscription(url: string, channel: string): Pick<PriceStore, "subscribe" | "close"> {
  const connection = connectRedis(url, { lazyConnect: true });
  const { client } = connection;
  const listeners = makeListeners();

  // To subscribe again changes nothing where the subscription stands, brings it back where it was lost, and shows a
  // dead connection, on which nothing else is ever sent.
  function renew(): void {
    if (listeners.size > 0 && client.status === "ready") client.subscribe(channel).catch(() => {});
  }
  client.on("ready", renew);
  const timer = setInterval(renew, RENEW_MS).unref();

  client.on("message", (_channel: string, payload: string) => {
    const announcement = parseAnnouncement(payload);
    if (announcement !== null) listeners.announce(announcement);
  });

  return {
    async subscribe(onWrite) {
      // Counted before Redis confirms, so that another who ends meanwhile does not unsubscribe for both.
      const remove = listeners.add(onWrite);
      try {
        await connection.run(() => client.subscribe(channel));
      } catch (error) {
        remove();
        throw error;
      }
      return async () => {
        remove();
        if (listeners.size === 0 && client.status === "ready") await client.unsubscribe(channel).catch(() => {});
      };
    },
    async close() {
      clearInterval(timer);
      listeners.clear();
      await connection.close();
    },
  };
}
