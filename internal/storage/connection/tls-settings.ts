import type { SecureVersion } from "node:tls";
import { type Given, unusable } from "./libpq-parameters.ts";

const MODES = ["prefer", "allow", "require", "verify-ca", "verify-full"] as const;

/** TLS settings of connections. */
export interface TlsSettings {
  /** `require`, `allow` and `prefer` accept any certificate, `prefer` also an unencrypted connection. */
  readonly mode: (typeof MODES)[number];
  /** Starts with the TLS handshake (sslnegotiation=direct) instead of an SSLRequest. */
  readonly isDirect: boolean;
  /** File of the CA certificates; null for those of Node.js. */
  readonly rootCertificate: string | null;
  /** Files of the client certificate and its key. */
  readonly own: { readonly certificate: string; readonly key: string; readonly password: string | null } | null;
  readonly versions: { readonly minVersion?: SecureVersion; readonly maxVersion?: SecureVersion };
}

const NEGOTIATIONS = ["postgres", "direct"];
const VERSIONS: readonly string[] = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"] satisfies SecureVersion[];
const ONLY_WITH_TLS = ["sslrootcert", "sslcert", "sslkey", "ssl_min_protocol_version", "ssl_max_protocol_version"];

/**
 * Reads the TLS parameters; null for unencrypted connections, the default.
 * @throws UnusableUrl if they contradict each other or have unknown values
 */
export function tlsSettings(parameters: ReadonlyMap<string, Given>): TlsSettings | null {
  const textOf = (name: string): string | null => parameters.get(name)?.value ?? null;
  const mode = oneOf(parameters.get("sslmode"), ["disable", ...MODES]);
  if (mode === null || mode === "disable") {
    const useless = ONLY_WITH_TLS.map((name) => parameters.get(name)).find((each) => each !== undefined);
    if (useless === undefined) return null;
    throw unusable(`has ${useless.name}, but connections are not encrypted`, "sslmode=verify-full in addition");
  }
  const rootCertificate = textOf("sslrootcert");
  const [certificate, key] = [textOf("sslcert"), textOf("sslkey")];
  if ((certificate === null) !== (key === null)) {
    throw unusable("has only one of sslcert and sslkey", "both files, sslcert and sslkey");
  }
  const version = (name: string): SecureVersion | null => oneOf(parameters.get(name), VERSIONS) as SecureVersion | null;
  const [minVersion, maxVersion] = [version("ssl_min_protocol_version"), version("ssl_max_protocol_version")];
  return {
    mode: modeOf(mode as TlsSettings["mode"], rootCertificate),
    isDirect: oneOf(parameters.get("sslnegotiation"), NEGOTIATIONS) === "direct",
    rootCertificate: rootCertificate === "system" ? null : rootCertificate,
    own: certificate === null || key === null ? null : { certificate, key, password: textOf("sslpassword") },
    versions: { ...(minVersion === null ? {} : { minVersion }), ...(maxVersion === null ? {} : { maxVersion }) },
  };
}

/** Like libpq, `require` with CA certificates means `verify-ca`. */
function modeOf(said: TlsSettings["mode"], rootCertificate: string | null): TlsSettings["mode"] {
  if (rootCertificate === "system" && said !== "verify-full") {
    throw unusable(
      "has sslrootcert=system, which is not secure unless the host name is verified",
      "sslmode=verify-full in addition",
    );
  }
  return said === "require" && rootCertificate !== null ? "verify-ca" : said;
}

function oneOf(given: Given | undefined, values: readonly string[]): string | null {
  if (given === undefined) return null;
  if (!values.includes(given.value)) throw unusable(`has an unknown ${given.name}`, `one of ${values.join(", ")}`);
  return given.value;
}
