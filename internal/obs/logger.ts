import { type Logger, type LoggerOptions, pino } from "pino";

export type { Logger };

/** Creates a logger that writes JSON lines to standard output (or the given stream), with secrets redacted. */
export function createLogger(
  level: LoggerOptions["level"],
  name: string,
  destination: { write: (line: string) => void } = process.stdout,
): Logger {
  return pino(
    {
      name,
      level: level ?? "info",
      redact: { paths: ["url", "*.url", "password", "*.password"], censor: "***" },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
}
