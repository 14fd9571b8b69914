import { once } from "node:events";
import type { Socket } from "node:net";
import type { PGlite } from "@electric-sql/pglite";
import { copiesFromClient, refuseCopy } from "./copy-from-client.ts";
import {
  closeStatements,
  type FrontendMessage,
  fatalResponse,
  message,
  messageReader,
  parsedName,
  startupKind,
  startupMessage,
} from "./frontend-messages.ts";
import type { Identity } from "./identity.ts";
import type { Listener } from "./listener.ts";

/** Serves one embedded database to several connections. */
export interface WireServer {
  /** Resolves once no client is connected, or after the timeout. */
  readonly idle: (timeoutMs: number) => Promise<void>;
  /** Closes all present and future connections, and rolls back their open transaction. */
  readonly stop: () => Promise<void>;
  /** Requests a checkpoint between two turns; skipped if little WAL has been written since the last one. */
  readonly checkpoint: () => void;
}

/** Messages of a client up to one that the database answers. */
interface Batch {
  readonly bytes: Uint8Array;
  /** Whether it ends with Sync or is a simple query, after which another client may get its turn. */
  readonly complete: boolean;
}

interface Client {
  readonly socket: Socket;
  readonly batches: Batch[];
  /** Names of its prepared statements, which must be dropped when it disconnects, since the session lives on. */
  readonly statements: Set<string>;
  pending: Buffer[];
  inBatch: boolean;
  gone: boolean;
}

const MOST_CLIENTS = 64;
const FLUSH_AT_BYTES = 1 << 20;
const SYNC = message("S");
const ROLLBACK = message("Q", Buffer.from("ROLLBACK\0"));
// By itself the engine only checkpoints at shutdown: the WAL would grow, and be replayed as a whole after a crash.
const CHECKPOINT = message(
  "Q",
  Buffer.from(
    `DO $$ BEGIN
      IF (SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), redo_lsn) FROM pg_control_checkpoint()) > ${64 << 20} THEN
        CHECKPOINT;
      END IF;
    END $$\0`,
  ),
);
/**
 * Multiplexes clients of the PostgreSQL protocol on the only session of an embedded database, over a Unix socket.
 * Clients take turns batch by batch; one in a transaction keeps the session until it ends. When a client disconnects,
 * its transaction is rolled back and its prepared statements are dropped. An identity request is answered with the
 * directory's identity; its connection stays open, so that the client notices the end of this process.
 */
export async function serveWire(
  database: PGlite,
  { listener, identity, onFatal }: { listener: Listener; identity: Identity; onFatal: (error: unknown) => void },
): Promise<WireServer> {
  const sockets = new Set<Socket>();
  const clients = new Set<Client>();
  const waiting: Client[] = [];
  let owner: Client | null = null;
  let stopping = false;
  let isCheckpointDue = false;
  let turns: Promise<void> | null = null;

  const execute = async (bytes: Uint8Array, onData: (data: Buffer) => void = () => {}): Promise<void> => {
    try {
      await database.runExclusive(() =>
        database.execProtocolRawStream(bytes, { onRawData: (data) => onData(Buffer.from(data)) }),
      );
    } catch (error) {
      onFatal(error);
      throw error;
    }
  };

  // The backend accepts one startup message; every client gets the recorded reply.
  const greeting: Buffer[] = [];
  await execute(startupMessage(), (data) => greeting.push(data));

  const askForTurn = (client: Client): void => {
    if (client !== owner && !waiting.includes(client)) waiting.push(client);
    goOn();
  };

  const goOn = (): void => {
    turns ??= takeTurns().finally(() => {
      turns = null;
    });
  };

  const takeTurns = async (): Promise<void> => {
    for (;;) {
      if (owner === null && isCheckpointDue) {
        isCheckpointDue = false;
        await execute(CHECKPOINT);
      }
      owner ??= waiting.shift() ?? null;
      if (owner === null) return;
      const client: Client = owner;
      if (client.gone) {
        await cleanUpAfter(client);
        owner = null;
        continue;
      }
      const batch = client.batches.shift();
      const keepsSession = client.inBatch || database.isInTransaction();
      if (batch === undefined) {
        if (keepsSession) return;
        owner = null;
        continue;
      }
      await answer(client, batch);
      client.inBatch = !batch.complete;
      if (!client.inBatch && !database.isInTransaction()) {
        owner = null;
        if (client.batches.length > 0 || client.gone) waiting.push(client);
      }
      // Lets sockets be read between two queries, each of which blocks the event loop.
      await new Promise(setImmediate);
    }
  };

  const answer = async ({ socket }: Client, { bytes }: Batch): Promise<void> => {
    let out: Buffer[] = [];
    let size = 0;
    await execute(bytes, (data) => {
      out.push(data);
      size += data.length;
      if (size < FLUSH_AT_BYTES) return;
      socket.write(Buffer.concat(out));
      out = [];
      size = 0;
    });
    if (size > 0 && socket.writable) socket.write(Buffer.concat(out));
  };

  const cleanUpAfter = async (client: Client): Promise<void> => {
    // A Sync alone would commit the client's unfinished batch. After an error the backend skips the ROLLBACK up to the
    // Sync.
    if (client.inBatch) await execute(Buffer.concat([ROLLBACK, SYNC]));
    if (database.isInTransaction()) await execute(ROLLBACK);
    if (client.statements.size > 0) await execute(Buffer.concat([closeStatements(client.statements), SYNC]));
    client.statements.clear();
  };

  const receive = (client: Client, { type, bytes }: FrontendMessage): void => {
    if (type === "startup") {
      const kind = startupKind(bytes);
      if (kind === "encryption") client.socket.write("N");
      else if (kind === "cancel") client.socket.end();
      else if (kind === "identity") {
        clients.delete(client);
        client.socket.write(`${JSON.stringify(identity)}\n`);
      } else client.socket.write(Buffer.concat(greeting));
      return;
    }
    if (type === "X") {
      client.socket.end();
      return;
    }
    if ("pdcf".includes(type)) return;
    const isQuery = type === "P" || type === "Q";
    const accepted = isQuery && copiesFromClient(bytes.toString("latin1", 5)) ? refuseCopy(type, bytes) : bytes;
    if (type === "P" && parsedName(accepted) !== "") client.statements.add(parsedName(accepted));
    client.pending.push(accepted);
    if (!"SQH".includes(type)) return;
    client.batches.push({ bytes: Buffer.concat(client.pending), complete: type !== "H" });
    client.pending = [];
    askForTurn(client);
  };

  listener.serve((socket) => {
    if (stopping) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    if (clients.size >= MOST_CLIENTS) {
      socket.resume();
      socket.end(fatalResponse("53300", "too many clients already"));
      return;
    }
    const client: Client = { socket, batches: [], statements: new Set(), pending: [], inBatch: false, gone: false };
    clients.add(client);
    socket.on(
      "data",
      messageReader(
        (received) => receive(client, received),
        () => socket.end(fatalResponse("08P01", "invalid message length")),
      ),
    );
    socket.on("close", () => {
      client.gone = true;
      client.batches.length = 0;
      clients.delete(client);
      if (owner === client || client.statements.size > 0) askForTurn(client);
    });
  });
  return {
    idle: async (timeoutMs) => {
      const signal = AbortSignal.timeout(timeoutMs);
      while (sockets.size > 0 && !signal.aborted) {
        const [socket] = sockets;
        if (socket !== undefined) await once(socket, "close", { signal }).catch(() => {});
      }
    },
    stop: async () => {
      stopping = true;
      const closed = [...sockets].map((socket) => once(socket, "close"));
      for (const socket of sockets) socket.destroy();
      await Promise.all(closed);
      await turns;
      if (database.isInTransaction()) await execute(ROLLBACK);
    },
    checkpoint: () => {
      isCheckpointDue = true;
      goOn();
    },
  };
}
