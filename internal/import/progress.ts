import { Presets, SingleBar } from "cli-progress";

/** Shows the progress of an import on a terminal. */
export interface Progress {
  start(name: string): void;
  update(bytesRead: number, bytesTotal: number): void;
  stop(): void;
  /** Writes a line without garbling the progress bar. */
  log(line: string): void;
}

/** Creates a progress bar if `stream` is a terminal; otherwise only lines are written. */
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
      // A log line overwrites the bar, so it must be redrawn even if it has not changed.
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
