import { AwsClient } from "aws4fetch";
import pRetry from "p-retry";
import type { Archive } from "./archive.ts";
import type { CredentialSource } from "./aws-credentials.ts";
import { errorOfAnswer, S3Error } from "./s3-error.ts";

/** A bucket, and where in it. */
export interface S3Place {
  readonly bucket: string;
  /** What the keys of objects begin with; empty for nothing. */
  readonly prefix: string;
  /** URL of an S3-compatible server; empty for that of AWS. */
  readonly endpoint: string;
  readonly region: string;
}

/** How long a request may take, and how it is made again. */
export interface S3Patience {
  /** Of one attempt. */
  readonly timeoutMs: number;
  /** Attempts after the first one. */
  readonly retries: number;
  /** The first wait, at random once to twice as long; each further one is twice as long. */
  readonly backoffMs: number;
}

const PATIENCE: S3Patience = { timeoutMs: 60_000, retries: 4, backoffMs: 500 };

/** Returns an archive in a bucket of S3, or of a server that is compatible with it. */
export function s3Archive(place: S3Place, credentials: CredentialSource, patience: S3Patience = PATIENCE): Archive {
  async function request(what: string, name: string, init: RequestInit, signal: AbortSignal): Promise<Response> {
    const { accessKeyId, secretAccessKey, sessionToken } = await credentials();
    const { region } = place;
    const client = new AwsClient({
      ...{ accessKeyId, secretAccessKey, region, service: "s3" },
      ...(sessionToken === null ? {} : { sessionToken }),
    });
    const response = await fetch(await client.sign(urlOf(place, name), init), { redirect: "manual", signal });
    if (!response.ok) throw await errorOfAnswer(what, response);
    return response;
  }

  /** Makes attempts until one succeeds, or fails for good. */
  function attempts<T>(what: string, signal: AbortSignal, attempt: (within: AbortSignal) => Promise<T>): Promise<T> {
    const { timeoutMs, retries, backoffMs } = patience;
    const made = async (): Promise<T> => {
      try {
        return await attempt(AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
      } catch (error) {
        throw signal.aborted ? signal.reason : errorOf(what, error, timeoutMs);
      }
    };
    return pRetry(made, {
      ...{ retries, minTimeout: backoffMs, randomize: true, signal },
      shouldRetry: ({ error }) => error instanceof S3Error && error.isTransient,
    });
  }

  const at = `s3://${place.bucket}/${place.prefix}`;
  return {
    put: (name, bytes, signal) => {
      const what = `write ${name} to ${at}`;
      return attempts(what, signal, async (within) => {
        const checksum = Buffer.from(name, "hex").toString("base64");
        const headers = {
          "content-type": "application/gzip",
          // The name is the hash of the content: the server refuses what it gets otherwise.
          "x-amz-content-sha256": name,
          "x-amz-checksum-sha256": checksum,
        };
        const response = await request(what, name, { method: "PUT", headers, body: bytes }, within);
        await response.arrayBuffer();
        const kept = response.headers.get("x-amz-checksum-sha256");
        if (kept !== null && kept !== checksum) {
          throw new S3Error(`cannot ${what}: the server has kept other bytes, with the checksum ${kept}`, true);
        }
      });
    },
    get: (name, signal) => {
      const what = `read ${name} from ${at}`;
      return attempts(what, signal, async (within) =>
        Buffer.from(await (await request(what, name, { method: "GET" }, within)).arrayBuffer()),
      );
    },
  };
}

/** Buckets of AWS have a host of their own, unless the name has a dot, which its certificate does not cover. */
function urlOf({ bucket, prefix, endpoint, region }: S3Place, name: string): string {
  const key = [...prefix.split("/").filter((part) => part !== ""), name].map(encodeURIComponent).join("/");
  if (endpoint !== "") return `${endpoint.replace(/\/+$/, "")}/${bucket}/${key}`;
  return bucket.includes(".")
    ? `https://s3.${region}.amazonaws.com/${bucket}/${key}`
    : `https://${bucket}.s3.${region}.amazonaws.com/${key}`;
}

/** Returns the error of an attempt. Messages of fetch are left out: some contain a header. */
function errorOf(what: string, error: unknown, timeoutMs: number): Error {
  if (error instanceof S3Error) return error;
  if ((error as Error).name === "TimeoutError") {
    return new S3Error(`cannot ${what}: no answer within ${timeoutMs / 1000} s; it is tried again`, true);
  }
  const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
  if (typeof code !== "string") return error as Error;
  return new S3Error(
    `cannot ${what}: the connection failed (${code}); see that deliver.archive_endpoint is reached from here`,
    true,
  );
}
