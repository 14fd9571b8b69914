import type { Config } from "../../config/schema.ts";
import { parseS3Url } from "../../config/sections/deliver.ts";
import type { Archive } from "./archive.ts";
import { awsCredentials } from "./aws-credentials.ts";
import { directoryArchive } from "./directory.ts";
import { s3Archive } from "./s3.ts";

/**
 * Returns the configured archive; null where none is, and all data stay in the database.
 * @param env where the credentials for S3 are found
 * @throws InputError where there are none
 */
export function openArchive(
  { archive, archive_endpoint, archive_region }: Config["deliver"],
  env: NodeJS.ProcessEnv,
): Archive | null {
  if (archive === "") return null;
  const bucket = parseS3Url(archive);
  if (bucket === null) return directoryArchive(archive);
  return s3Archive({ ...bucket, endpoint: archive_endpoint, region: archive_region }, awsCredentials(env));
}
