import { type Finding, ok, wrong } from "./finding.ts";

const LEAST = { major: 20, minor: 19 };

/** Checks the version of Node.js. @param version `process.versions.node` */
export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isEnough = major > LEAST.major || (major === LEAST.major && minor >= LEAST.minor);
  return isEnough
    ? ok(`Node.js ${version}`)
    : wrong(`Node.js ${version} is too old`, `install Node.js ${LEAST.major}.${LEAST.minor} or later`);
}
