import { isIP, isIPv4, isIPv6 } from "node:net";
import { z } from "zod";
import { parseRedisUrl } from "../../cache/redis/url.ts";
import { formatDuration, parseDuration } from "../../canonical/duration.ts";
import { InputError } from "../../canonical/input-error.ts";
import { formatPair, type Pair, parseTypedPair } from "../../canonical/pair.ts";
import { MICROS_PER_SECOND } from "../../canonical/time.ts";
import { UnusableUrl } from "../../canonical/unusable-url.ts";
import { parseDatabaseUrl } from "../../storage/connection/database-url.ts";
import { requireDirectoryName } from "../../storage/embedded/directory-name.ts";

/** An address to listen on; port 0 lets the system choose one. */
export interface Listen {
  readonly host: string;
  readonly port: number;
}

const LISTEN = /^(?:\[([^\]]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/;

/** Receives the issues that are found while a value is read. */
export interface IssueSink {
  issues: z.core.$ZodRawIssue[];
}

/** Returns the result of `read`; if it throws an InputError, passes the message to `refuse` and returns null. */
export function unlessRefused<T>(read: () => T, refuse: (message: string) => void): T | null {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    refuse(error.message);
    return null;
  }
}

/** Returns the result of `read`; if it throws an InputError, reports an issue at `path` and returns null. */
export function readOr<T>(read: () => T, input: unknown, sink: IssueSink, path: PropertyKey[] = []): T | null {
  return unlessRefused(read, (message) => sink.issues.push({ code: "custom", message, input, path }));
}

/** A field that is text in the file and a value in the program; `read` throws InputError on an invalid text. */
function written<T>(read: (text: string) => T, write: (value: T) => string) {
  return z.codec(z.string(), z.custom<T>(), {
    decode: (text, context) => readOr(() => read(text), text, context) ?? z.NEVER,
    encode: write,
  });
}

/** A whole number from `least` to `most`. */
export function integerField(least: number, most: number) {
  // z.int() aborts the checks of the whole section at a fraction, which would hide problems between other keys.
  return z.number().multipleOf(1).min(least).max(most);
}

/** A Go duration, which becomes a whole number of seconds. */
export const durationField = written<number>(
  (text) => {
    const micros = parseDuration(text);
    if (micros % MICROS_PER_SECOND !== 0n) throw new InputError(`${JSON.stringify(text)} is not in whole seconds`);
    return Number(micros / MICROS_PER_SECOND);
  },
  (seconds) => (seconds === 0 ? "0" : formatDuration(seconds)),
);

export const pairField = written<Pair>(parseTypedPair, formatPair);

export const listenField = written<Listen>(parseListen, formatListen);

/** Parses `host:port`. @throws InputError */
export function parseListen(text: string): Listen {
  const [, bracketed, name, digits] = LISTEN.exec(text) ?? [];
  const host = bracketed ?? name;
  const port = Number(digits);
  const isHost = bracketed === undefined ? !/^[\d.]+$/.test(name ?? "") || isIPv4(name ?? "") : isIPv6(bracketed);
  if (host === undefined || !isHost || port > 65_535) {
    throw new InputError(`${JSON.stringify(text.slice(0, 80))} is not host:port`);
  }
  return { host, port };
}

/** Formats as `host:port`, with an IPv6 address in brackets. */
export function formatListen({ host, port }: Listen): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Whether only this machine can connect to the host. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** Whether the text contains a control character, such as the line end of a variable that was read from a file. */
function hasControl(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are looked for
  return /[\x00-\x1f\x7f]/.test(text);
}

/** A URL without control characters: parsers would skip them silently, and line ends would break logs. */
const urlText = z.string().refine((url) => !hasControl(url), {
  error: "contains a line end or another control character",
  abort: true,
});

const EMBEDDED = "pglite:";

/** A PostgreSQL server, or the embedded database in a directory or in memory. */
export const databaseUrlField = urlText
  .refine((url) => /^pglite:\S|^postgres(ql)?:\/\//.test(url), { error: "is not a database URL", abort: true })
  .superRefine(
    unlessUnusable((url) =>
      url.startsWith(EMBEDDED) ? requireDirectoryName(url.slice(EMBEDDED.length)) : parseDatabaseUrl(url),
    ),
  );

/** A Redis server, the sentinels that monitor it, or the memory of the process. */
export const redisUrlField = urlText.superRefine(unlessUnusable((url) => url !== "memory:" && parseRedisUrl(url)));

/** Returns a check that reports the problem that `read` finds in a URL, and the expected form. */
function unlessUnusable(read: (url: string) => unknown) {
  return (url: string, context: z.RefinementCtx): void => {
    try {
      read(url);
    } catch (error) {
      if (!(error instanceof UnusableUrl)) throw error;
      context.addIssue({ code: "custom", message: error.wrong, params: { right: error.right } });
    }
  };
}

/** Whether `fetch` can use the URL: it refuses URLs with a user and password. */
export function isHttpUrl(url: string): boolean {
  if (!/^https?:\/\/\S+$/i.test(url) || !URL.canParse(url)) return false;
  const { username, password } = new URL(url);
  return username === "" && password === "";
}

/** Whether the text is an IP address, or a range of them such as 10.0.0.0/8. */
export function isAddressOrRange(text: string): boolean {
  const [, address = "", bits] = /^([0-9A-Fa-f:.]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const longest = { 4: 32, 6: 128 }[isIP(address)];
  return longest !== undefined && (bits === undefined || Number(bits) <= longest);
}

/** Whether the text is a range of IP addresses, with the number of its bits, such as 10.0.0.0/8. */
export function isAddressRange(text: string): boolean {
  return text.includes("/") && isAddressOrRange(text);
}

/** Whether the text is an origin as browsers send it: https://example.org:8443, in lower case, without a path. */
export function isOrigin(text: string): boolean {
  return /^https?:\/\/\S+$/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}
