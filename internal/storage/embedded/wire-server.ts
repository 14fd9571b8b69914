import { once } from "node:events";
import type { Socket } from "node:net";
import type { PGlite } from "@electric-sql/pglite";
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
  /** Drops all connections and those to come, and rolls back what they left open. */
  readonly stop: () => Promise<void>;
  /** Has the engine write what its log holds into its tables, between two turns, where that is worth while. */
  readonly checkpoint: () => void;
}

/** What a client has sent up to a point where the database answers it. */
interface Batch {
  readonly bytes: Uint8Array;
  /** Ends with Sync or is a simple query: after it another client may have its turn. */
  readonly complete: boolean;
}

interface Client {
  readonly socket: Socket;
  readonly batches: Batch[];
  /** Names of its prepared statements: the session outlives it, so they are dropped when it goes. */
  readonly statements: Set<string>;
  pending: Buffer[];
  inBatch: boolean;
  gone: boolean;
}

const MOST_CLIENTS = 64;
const FLUSH_AT_BYTES = 1 << 20;
const SYNC = message("S");
const ROLLBACK = message("Q", Buffer.from("ROLLBACK\0"));
// The engine alone does so only at its end: until then its log would grow, and all of it be read again after a crash.
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
// The data would never reach the backend, and the session would be lost to everybody.
const COPY_FROM_CLIENT = /(^|[;\0])\s*copy\b[^;]*\bfrom\s+stdin\b/i;
const COMMENTS = /--[^\n]*|\/\*[\s\S]*?\*\//g;
const COPY_REFUSED = Buffer.from('SELECT "COPY FROM STDIN is not supported by the embedded database"\0');

/**
 * Lets clients of the PostgreSQL protocol share the one session of an embedded database over a unix socket: whole
 * batches take turns, and a client in a transaction keeps the session until it ends. A client that goes leaves nothing
 * behind: its transaction is rolled back, its prepared statements are dropped. Whoever asks for the identity is told which
 * directory this is, and keeps the connection as a sign of life.
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

  // The backend takes one startup; every client gets its answer.
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
      // Lets sockets be read between two queries, each of which holds the event loop.
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
    // A Sync alone would commit what the client never asked to; after an error it is the ROLLBACK that is skipped.
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

function copiesFromClient(query: string): boolean {
  // Most queries are told apart by the first look.
  if (!/stdin/i.test(query)) return false;
  return COPY_FROM_CLIENT.test(query) || COPY_FROM_CLIENT.test(query.replaceAll(COMMENTS, " "));
}

/** The same kind of message with a query that fails in the ordinary way and names the reason. */
function refuseCopy(type: string, bytes: Buffer): Buffer {
  if (type === "Q") return message(type, COPY_REFUSED);
  return message(type, Buffer.concat([Buffer.from(`${parsedName(bytes)}\0`, "latin1"), COPY_REFUSED, Buffer.alloc(2)]));
}
