import { rmSync } from "node:fs";
import { connect as connectSocket, type Socket } from "node:net";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import type { Sql as Pool } from "postgres";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { embeddedDirectory } from "../connection/database.testing.ts";
import { connect } from "../connection/pool.ts";
import { message, startupMessage } from "./frontend-messages.ts";
import { type Listener, openListener } from "./listener.ts";
import { requestIdentity } from "./request-identity.ts";
import { serveWire, type WireServer } from "./wire-server.ts";

let directory: string;
let path: string;
let database: PGlite;
let listener: Listener;
let server: WireServer;
const identity = { instance: "one", device: "1", inode: "2" };
const fatal: unknown[] = [];

// The server runs in this process, from the sources; open.test.ts tests the built program.
beforeAll(async () => {
  directory = embeddedDirectory("empty");
  path = join(directory, "db.sock");
  database = await PGlite.create(join(directory, "database"));
  listener = await openListener(path);
  server = await serveWire(database, { listener, identity, onFatal: (error) => fatal.push(error) });
});
afterAll(async () => {
  await server.stop();
  await listener.close();
  await database.close();
  rmSync(directory, { recursive: true });
});

let clients: Pool[] = [];
let sockets: Socket[] = [];
const client = (): Pool => {
  const sql = connect(null, { path, user: "postgres", database: "postgres", max: 1 });
  clients.push(sql);
  return sql;
};
beforeEach(async () => {
  await client()`CREATE TABLE IF NOT EXISTS accounts (id int PRIMARY KEY, amount int NOT NULL CHECK (amount >= 0))`;
  await client()`TRUNCATE accounts`;
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(clients.map((sql) => sql.end()));
  clients = [];
  sockets = [];
  expect(fatal).toEqual([]);
});

// ReadyForQuery with the transaction state of the session.
const IDLE = "Z\0\0\0\u0005I";
const IN_TRANSACTION = "Z\0\0\0\u0005T";
const FAILED = "Z\0\0\0\u0005E";

/** A client that implements the protocol, so that it can stop at any byte. */
async function rawClient() {
  const socket = connectSocket(path);
  sockets.push(socket);
  let received = "";
  socket.on("data", (data) => {
    received += data.toString("latin1");
  });
  const closed = new Promise((resolve) => socket.once("close", resolve));
  const send = (...bytes: Buffer[]) => socket.write(Buffer.concat(bytes));
  const until = (...texts: string[]) =>
    vi.waitFor(
      () => {
        for (const text of texts) expect(received).toContain(text);
      },
      { timeout: 10_000, interval: 2 },
    );
  send(startupMessage());
  await until(IDLE);
  received = "";
  return { socket, send, until, closed };
}

const query = (text: string) => message("Q", Buffer.from(`${text}\0`));
const parse = (name: string, text: string) => message("P", Buffer.from(`${name}\0${text}\0\0\0`));
const bind = (name: string) => message("B", Buffer.from(`\0${name}\0\0\0\0\0\0\0`));
const execute = message("E", Buffer.from("\0\0\0\0\0"));
const SYNC = message("S");
const FLUSH = message("H");

const amounts = async () => (await client()<{ id: number }[]>`SELECT id FROM accounts ORDER BY id`).map(({ id }) => id);

describe("COPY FROM STDIN", () => {
  const refusal = /COPY FROM STDIN is not supported by the embedded database/;

  it.each([
    ["plain", "COPY accounts FROM STDIN"],
    ["with options, in small letters", "copy accounts (id, amount) from stdin with (format csv)"],
    ["over several lines", "\n  COPY accounts\n  FROM\n  STDIN"],
    ["behind another statement", "SELECT 1; COPY accounts FROM STDIN"],
    ["behind a comment", "/* import */ COPY accounts FROM STDIN"],
    ["behind a line comment", "-- import\nCOPY accounts FROM STDIN"],
    ["with a comment inside", "COPY accounts /* all */ FROM -- the client\n STDIN"],
  ])("%s is refused with an error that leaves the session usable", async (_, statement) => {
    const sql = client();
    await expect(sql.unsafe(statement).simple()).rejects.toThrow(refusal);
    await expect(sql`${sql.unsafe(statement)}`).rejects.toThrow(refusal);
    const [row] = await sql`SELECT 1 AS one`;
    expect(row).toEqual({ one: 1 });
  });

  it("fails in a transaction like any other error", async () => {
    const sql = client();
    const attempt = sql.begin(async (transaction) => {
      await transaction`INSERT INTO accounts VALUES (1, 1)`;
      await transaction.unsafe("COPY accounts FROM STDIN");
    });
    await expect(attempt).rejects.toThrow(refusal);
    expect(await amounts()).toEqual([]);
  });

  it("is not confused with a statement that only mentions it", async () => {
    const sql = client();
    const text = "how to copy from stdin";
    expect(await sql`SELECT ${text} AS text`).toEqual([{ text }]);
    expect(await sql.unsafe(`SELECT '${text}' AS text`)).toEqual([{ text }]);
    await sql`INSERT INTO accounts VALUES (1, 1)`;
    const out = await sql`COPY accounts TO STDOUT`.readable();
    expect(Buffer.concat(await out.toArray()).toString()).toBe("1\t1\n");
  });
});

describe("a client that disconnects", () => {
  it("during a transaction has it rolled back and frees the session", async () => {
    const raw = await rawClient();
    raw.send(query("BEGIN"), query("INSERT INTO accounts VALUES (1, 1)"));
    // That client sees the row.
    await raw.until("INSERT 0 1", IN_TRANSACTION);
    const waiting = amounts();
    raw.socket.destroy();
    expect(await waiting).toEqual([]);
  });

  it("in a failed transaction frees the session", async () => {
    const raw = await rawClient();
    raw.send(query("BEGIN"), query("SELECT 1/0"));
    await raw.until(FAILED);
    raw.socket.destroy();
    expect(await amounts()).toEqual([]);
  });

  it("between the messages of a statement frees the session without a commit", async () => {
    const raw = await rawClient();
    raw.send(parse("", "INSERT INTO accounts VALUES (1, 1)"), bind(""), execute, FLUSH);
    await raw.until("INSERT 0 1");
    const waiting = amounts();
    raw.socket.destroy();
    // Without a Sync the client has not requested a commit.
    expect(await waiting).toEqual([]);
  });

  it("within a message frees the session", async () => {
    const raw = await rawClient();
    raw.send(query("INSERT INTO accounts VALUES (1, 1)").subarray(0, -3));
    raw.socket.destroy();
    await raw.closed;
    expect(await amounts()).toEqual([]);
  });

  it("before its turn does not block others", async () => {
    const holder = await rawClient();
    holder.send(query("BEGIN"), query("INSERT INTO accounts VALUES (1, 1)"));
    await holder.until(IN_TRANSACTION);
    const raw = await rawClient();
    raw.send(query("INSERT INTO accounts VALUES (2, 2)"));
    raw.socket.destroy();
    await raw.closed;
    // After answers to others the server has certainly noticed that the client has disconnected.
    for (const id of [3, 4, 5, 6, 7]) {
      holder.send(query(`INSERT INTO accounts VALUES (${id}, 1)`), query(`SELECT 'done ${id}'`));
      await holder.until(`done ${id}`);
    }
    holder.send(query("COMMIT"));
    await holder.until("COMMIT");
    expect(await amounts()).toEqual([1, 3, 4, 5, 6, 7]);
  });

  it("has its prepared statements dropped", async () => {
    for (const number of [1, 2]) {
      const raw = await rawClient();
      // The session outlives the client, so the name must be free for the next one.
      raw.send(parse("named", `SELECT ${number}`), bind("named"), execute, SYNC);
      await raw.until("SELECT 1", IDLE);
      raw.socket.destroy();
      await raw.closed;
    }
    const sql = client();
    await vi.waitFor(async () =>
      expect(await sql`SELECT name FROM pg_prepared_statements WHERE name = 'named'`).toEqual([]),
    );
  });
});

describe("several clients", () => {
  it("each get their own correct answers, inside and outside of transactions", async () => {
    const ids = [1, 2, 3, 4];
    await client()`INSERT INTO accounts SELECT id, 100 FROM unnest(${ids}::int[]) AS id`;
    const until = Date.now() + 1000;
    const rounds = await Promise.all(
      ids.map(async (own) => {
        const sql = client();
        for (let round = 0; ; round++) {
          if (Date.now() > until) return round;
          const other = ids[(own + round) % ids.length] ?? own;
          const moved = sql.begin(async (transaction) => {
            const [{ amount } = { amount: -1 }] = await transaction<{ amount: number }[]>`
              SELECT amount FROM accounts WHERE id = ${own}`;
            // The value read is current until this transaction writes it, since clients take turns.
            await transaction`UPDATE accounts SET amount = ${amount - 1} WHERE id = ${own}`;
            await transaction`UPDATE accounts SET amount = amount + 1 WHERE id = ${other}`;
            if (round % 5 === 0) throw new Error("undone");
          });
          await moved.catch((error: Error) => expect(error.message).toMatch(/undone|accounts_amount_check/));
          const [row] =
            await sql`SELECT ${`${own}-${round}`} AS mine, (SELECT sum(amount)::int FROM accounts) AS total`;
          expect(row).toEqual({ mine: `${own}-${round}`, total: 400 });
          await expect(sql`SELECT ${own}::int / 0`).rejects.toThrow("division by zero");
        }
      }),
    );
    // Every client got its turn.
    for (const count of rounds) expect(count).toBeGreaterThan(3);
  });

  it("wait for one that is in a transaction, and see all of it", async () => {
    const [first, second] = [client(), client()];
    await second`SELECT 1`;
    let seen: Promise<unknown> = Promise.resolve();
    await first.begin(async (sql) => {
      await sql`INSERT INTO accounts VALUES (1, 1)`;
      seen = second`SELECT count(*)::int AS rows FROM accounts`.then((rows) => [...rows]);
      await sql`INSERT INTO accounts VALUES (2, 2)`;
    });
    expect(await seen).toEqual([{ rows: 2 }]);
  });

  it("beyond the maximum are refused with an error", async () => {
    await Promise.all(clients.map((sql) => sql.end()));
    const held: Awaited<ReturnType<typeof rawClient>>[] = [];
    while (held.length < 64) held.push(await rawClient());
    await expect(client()`SELECT 1`).rejects.toMatchObject({ code: "53300" });
    const [gone] = held;
    gone?.socket.destroy();
    await gone?.closed;
    await vi.waitFor(async () => expect(await client()`SELECT 1 AS one`).toEqual([{ one: 1 }]));
  });
});

describe("the protocol", () => {
  it("answers identity requests while the directory is served", async () => {
    const holderConnection = await requestIdentity(path, 5_000);
    expect(holderConnection.identity).toEqual(identity);
    holderConnection.close();
  });

  it("transports messages of 5 MB in both directions", async () => {
    const sql = client();
    const big = "é0123456789".repeat(450_000);
    const [row] = await sql`SELECT ${big}::text AS echo, length(${big}::text) AS characters`;
    expect(row?.["characters"]).toBe(big.length);
    expect(row?.["echo"] === big).toBe(true);
    const [simple] = await sql.unsafe(`SELECT length('${big}') AS characters`).simple();
    expect(simple).toEqual({ characters: big.length });
  });

  it("refuses encryption, so that clients that prefer it continue without", async () => {
    const sql = connect(null, { path, user: "postgres", database: "postgres", max: 1, ssl: "prefer" });
    clients.push(sql);
    expect(await sql`SELECT 1 AS one`).toEqual([{ one: 1 }]);
  });

  it("disconnects only a client that sends invalid messages", async () => {
    const sql = client();
    await sql`SELECT 1`;
    const raw = await rawClient();
    raw.send(Buffer.from([0x51, 255, 255, 255, 250, 1, 2, 3]));
    await raw.until("invalid message length");
    await raw.closed;
    expect(await sql`SELECT 1 AS one`).toEqual([{ one: 1 }]);
  });

  it("answers errors and continues", async () => {
    const sql = client();
    await expect(sql`SELECT * FROM nowhere`).rejects.toMatchObject({ code: "42P01" });
    await expect(sql.unsafe("SELEC").simple()).rejects.toMatchObject({ code: "42601" });
    expect(await sql`SELECT 1 AS one`).toEqual([{ one: 1 }]);
  });
});

describe("the shutdown of a server", () => {
  it("waits for connected clients up to the timeout", async () => {
    const sql = client();
    await sql`SELECT 1`;
    let isIdle = false;
    const waiting = server.idle(60_000).then(() => {
      isIdle = true;
    });
    await server.idle(1);
    await sql`SELECT 1`;
    expect(isIdle).toBe(false);
    await Promise.all(clients.map((each) => each.end()));
    await waiting;
  });
});
