import { z } from "zod";
import { durationField, isHttpUrl, listenField } from "./fields.ts";

const S3_URL = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([\x21-\x7e]*))?$/;

/** Returns the bucket and the prefix that an archive's URL names; null for a directory. */
export function parseS3Url(archive: string): { readonly bucket: string; readonly prefix: string } | null {
  const [, bucket, prefix = ""] = S3_URL.exec(archive) ?? [];
  return bucket === undefined ? null : { bucket, prefix };
}

/** `[deliver]`: the daemon that delivers events, and the archive of old ones. */
export const deliverSection = z
  .strictObject({
    ops_listen: listenField.prefault("127.0.0.1:9106").describe('host:port, such as "127.0.0.1:9106" or "[::1]:9106"'),
    archive: z
      .string()
      .max(4096)
      // Any other scheme would be taken for a directory.
      .refine((text) => !/^[a-z0-9+]+:/i.test(text) || parseS3Url(text) !== null, "is neither a directory nor a bucket")
      .prefault("")
      .describe('a directory, "s3://bucket" or "s3://bucket/prefix", or empty to keep all in the database'),
    archive_endpoint: z
      .string()
      .refine((url) => url === "" || isHttpUrl(url), "is not an http or https URL")
      .prefault("")
      .describe(
        'an http or https URL without user and password, such as "https://objects.example.com", or empty for AWS',
      ),
    archive_region: z
      .string()
      .regex(/^[a-z0-9-]{1,64}$/)
      .prefault("us-east-1")
      .describe('the name of a region, such as "eu-central-1"'),
    archive_after: durationField
      .refine((seconds) => seconds >= 60 && seconds <= 3660 * 86_400, "is not between a minute and ten years")
      .prefault("7d")
      .describe('a duration from a minute to ten years, such as "7d"'),
  })
  .prefault({})
  .describe("a table, [deliver]");
