import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Archive } from "./archive.ts";
import { s3Archive } from "./s3.ts";

/** The parts of the package that tests use; it has no types of its own. */
type S3Server = new (
  options: Readonly<Record<string, unknown>>,
) => {
  readonly run: () => Promise<{ readonly port: number }>;
  readonly close: () => Promise<void>;
};

const BUCKET = "events";
/** The keys that the server knows. */
export const S3_KEYS = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER", sessionToken: null };
export const IMPATIENT = { timeoutMs: 5_000, retries: 2, backoffMs: 10 };

/** A server of S3 with an empty bucket, which checks signatures. */
export interface TestS3 {
  readonly port: number;
  readonly place: Parameters<typeof s3Archive>[0];
  readonly archive: Archive;
  /** The file in which the server keeps an object. */
  readonly pathOf: (name: string) => string;
  readonly stop: () => Promise<void>;
}

export async function startS3(): Promise<TestS3> {
  const Server = createRequire(import.meta.url)("@20minutes/s3rver") as S3Server;
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-s3-"));
  const options = { address: "127.0.0.1", port: 0, silent: true, vhostBuckets: false };
  const server = new Server({ ...options, directory, configureBuckets: [{ name: BUCKET }] });
  const { port } = await server.run();
  const place = { bucket: BUCKET, prefix: "old", endpoint: `http://127.0.0.1:${port}`, region: "eu-central-1" };
  return {
    port,
    place,
    archive: s3Archive(place, async () => S3_KEYS, IMPATIENT),
    pathOf: (name) => join(directory, BUCKET, "old", `${name}._S3rver_object`),
    stop: async () => {
      await server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
