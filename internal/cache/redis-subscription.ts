import { NO_GUARD } from "../resilience/guard.ts";
import { parseAnnouncement, parsePut } from "./keys.ts";
import { makeListeners } from "./listeners.ts";
import { connectRedis } from "./redis-connection.ts";
import type { PriceStore } from "./store.ts";

const RENEW_MS = 10_000;

/** The part of a store that listens, on a connection of its own that is opened by the first who subscribes. */
export function openRedisSubscription(
  url: string,
  channels: { readonly writes: string; readonly puts: string },
): Pick<PriceStore, "subscribe" | "close"> {
  // Nobody waits for it, and that a subscription stands or not says nothing of whether commands are answered.
  const connection = connectRedis(url, NO_GUARD, { lazyConnect: true });
  const { client } = connection;
  const listeners = makeListeners();
  const names = [channels.writes, channels.puts];

  async function confirm(): Promise<void> {
    await connection.run(() => client.subscribe(...names));
    listeners.up();
  }

  // To subscribe again changes nothing where the subscription stands, brings it back where it was lost, and shows a
  // dead connection, on which nothing else is ever sent.
  function renew(): void {
    if (listeners.size > 0) confirm().catch(() => listeners.down());
  }
  client.on("ready", renew);
  client.on("close", () => listeners.down());
  const timer = setInterval(renew, RENEW_MS).unref();

  client.on("message", (channel: string, payload: string) => {
    if (channel === channels.puts) {
      const key = parsePut(payload);
      if (key !== null) listeners.announcePut(key);
      return;
    }
    const announcement = parseAnnouncement(payload);
    if (announcement !== null) listeners.announce(announcement);
  });

  return {
    async subscribe(onWrite, others) {
      // Counted before Redis confirms, so that another who ends meanwhile does not unsubscribe for both.
      const remove = listeners.add(onWrite, others);
      try {
        await confirm();
      } catch (error) {
        remove();
        throw error;
      }
      return async () => {
        remove();
        if (listeners.size === 0 && client.status === "ready") await client.unsubscribe(...names).catch(() => {});
      };
    },
    async close() {
      clearInterval(timer);
      listeners.clear();
      await connection.close();
    },
  };
}
