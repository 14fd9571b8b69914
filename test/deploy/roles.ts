import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import postgres from "postgres";
import { isThere, readDeployed } from "./tools.ts";

export const hasPsql = await isThere("psql", ["--version"], "what deploy/postgresql/rights.sql gives");

export interface Roles {
  readonly reader: string;
  readonly decoder: string;
  readonly control: string;
  readonly readerUrl: string;
  readonly decoderUrl: string;
  readonly controlUrl: string;
  readonly gatewayUrl: string;
  readonly deliverUrl: string;
  /** The passwords with which {@link Roles.give} makes the role of the gateway, too. */
  readonly withGateway: Readonly<Record<string, string>>;
  /** Those with which it makes the role of the daemon that delivers events, too. */
  readonly withDeliver: Readonly<Record<string, string>>;
  /** Runs rights.sql with these passwords in the environment. */
  readonly give: (passwords?: Readonly<Record<string, string>>) => Promise<{ err: string; status: number | null }>;
  /** Drops the roles, after their database was dropped. */
  readonly drop: () => Promise<void>;
}

/** The roles that rights.sql creates, under unique names, since roles belong to the whole server. */
export function rolesOf(url: string): Roles {
  const id = randomBytes(6).toString("hex");
  const [reader, decoder, control, gateway, deliver] = ["reader", "decoder", "control", "gateway", "deliver"].map(
    (role) => `stellarindex_${role}_${id}`,
  ) as [string, string, string, string, string];
  const script = readDeployed("postgresql", "rights.sql")
    .replaceAll("stellarindex_reader", reader)
    .replaceAll("stellarindex_decoder", decoder)
    .replaceAll("stellarindex_control", control)
    .replaceAll("stellarindex_gateway", gateway)
    .replaceAll("stellarindex_deliver", deliver);
  const urlOf = (username: string): string => Object.assign(new URL(url), { username, password: id }).href;
  const inherited = {
    ...process.env,
    READER_PASSWORD: undefined,
    DECODER_PASSWORD: undefined,
    CONTROL_PASSWORD: undefined,
    GATEWAY_PASSWORD: undefined,
    DELIVER_PASSWORD: undefined,
  };
  const needed = { READER_PASSWORD: id, DECODER_PASSWORD: id };
  return {
    reader,
    decoder,
    control,
    readerUrl: urlOf(reader),
    decoderUrl: urlOf(decoder),
    controlUrl: urlOf(control),
    gatewayUrl: urlOf(gateway),
    deliverUrl: urlOf(deliver),
    withGateway: { ...needed, GATEWAY_PASSWORD: id },
    withDeliver: { ...needed, DELIVER_PASSWORD: id },
    give: (passwords = { ...needed, CONTROL_PASSWORD: id }) =>
      new Promise((resolve) => {
        const child = execFile("psql", ["-Xq", url], { env: { ...inherited, ...passwords } }, (_error, _out, err) =>
          resolve({ err, status: child.exitCode }),
        );
        child.stdin?.end(script);
      }),
    drop: async () => {
      const server = Object.assign(new URL(url), { pathname: "/postgres" }).href;
      const sql = postgres(server, { max: 1, onnotice: () => {} });
      await sql.unsafe(`DROP ROLE IF EXISTS ${reader}, ${decoder}, ${control}, ${gateway}, ${deliver}`);
      await sql.end();
    },
  };
}
