import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text as bodyText } from "node:stream/consumers";
import {
  type MadeEvent,
  POOL,
  type PoolKind,
  poolEntry,
  swapEvents,
  USDC,
} from "../../internal/collect/stellar-rpc/swap-events.testing.ts";
import { Markets, type StandInTrade } from "./market.ts";
import { respond, type StandIn } from "./server.ts";

export { POOL };
export const MARKET = `native/${USDC}`;

const LEDGER_SECONDS = 1n;
/** A ledger and when it was closed, from which all others follow. */
const KNOWN = { sequence: 50_000_000n, closedAt: 1_760_000_000n };
const SCALE = 10n ** 7n;

export interface StellarRpc extends StandIn {
  /** Forgets ledgers that are older than so many seconds. */
  readonly retain: (seconds: number) => void;
  /** Gives at most so many events in a page, whatever was asked for. */
  readonly limit: (events: number) => void;
}

interface ToldEvent extends MadeEvent {
  readonly id: string;
  readonly ledger: bigint;
  readonly contract: string;
  readonly isSuccessful: boolean;
}

interface Filter {
  readonly contractIds?: readonly string[];
  readonly topics?: readonly (readonly string[])[];
}

const closeTime = (ledger: bigint): bigint => KNOWN.closedAt + (ledger - KNOWN.sequence) * LEDGER_SECONDS;
/** The ledger that closes next at a time in microseconds. */
const ledgerAfter = (micros: bigint): bigint =>
  KNOWN.sequence + (micros / 1_000_000n - KNOWN.closedAt) / LEDGER_SECONDS + 1n;
const idOf = (ledger: bigint, transaction: bigint, event: number): string =>
  `${String((ledger << 32n) + (transaction << 12n) + 1n).padStart(19, "0")}-${String(event).padStart(10, "0")}`;
const endOf = (ledger: bigint): string => `${String(((ledger + 1n) << 32n) - 1n).padStart(19, "0")}-4294967295`;

/** A stand-in of a Stellar RPC node whose network has one pool. Each swap shows once its ledger is closed; a failed call precedes each. */
export async function startStellarRpc(kind: PoolKind): Promise<StellarRpc> {
  const markets = new Markets([MARKET]);
  const { faults } = markets;
  const sockets = new Set<ServerResponse>();
  let [requests, isFollowed, isCut, isCutInFrame, retainedSeconds, most] = [0, false, false, false, 3600, 10_000];
  let surprise: string | null = null;
  let frozen: bigint | null = null;

  function newest(): bigint {
    frozen = faults.hole ? (frozen ?? ledgerAfter(markets.now()) - 1n) : null;
    return frozen ?? ledgerAfter(markets.now()) - 1n;
  }
  const oldest = (): bigint => ledgerAfter(markets.now()) - BigInt(retainedSeconds) / LEDGER_SECONDS;

  function eventsOf({ number, ts, price, size }: StandInTrade): ToldEvent[] {
    const base = BigInt(size.replace(".", "")) * (SCALE / 100n);
    const quote = (base * BigInt(price.replace("0.", ""))) / 1_000_000n;
    const made = swapEvents(kind, { sold: number % 2 === 0 ? "base" : "quote", base, quote });
    const ledger = ledgerAfter(ts);
    const value = faults.wrongPrices ? "AAAAAQ==" : null;
    return [false, true].flatMap((isSuccessful) =>
      made.map((event, index) => ({
        ...{ ...event, value: value ?? event.value, ledger, contract: POOL, isSuccessful },
        id: idOf(ledger, BigInt(number) * 2n + (isSuccessful ? 1n : 0n), index),
      })),
    );
  }

  function matches({ contractIds = [], topics = [] }: Filter, { contract, topic }: ToldEvent): boolean {
    const isTopic = topics.some(
      (segments) =>
        segments.length === topic.length && segments.every((each, index) => each === "*" || each === topic[index]),
    );
    return contractIds.includes(contract) && isTopic;
  }

  function getEvents({ startLedger, filters, pagination }: Record<string, unknown>): object {
    const { cursor, limit } = pagination as { cursor?: string; limit: number };
    const range = { first: oldest(), last: newest() };
    const from = cursor === undefined ? BigInt(startLedger as number) : BigInt(cursor.split("-")[0] ?? "0") >> 32n;
    if (from < range.first || from > range.last) {
      const message = `startLedger must be within the ledger range: ${range.first} - ${range.last}`;
      return { error: { code: -32600, message } };
    }
    const asked = filters as readonly Filter[];
    // Each ledger begins with the fee of some transaction.
    const fee = {
      id: idOf(from, 1n, 0),
      ledger: from,
      contract: POOL,
      isSuccessful: true,
      topic: [],
      value: "AAAAAQ==",
    };
    const all = asked.length === 0 ? [fee] : markets.of(MARKET).flatMap(eventsOf);
    const size = Math.min(limit, asked.length === 0 ? limit : most);
    const found = all
      .filter((each) => each.ledger >= from && each.ledger <= range.last && each.id > (cursor ?? ""))
      .filter((each) => asked.length === 0 || asked.some((filter) => matches(filter, each)))
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, size);
    const last = found.at(-1);
    const events = faults.duplicates ? found.flatMap((each) => [each, each]) : found;
    return {
      result: {
        events: events.map(told),
        cursor: last !== undefined && found.length === size ? last.id : endOf(range.last),
        ...{ latestLedger: Number(range.last), latestLedgerCloseTime: String(closeTime(range.last)) },
        ...{ oldestLedger: Number(range.first), oldestLedgerCloseTime: String(closeTime(range.first)) },
      },
    };
  }

  function answer(method: string, params: Record<string, unknown>): object {
    if (method === "getHealth") {
      const ledgers = { latestLedger: Number(newest()), oldestLedger: Number(oldest()) };
      return { result: { status: "healthy", ...ledgers, ledgerRetentionWindow: retainedSeconds } };
    }
    if (method === "getLedgerEntries") {
      const entries = [poolEntry(kind, POOL)].filter(({ key }) => (params["keys"] as string[]).includes(key));
      return { result: { entries: entries.map((each) => ({ ...each, lastModifiedLedgerSeq: 1 })), latestLedger: 1 } };
    }
    if (method !== "getEvents") return { error: { code: -32601, message: "method not found" } };
    return getEvents(params);
  }

  const server = createServer(async (request, response) => {
    requests++;
    sockets.add(response);
    response.on("close", () => sockets.delete(response));
    const { id, method, params = {} } = JSON.parse(await bodyText(request).catch(() => "{}"));
    if (faults.stall) return;
    if (isCut) {
      isCut = false;
      if (isCutInFrame) response.writeHead(200, { "content-length": 1000 }).write('{"jsonrpc":"2.0","id":1,"resu');
      setTimeout(() => response.destroy(), isCutInFrame ? 20 : 0);
      return;
    }
    const isSwaps = method === "getEvents" && params.filters.length > 0;
    const body = (): unknown => {
      if (isSwaps && surprise !== null) {
        const text = surprise;
        surprise = null;
        return text;
      }
      if (isSwaps) isFollowed = true;
      return { jsonrpc: "2.0", id, ...answer(method, params) };
    };
    respond({ markets, answer: () => ({ body: body() }) }, request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/key-of-a-provider`;
  return {
    ...{ source: kind === "phoenix-blended" ? "phoenix" : kind, live: url, rest: url, markets },
    trade: (market, count = 1) => {
      for (let done = 0; done < count; done++) markets.happen(market);
    },
    say: (text) => {
      surprise = text;
    },
    cut: (isInFrame = false) => {
      [isFollowed, isCut, isCutInFrame] = [false, true, isInFrame];
      for (const response of sockets) response.destroy();
    },
    connections: () => (isFollowed && !faults.maintenance && !faults.stall ? 1 : 0),
    requests: () => requests,
    retain: (seconds) => {
      retainedSeconds = seconds;
    },
    limit: (events) => {
      most = events;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

function told({ id, ledger, contract, isSuccessful, topic, value }: ToldEvent): object {
  return {
    ...{ type: "contract", ledger: Number(ledger), id, contractId: contract, operationIndex: 0, transactionIndex: 1 },
    ledgerClosedAt: new Date(Number(closeTime(ledger)) * 1000).toISOString().replace(".000Z", "Z"),
    ...{ txHash: "a".repeat(64), inSuccessfulContractCall: isSuccessful, topic, value },
  };
}
