import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { inexactNumbers } from "../lib/exact-json.ts";
import { isDeeperThan } from "../lib/json-depth.ts";
import type { MaybePromise } from "../lib/maybe-promise.ts";
import { type BodyError, PROBLEMS, Problem } from "./problem.ts";

/** A JSON body, which is received as a whole and validated. */
export interface JsonBody<Schema extends z.ZodType = z.ZodType> {
  readonly schema: Schema;
  /** The most bytes, both as sent and after decompression. */
  readonly maxBytes: number;
}

/** A body that the route reads as it arrives, and parses itself. */
export interface StreamedBody {
  /** The accepted content types, each with its schema for the documentation. */
  readonly content: Readonly<Record<string, z.ZodType>>;
  /** The most bytes, both as sent and after decompression. */
  readonly maxBytes: number;
}

/** The body that a route takes. */
export type RequestBody = JsonBody | StreamedBody;

/** A body on its way. */
export interface ReceivedStream {
  /** One of the accepted content types, in lower case and without parameters. */
  readonly contentType: string;
  /**
   * The decompressed bytes; to be read once.
   * @throws Problem `body-too-large` at the byte after the limit, `malformed-body` where the body ends early or is not
   * valid gzip
   */
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** What a route gets of its body. */
export type BodyOf<Body> =
  Body extends JsonBody<infer Schema> ? z.output<Schema> : Body extends StreamedBody ? ReceivedStream : undefined;

/** The message for a missing field, which its schema does not see. */
const FIELD_ERRORS = {
  error: ({ input }: { input?: unknown }) => (input === undefined ? "is missing" : undefined),
};

/** How deep the JSON of a body may nest. */
export const MAX_DEPTH = 100;
const MAX_INEXACT_SHOWN = 10;

const JSON_ONLY = ["application/json"];

/**
 * Receives the body of a request: a JSON body with its schema's output, a streamed body before its first byte.
 * @throws Problem
 */
export function receiveBody(c: Context, body: RequestBody): MaybePromise<unknown> {
  if ("schema" in body) return receiveJson(openBody(c, JSON_ONLY, body.maxBytes).bytes, body.schema);
  return openBody(c, Object.keys(body.content), body.maxBytes);
}

/** @throws Problem where the headers alone show that the body is not acceptable */
function openBody(c: Context, accepted: readonly string[], maxBytes: number): ReceivedStream {
  const contentType = c.req.header("Content-Type")?.split(";")[0]?.trim().toLowerCase() ?? "";
  if (!accepted.includes(contentType)) throw unsupported(`send the body as Content-Type: ${accepted.join(" or ")}`);
  const encoding = c.req.header("Content-Encoding")?.trim().toLowerCase() ?? "identity";
  if (encoding !== "identity" && encoding !== "gzip") {
    throw unsupported("send the body as it is, or with Content-Encoding: gzip");
  }
  if (Number(c.req.header("Content-Length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const sent = limited(received(c.req.raw.body), maxBytes);
  return { contentType, bytes: encoding === "gzip" ? limited(gunzipped(sent), maxBytes) : sent };
}

/** @throws Problem where the body is not JSON, has a number that would be changed, or is not what the schema accepts */
async function receiveJson<Schema extends z.ZodType>(
  bytes: AsyncIterable<Uint8Array>,
  schema: Schema,
): Promise<z.output<Schema>> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  const result = schema.safeParse(parseJson(Buffer.concat(chunks)), FIELD_ERRORS);
  if (!result.success) throw invalidBody(result.error);
  return result.data;
}

/**
 * Parses a JSON body.
 * @throws Problem where it nests too deep, is not JSON, or has a number that would be changed
 */
export function parseJson(bytes: Uint8Array): unknown {
  if (isDeeperThan(bytes, MAX_DEPTH))
    throw malformed(`the body has more than ${MAX_DEPTH} objects and lists in each other`);
  let value: unknown;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    throw malformed("the body is not valid JSON in UTF-8");
  }
  const inexact = inexactNumbers(text, MAX_INEXACT_SHOWN);
  if (inexact.length > 0) {
    throw bodyProblem(
      inexact.map(({ path, text: number }) => {
        const shown = number.length > 40 ? `${number.slice(0, 40)}…` : number;
        return {
          pointer: pointerTo(path),
          detail: `${shown} is a number that a double cannot hold: write it as a string, "${shown}"`,
        };
      }),
    );
  }
  return value;
}

/**
 * Receives the whole of a streamed body.
 * @throws Problem `body-too-large`
 */
export async function receiveWhole({ bytes }: Pick<ReceivedStream, "bytes">, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of limited(bytes, maxBytes)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* received(body: ReadableStream<Uint8Array> | null): AsyncIterable<Uint8Array> {
  if (body === null) return;
  try {
    // The connection is needed for the answer, even where the rest of the body is not.
    yield* body.values({ preventCancel: true });
  } catch {
    throw malformed("the connection was closed before the end of the body");
  }
}

async function* limited(bytes: AsyncIterable<Uint8Array>, maxBytes: number): AsyncIterable<Uint8Array> {
  let size = 0;
  for await (const chunk of bytes) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    yield chunk;
  }
}

async function* gunzipped(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  try {
    // Errors of the source reach the reader through the pipeline.
    yield* pipeline(Readable.from(bytes), createGunzip(), () => {});
  } catch (error) {
    throw error instanceof Problem ? error : malformed("the body is not valid gzip");
  }
}

/**
 * Returns the problem that lists every error of a body.
 * @param at where in the body the value is that was parsed
 */
export function invalidBody({ issues }: z.ZodError, at: readonly string[] = []): Problem {
  const errors = issues.flatMap((issue): BodyError[] =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => ({
          pointer: pointerTo([...at, ...issue.path, key]),
          detail: "is not a field of this body",
        }))
      : [{ pointer: pointerTo([...at, ...issue.path]), detail: issue.message }],
  );
  return bodyProblem(errors);
}

function bodyProblem(errors: readonly BodyError[]): Problem {
  const detail = errors.map(({ pointer, detail }) => `${pointer === "" ? "the body" : pointer}: ${detail}`).join("; ");
  return new Problem(PROBLEMS["invalid-body"], detail, { errors });
}

/** Returns the JSON Pointer of a path (RFC 6901). */
function pointerTo(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

function unsupported(detail: string): Problem {
  return new Problem(PROBLEMS["unsupported-media-type"], detail);
}

function malformed(detail: string): Problem {
  return new Problem(PROBLEMS["malformed-body"], detail);
}

function tooLarge(maxBytes: number): Problem {
  return new Problem(PROBLEMS["body-too-large"], `the body has more than ${maxBytes} bytes`);
}
