import type { Docs } from "./type.ts";

/** The prose of `[deliver]`. */
export const deliverDocs: Docs = {
  "deliver.ops_listen": `
    Address of the health checks and metrics of the daemon that delivers events, as host:port. Keep it private.
  `,

  "deliver.archive": `
    Where the data of old events go: a directory, which is created where it does not exist (a relative path counts from the working
    directory), or a bucket of S3 or of a server compatible with it, as s3://bucket/prefix. Credentials for it come from
    AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or from the role of the ECS task. All daemons share it.
    While it is empty, all data stay in the database.
  `,

  "deliver.archive_endpoint": `
    URL of a server that is compatible with S3; the bucket is the first part of the path. Empty for the endpoint of AWS.
  `,

  "deliver.archive_region": "Region of the bucket, with which requests are signed.",

  "deliver.archive_after": `
    Age at which the data of an event go to the archive, once its deliveries have ended. Keep it shorter than
    control.keep_ended_days: with the jobs go the outcomes of deliveries, which the archive keeps with the event.
  `,
};
