import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";

/** What a job produced; its content is kept elsewhere, under the uri. */
export interface NewArtifact {
  /** Of the job's artifact, such as part.csv. */
  readonly name: string;
  /** In lower-case hexadecimal digits. */
  readonly sha256: string;
  readonly bytes: number;
  readonly uri: string;
  /** The same for the same inputs, in any job; null for the job's kind and payload. */
  readonly inputsKey: string | null;
}

export interface Artifact extends NewArtifact {
  readonly artifactId: bigint;
  readonly jobId: bigint;
  readonly inputsKey: string;
  /** The hash that the same inputs gave first, where it is another one: a mismatch. */
  readonly expectedSha256: string | null;
  readonly createdAt: Micros;
}

interface Row {
  artifact_id: string;
  job_id: string;
  name: string;
  sha256: string;
  bytes: string;
  uri: string;
  inputs_key: string;
  expected_sha256: string | null;
  created_at: string;
}

/**
 * Keeps what a job of the tenant produced, in the caller's READ COMMITTED transaction; nothing for a job that the tenant
 * does not have. What is kept already stays as it is.
 * @returns the artifacts whose inputs gave another hash before
 */
export async function recordArtifacts(
  sql: Sql,
  tenant: string,
  jobId: bigint,
  artifacts: readonly NewArtifact[],
): Promise<Artifact[]> {
  const mismatches: Artifact[] = [];
  // In the order of their names, since two jobs with the same inputs wait for each other.
  for (const artifact of artifacts.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const { name, sha256, bytes, uri, inputsKey } = artifact;
    const [inputs] = await sql<{ inputs_key: string }[]>`
      WITH found AS (
        SELECT coalesce(${inputsKey}, encode(sha256(convert_to(
          concat_ws(E'\n', kind, payload::text, ${name}::text), 'UTF8'
        )), 'hex')) AS inputs_key
        FROM control.jobs JOIN control.lanes USING (lane_id)
        WHERE jobs.tenant = ${tenant} AND job_id = ${String(jobId)}::bigint
      ),
      first AS (
        INSERT INTO control.artifact_inputs (tenant, inputs_key, sha256)
        SELECT ${tenant}, inputs_key, ${sha256} FROM found
        ON CONFLICT DO NOTHING
      )
      SELECT inputs_key FROM found`;
    if (inputs === undefined) return mismatches;
    // A statement of its own, which sees what another transaction has committed meanwhile.
    const rows = await sql<Row[]>`
      INSERT INTO control.artifacts (tenant, job_id, name, sha256, bytes, uri, inputs_key, expected_sha256)
      SELECT ${tenant}, ${String(jobId)}::bigint, ${name}, ${sha256}, ${String(bytes)}::bigint, ${uri}, inputs_key,
        nullif(artifact_inputs.sha256, ${sha256})
      FROM control.artifact_inputs
      WHERE artifact_inputs.tenant = ${tenant} AND inputs_key = ${inputs.inputs_key}
      ON CONFLICT (tenant, job_id, name, sha256) DO NOTHING
      RETURNING ${artifactColumns(sql)}`;
    mismatches.push(...rows.map(artifactOf).filter(({ expectedSha256 }) => expectedSha256 !== null));
  }
  return mismatches;
}

export interface ArtifactFilter {
  /** Null for those of all jobs. */
  readonly jobId: bigint | null;
  readonly isMismatch: boolean;
  /** Only artifacts with a lower id; null to begin with the newest. */
  readonly before: bigint | null;
  readonly limit: number;
}

/** Returns artifacts, newest first. */
export async function listArtifacts(
  sql: Sql,
  tenant: string,
  { jobId, isMismatch, before, limit }: ArtifactFilter,
): Promise<Artifact[]> {
  const rows = await sql<Row[]>`
    SELECT ${artifactColumns(sql)} FROM control.artifacts
    WHERE tenant = ${tenant}
      ${jobId === null ? sql`` : sql`AND job_id = ${String(jobId)}::bigint`}
      ${isMismatch ? sql`AND expected_sha256 IS NOT NULL` : sql``}
      ${before === null ? sql`` : sql`AND artifact_id < ${String(before)}::bigint`}
    ORDER BY artifacts.artifact_id DESC LIMIT ${limit}`;
  return rows.map(artifactOf);
}

/** What the job of a run's window gave. */
export interface RunPart {
  readonly from: Micros;
  readonly jobId: bigint;
  /** The job's newest artifact of the name; null where it has none. */
  readonly sha256: string | null;
  readonly uri: string | null;
}

/** Returns the parts of a run's windows, in order of time. */
export async function listParts(sql: Sql, tenant: string, runId: bigint, name: string): Promise<RunPart[]> {
  const rows = await sql<{ from_at: string; job_id: string; sha256: string | null; uri: string | null }[]>`
    SELECT (extract(epoch FROM from_at) * 1000000)::bigint::text AS from_at, part_window.job_id::text AS job_id, sha256, uri
    FROM control.run_windows AS part_window
    LEFT JOIN LATERAL (
      SELECT sha256, uri FROM control.artifacts
      WHERE artifacts.tenant = part_window.tenant AND artifacts.job_id = part_window.job_id AND name = ${name}
      ORDER BY artifact_id DESC LIMIT 1
    ) AS newest ON true
    WHERE part_window.tenant = ${tenant} AND part_window.run_id = ${String(runId)}::bigint
    ORDER BY part_window.from_at`;
  return rows.map(({ from_at, job_id, sha256, uri }) => ({
    from: BigInt(from_at),
    jobId: BigInt(job_id),
    sha256,
    uri,
  }));
}

function artifactColumns(sql: Sql) {
  return sql`
    artifact_id::text AS artifact_id, job_id::text AS job_id, name, sha256, bytes::text AS bytes, uri, inputs_key,
    expected_sha256, (extract(epoch FROM created_at) * 1000000)::bigint::text AS created_at`;
}

function artifactOf(row: Row): Artifact {
  return {
    artifactId: BigInt(row.artifact_id),
    jobId: BigInt(row.job_id),
    name: row.name,
    sha256: row.sha256,
    bytes: Number(row.bytes),
    uri: row.uri,
    inputsKey: row.inputs_key,
    expectedSha256: row.expected_sha256,
    createdAt: BigInt(row.created_at),
  };
}
