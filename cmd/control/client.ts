import type { Command } from "commander";
import { CONTROL_KEY_VARIABLE } from "../../internal/config/env.ts";
import { createControlApp } from "../../internal/control/v1/app.ts";
import { CONTROL_BASE } from "../../internal/control/v1/route.ts";
import { ALL_SCOPES } from "../../internal/control/v1/scopes.ts";
import { controlContext } from "../../internal/daemon/control.ts";
import { openMigratedDatabase } from "../../internal/daemon/migrated-database.ts";
import { requireTenant } from "../../internal/storage/control/tenants.ts";
import { loadConfigOf, namedDatabase, requireExisting } from "../settings.ts";
import { textOf, UsageError } from "../usage-error.ts";
import { announcedEndpoint, type Endpoint, userActor } from "./local-endpoint.ts";

const DEFAULT_TENANT = "default";

/** Options of every command that works with the ledger. */
export interface LedgerOptions {
  readonly url?: string;
  readonly tenant?: string;
  readonly json?: true;
}

/** Options of commands that change it. */
export interface ActOptions extends LedgerOptions {
  readonly reason: string;
  readonly ticket?: string;
}

export const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

export function addLedgerOptions(command: Command): Command {
  return command
    .option("--url <url>", `the control API of a daemon, with its key in ${CONTROL_KEY_VARIABLE}`)
    .option("--tenant <tenant>", `whose jobs, without --url; default: ${DEFAULT_TENANT}`)
    .option("--json", "print JSON");
}

export function addActOptions(command: Command): Command {
  return command
    .requiredOption("--reason <text>", "why, for the audit log")
    .option("--ticket <text>", "where it is tracked, for the audit log");
}

/** @throws UsageError where a text is empty or too long */
export function reasonOf({ reason, ticket }: ActOptions): { reason: string; ticket: string | null } {
  return {
    reason: textOf("--reason", reason, 1000),
    ticket: ticket === undefined ? null : textOf("--ticket", ticket, 256),
  };
}

/** Calls a route of the control API; returns its document. */
// biome-ignore lint/suspicious/noExplicitAny: documents have many shapes
export type Call = (method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: object) => Promise<any>;

/** Sends a request to the control API; returns its answer, where it is no refusal. */
export type Open = (path: string, headers: Readonly<Record<string, string>>) => Promise<Response>;

/**
 * Runs `use` with the control API: that of `--url`; otherwise an app in this process, on the configured database, whose
 * audit log shows the user of the operating system; without a configured database, that of a `start` of this user.
 * @throws UsageError where a request is refused as invalid, or there is no control API
 */
export async function withControl<T>(
  command: Command,
  { url, tenant }: LedgerOptions,
  use: (call: Call, open: Open) => Promise<T>,
): Promise<T> {
  const loaded = loadConfigOf(command);
  const isConfigured = loaded.origins.get("database.url")?.from !== "default";
  const endpoint = url !== undefined ? { url, key: keyOf() } : isConfigured ? null : announcedEndpoint();
  if (endpoint !== null) {
    if (tenant !== undefined) throw new UsageError("--tenant: over HTTP the key decides about the tenant");
    return useWith(use, endpoint.url.replace(/\/+$/, ""), sendOver(endpoint));
  }
  const database = await openMigratedDatabase(requireExisting(namedDatabase(loaded)));
  const whose = tenant ?? DEFAULT_TENANT;
  try {
    await requireTenant(database.sql, whose);
    const app = createControlApp(controlContext(loaded.config, database));
    const principal = { key: userActor(), tenant: whose, scopes: ALL_SCOPES };
    return await useWith(use, "http://control", async (request) => app.fetch(request, { principal }));
  } finally {
    await database.close();
  }
}

function keyOf(): string {
  const key = process.env[CONTROL_KEY_VARIABLE];
  if (key === undefined || key === "") throw new UsageError(`--url needs a key: set ${CONTROL_KEY_VARIABLE}`);
  return key;
}

type Send = (request: Request) => Promise<Response>;

function sendOver({ url, key }: Endpoint): Send {
  return (request) => {
    request.headers.set("Authorization", `Bearer ${key}`);
    return fetch(request).catch((error: unknown) => {
      const { cause } = error as { cause?: { message?: string } };
      throw new Error(`${url} does not answer: ${cause?.message ?? String(error)}`);
    });
  };
}

function useWith<T>(use: (call: Call, open: Open) => Promise<T>, base: string, send: Send): Promise<T> {
  async function answerOf(path: string, init: RequestInit): Promise<Response> {
    const response = await send(new Request(base + CONTROL_BASE + path, init));
    if (response.ok) return response;
    throw refusalOf(response, await response.text());
  }
  const call: Call = async (method, path, body) => {
    const headers = { ...(body && { "Content-Type": "application/json" }) };
    const response = await answerOf(path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    return response.json();
  };
  return use(call, (path, headers) => answerOf(path, { headers }));
}

/** Returns the error of a refused request: of usage, where the request as such is wrong. */
function refusalOf({ status }: Response, text: string): Error {
  let detail = `the control API answered ${status}`;
  try {
    detail = (JSON.parse(text) as { detail?: string }).detail ?? detail;
  } catch {
    // Not of the control API, but of something in front of it.
  }
  return status === 400 ? new UsageError(detail) : new Error(detail);
}
