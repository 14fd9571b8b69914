/** A request to S3 has failed. The message says what to do, and contains no key. */
export class S3Error extends Error {
  override readonly name = "S3Error";
  /** Whether it may succeed when it is made again. */
  readonly isTransient: boolean;

  constructor(message: string, isTransient: boolean) {
    super(message);
    this.isTransient = isTransient;
  }
}

const CHECK_REGION = "set deliver.archive_region to that of the bucket";
const CHECK_KEYS = "correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

/** What to do, by the code of the answer. */
const CURES: ReadonlyMap<string, string> = new Map([
  ["AccessDenied", "allow s3:PutObject and s3:GetObject on its objects, and s3:ListBucket on the bucket"],
  ["InvalidAccessKeyId", CHECK_KEYS],
  ["SignatureDoesNotMatch", CHECK_KEYS],
  ["ExpiredToken", "renew AWS_SESSION_TOKEN with both keys"],
  ["InvalidToken", "correct AWS_SESSION_TOKEN"],
  ["RequestTimeTooSkewed", "set the clock of this machine"],
  ["NoSuchBucket", "create the bucket, or correct deliver.archive"],
  ["NoSuchKey", "restore the object from a copy or an older version, or correct deliver.archive"],
  ["AuthorizationHeaderMalformed", CHECK_REGION],
  ["PermanentRedirect", CHECK_REGION],
  ["TemporaryRedirect", CHECK_REGION],
]);
const TRANSIENT_CODES = new Set([
  "SlowDown",
  "RequestTimeout",
  "InternalError",
  "ServiceUnavailable",
  "ThrottlingException",
]);
const MOST_BYTES = 10_000;

/**
 * Returns the error of an answer other than 2xx, whose body is read to find its code.
 * @param what was to be done: "write X to s3://…"
 */
export async function errorOfAnswer(what: string, response: Response): Promise<S3Error> {
  const { status } = response;
  // Of the body the code alone is shown: the rest may repeat what was sent.
  const [, code = null] = /<Code>(\w{1,64})<\/Code>/.exec(await beginningOf(response)) ?? [];
  const isTransient = status >= 500 || status === 429 || status === 408 || (code !== null && TRANSIENT_CODES.has(code));
  const cure = CURES.get(code ?? "") ?? cureOfStatus(status);
  return new S3Error(`cannot ${what}: answered ${status}${code === null ? "" : ` ${code}`}; ${cure}`, isTransient);
}

function cureOfStatus(status: number): string {
  if (status >= 500 || status === 429) return "it is tried again";
  if (status >= 300 && status < 400) return `${CHECK_REGION}, and deliver.archive_endpoint to where it redirects`;
  if (status === 403) return CURES.get("AccessDenied") as string;
  if (status === 404) return "create the bucket or restore the object, or correct deliver.archive";
  return "see that deliver.archive_endpoint is an S3-compatible server";
}

async function beginningOf(response: Response): Promise<string> {
  let text = "";
  try {
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString("latin1");
      if (text.length > MOST_BYTES) break;
    }
  } catch {
    // The status alone says what matters.
  }
  return text;
}
