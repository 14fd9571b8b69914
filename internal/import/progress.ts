import { Presets, SingleBar } from "cli-progress";

/** Shows how far the import of a file is, where somebody is watching. */
export interface Progress {
  start(name: string): void;
  update(bytesRead: number, bytesTotal: number): void;
  stop(): void;
  /** Writes a line without tearing what is shown. */
  log(line: string): void;
}

/** A bar where `stream` is a terminal, else nothing but the lines. */
export function createProgress(stream: NodeJS.WriteStream): Progress {
  return stream.isTTY ? createBar(stream) : createSilent(stream);
}

function createSilent(stream: NodeJS.WritableStream): Progress {
  return { start() {}, update() {}, stop() {}, log: (line) => void stream.write(`${line}\n`) };
}

function createBar(stream: NodeJS.WriteStream): Progress {
  const bar = new SingleBar(
    {
      stream,
      format: "{name} [{bar}] {percentage}% | {eta_formatted} left",
      clearOnComplete: true,
      gracefulExit: false,
      // A line written in between has taken the bar's place.
      forceRedraw: true,
    },
    Presets.legacy,
  );
  return {
    start: (name) => bar.start(1, 0, { name }),
    update(bytesRead, bytesTotal) {
      if (bar.getTotal() !== bytesTotal) bar.setTotal(bytesTotal);
      bar.update(bytesRead);
    },
    stop: () => bar.stop(),
    log: (line) => void stream.write(`\r\u001b[K${line}\n`),
  };
}
