import type { SecureVersion } from "node:tls";
import { type Given, unusable } from "./libpq-parameters.ts";

const MODES = ["prefer", "allow", "require", "verify-ca", "verify-full"] as const;

/** How connections are encrypted. */
export interface TlsSettings {
  /** `require`, `allow` and `prefer` take any certificate, and `prefer` goes without; the others want a valid one. */
  readonly mode: (typeof MODES)[number];
  /** Begins with TLS; else the server is asked first. */
  readonly isDirect: boolean;
  /** The file of the authorities that certificates are signed by; null for those that Node.js knows. */
  readonly rootCertificate: string | null;
  /** The files of this program's own certificate and its key, where the server wants one. */
  readonly own: { readonly certificate: string; readonly key: string; readonly password: string | null } | null;
  readonly versions: { readonly minVersion?: SecureVersion; readonly maxVersion?: SecureVersion };
}

const NEGOTIATIONS = ["postgres", "direct"];
const VERSIONS: readonly string[] = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"] satisfies SecureVersion[];
const ONLY_WITH_TLS = ["sslrootcert", "sslcert", "sslkey", "ssl_min_protocol_version", "ssl_max_protocol_version"];

/**
 * How the parameters want connections encrypted; null for not at all, which is also what they want by saying nothing.
 * @throws UnusableUrl
 */
export function tlsSettings(parameters: ReadonlyMap<string, Given>): TlsSettings | null {
  const textOf = (name: string): string | null => parameters.get(name)?.value ?? null;
  const mode = oneOf(parameters.get("sslmode"), ["disable", ...MODES]);
  if (mode === null || mode === "disable") {
    const useless = ONLY_WITH_TLS.map((name) => parameters.get(name)).find((each) => each !== undefined);
    if (useless === undefined) return null;
    throw unusable(`has ${useless.name}, and connections are not encrypted`, "sslmode=verify-full beside it");
  }
  const rootCertificate = textOf("sslrootcert");
  const [certificate, key] = [textOf("sslcert"), textOf("sslkey")];
  if ((certificate === null) !== (key === null)) {
    throw unusable("names a certificate without its key, or a key alone", "both files, sslcert and sslkey");
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

/** As libpq, which verifies where it is given authorities. */
function modeOf(said: TlsSettings["mode"], rootCertificate: string | null): TlsSettings["mode"] {
  if (rootCertificate === "system" && said !== "verify-full") {
    throw unusable(
      "has sslrootcert=system, which proves nothing unless the name is looked at",
      "sslmode=verify-full beside it",
    );
  }
  return said === "require" && rootCertificate !== null ? "verify-ca" : said;
}

function oneOf(given: Given | undefined, values: readonly string[]): string | null {
  if (given === undefined) return null;
  if (!values.includes(given.value))
    throw unusable(`has no known value as ${given.name}`, `one of ${values.join(", ")}`);
  return given.value;
}
