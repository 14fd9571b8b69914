import { InputError } from "../../canonical/input-error.ts";

/** What requests to AWS are signed with. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Null for the keys of a user, which have none. */
  readonly sessionToken: string | null;
}

/** Returns the credentials that are valid when it is called. @throws Error that names the cure, and no secret */
export type CredentialSource = () => Promise<AwsCredentials>;

const CONTAINER_HOST = "http://169.254.170.2";
const TIMEOUT_MS = 5_000;
/** Credentials are asked for anew so long before they expire. */
const EARLY_MS = 5 * 60_000;

/**
 * Returns where the process finds its credentials: in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or, in a task
 * of ECS (Fargate), at the endpoint that hands out those of the task's role.
 * @param now milliseconds since the epoch
 * @throws InputError where there are none
 */
export function awsCredentials(
  env: NodeJS.ProcessEnv,
  now: () => number = Date.now,
  containerHost: string = CONTAINER_HOST,
): CredentialSource {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: token } = env;
  if (accessKeyId && secretAccessKey) {
    const fixed = { accessKeyId, secretAccessKey, sessionToken: token || null };
    return () => Promise.resolve(fixed);
  }
  const path = env["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"];
  if (!path) {
    throw new InputError(
      "deliver.archive is in S3, and there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the task a role",
    );
  }
  return containerCredentials(new URL(path, containerHost), now);
}

interface Lent {
  readonly credentials: AwsCredentials;
  readonly expiresAt: number;
}

function containerCredentials(url: URL, now: () => number): CredentialSource {
  let lent: Lent | null = null;
  return async () => {
    if (lent === null || now() >= lent.expiresAt - EARLY_MS) {
      lent = await borrow(url).catch((error: unknown) => {
        // Those that are left hold for some minutes.
        if (lent !== null && now() < lent.expiresAt) return lent;
        throw error;
      });
    }
    return lent.credentials;
  };
}

async function borrow(url: URL): Promise<Lent> {
  const refused = (why: string): Error =>
    new Error(`the endpoint of the task's credentials ${why}; see that the task has a role (task_role_arn)`);
  let response: Response;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: "error" });
  } catch {
    throw refused("did not answer");
  }
  if (!response.ok) {
    await response.body?.cancel();
    throw refused(`answered with status ${response.status}`);
  }
  const found = (await response.json().catch(() => null)) as Readonly<Record<string, unknown>> | null;
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: token, Expiration: until } = found ?? {};
  const expiresAt = Date.parse(String(until));
  if (typeof accessKeyId !== "string" || typeof secretAccessKey !== "string" || Number.isNaN(expiresAt)) {
    throw refused("answered without credentials");
  }
  return {
    credentials: { accessKeyId, secretAccessKey, sessionToken: typeof token === "string" ? token : null },
    expiresAt,
  };
}
