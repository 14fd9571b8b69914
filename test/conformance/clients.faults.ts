import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  openTestDatabase,
  type TestDatabase,
  testEngines,
} from "../../internal/storage/connection/database.testing.ts";
import { enginesOf } from "../thoroughness.ts";
import { CASES } from "./cases.ts";
import { availableClients, makeBuildDirectory } from "./clients.ts";
import { type ControlDaemon, startControlDaemon } from "./daemon.ts";
import { type LossyProxy, startLossyProxy } from "./lossy-proxy.ts";
import { PROCESS_CASES } from "./process-cases.ts";
import { startWorker, type WorkerProcess } from "./worker-process.ts";

describe.each(availableClients())("a worker in $name, over a network that loses answers,", ({ build }) => {
  const directory = makeBuildDirectory();
  let database: TestDatabase;
  let daemon: ControlDaemon;
  let network: LossyProxy;
  let worker: WorkerProcess;

  beforeAll(async () => {
    const [engine] = enginesOf(testEngines);
    if (engine === undefined) throw new Error("there is no database engine");
    database = await openTestDatabase(engine);
    daemon = await startControlDaemon(database.url);
    network = await startLossyProxy(daemon.url);
    worker = startWorker(build(directory.path), network.url, daemon.workKey);
  });
  afterAll(async () => {
    worker?.kill("SIGKILL");
    network?.close();
    await daemon?.stop();
    await database?.drop();
    directory.remove();
  });

  describe("at its work", () => {
    it.concurrent.each(CASES)("$name", ({ check }) => check(daemon.operator, worker));
  });
  describe("as a process", () => {
    it.each(PROCESS_CASES)("$name", ({ check }) => check(daemon.operator, worker));
    it("with an unknown key ends, and says why", async () => {
      const stranger = startWorker(build(directory.path), daemon.url, "si_unknown");
      expect(await stranger.ended).toBeGreaterThan(0);
      expect(stranger.errors()).toContain("the API key is unknown");
    });
  });
});
