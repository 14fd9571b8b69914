import { z } from "@hono/zod-openapi";
import { formatTime } from "../../canonical/time.ts";
import type { ApiApp } from "../../http/route.ts";
import { type Artifact, listArtifacts } from "../../storage/control/artifacts.ts";
import type { ControlService } from "./context.ts";
import { idField, limitField, pageFrom, pageOf } from "./fields.ts";
import { addControlRoute } from "./route.ts";

const artifactSchema = z
  .object({
    artifact_id: z.string(),
    job_id: z.string(),
    name: z.string(),
    sha256: z.string(),
    bytes: z.int(),
    uri: z.string().openapi({ description: "where the content is; sha256:… is a file of [control] artifacts" }),
    inputs_key: z.string().openapi({ description: "the same for the same inputs" }),
    expected_sha256: z.string().nullable().openapi({ description: "what the same inputs gave first, if another hash" }),
    created_at: z.string(),
  })
  .openapi("Artifact");

const EXAMPLE = {
  artifact_id: "5",
  job_id: "17",
  name: "prices.csv",
  sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  bytes: 0,
  uri: "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  inputs_key: "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9",
  expected_sha256: null,
  created_at: "2026-08-09T22:30:00Z",
};

const listQuery = z.strictObject({
  job: idField.optional(),
  mismatch: z.enum(["true", "false"]).default("false"),
  limit: limitField,
  cursor: idField.optional(),
});
const page = pageOf(artifactSchema).openapi("Artifacts");

/** Adds the route that lists what jobs produced. */
export function addArtifactsRoutes(app: ApiApp, service: ControlService): void {
  addControlRoute(
    app,
    service,
    {
      method: "get",
      path: "/artifacts",
      tag: "Artifacts",
      operationId: "listArtifacts",
      summary: "Artifacts, newest first",
      description:
        "What jobs produced: all, those of a job, or with `mismatch=true` those whose inputs gave another hash before. `next` is the `cursor` of the next page.",
      scope: "control:read",
      query: listQuery,
      answer: page,
      example: { data: [EXAMPLE], next: null },
    },
    async ({ tenant, query: { job = null, mismatch, limit, cursor = null } }) => {
      const filter = { jobId: job, isMismatch: mismatch === "true", before: cursor, limit: limit + 1 };
      const artifacts = await listArtifacts(service.database.sql, tenant, filter);
      return pageFrom(artifacts, limit, ({ artifactId }) => String(artifactId), shownArtifact);
    },
  );
}

function shownArtifact({ artifactId, jobId, inputsKey, expectedSha256, createdAt, ...artifact }: Artifact) {
  return {
    artifact_id: String(artifactId),
    job_id: String(jobId),
    ...artifact,
    inputs_key: inputsKey,
    expected_sha256: expectedSha256,
    created_at: formatTime(createdAt),
  };
}
