import { NO_CIRCUIT_BREAKER } from "../../lib/circuit-breaker.ts";
import { parseAnnouncement, parsePut } from "../keys.ts";
import { makeListeners } from "../listeners.ts";
import type { PriceStore } from "../store.ts";
import { connectRedis } from "./connection.ts";

const RENEW_MS = 10_000;

/** Returns the subscribing part of a store, on a connection of its own that opens with the first subscriber. */
export function openRedisSubscription(
  url: string,
  channels: { readonly writes: string; readonly puts: string },
): Pick<PriceStore, "subscribe" | "close"> {
  // No circuit breaker: nothing waits for the subscription, and its state does not tell whether commands are answered.
  const connection = connectRedis(url, NO_CIRCUIT_BREAKER, { lazyConnect: true });
  const { client } = connection;
  const listeners = makeListeners();
  const names = [channels.writes, channels.puts];

  async function confirm(): Promise<void> {
    await connection.run(() => client.subscribe(...names));
    listeners.up();
  }

  // Subscribing again is idempotent, restores a lost subscription, and detects a dead connection, on which nothing else
  // is ever sent.
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
      // Added before Redis confirms, so that another subscriber that ends meanwhile does not unsubscribe both.
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
