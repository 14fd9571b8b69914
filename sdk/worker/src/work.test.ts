import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { CallRefused, DeadlineExceeded } from "./failures.ts";
import { type WorkOptions, work } from "./work.ts";

const JOB = {
  job_id: "17",
  kind: "test",
  payload: {},
  attempt: 1,
  max_attempts: 5,
  lease_token: "170",
  source: "",
  host: "",
  feed: null,
  run_id: null,
  traceparent: null,
};

/** Answers as no daemon of ours does when asked: late, with errors, or with what is no problem document. */
type Answer = (path: string, body: { readonly reports: readonly object[] }, response: ServerResponse) => void;

async function serve(answer: Answer): Promise<string> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const path = request.url?.replace("/base/control/v1/work/", "") ?? "";
    answer(path, JSON.parse(Buffer.concat(chunks).toString()), response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/base`;
}

const send = (response: ServerResponse, document: unknown): void => void response.end(JSON.stringify(document));

/** Gives one job, and resolves to the reports of it once one of them is accepted. */
async function reportsOf(
  given: Partial<WorkOptions> & Pick<WorkOptions, "handler">,
  refuse: (attempt: number, response: ServerResponse) => boolean = () => false,
): Promise<readonly object[]> {
  const reports: object[] = [];
  const stop = new AbortController();
  let isGiven = false;
  const url = await serve((path, body, response) => {
    if (path === "claim") {
      send(response, { jobs: isGiven ? [] : [JOB] });
      isGiven = true;
      return;
    }
    if (path === "extend") return send(response, { kept: [{ lease_token: "170", is_extended: true }] });
    reports.push(...body.reports);
    if (refuse(reports.length, response)) return;
    send(response, { reported: [{ job_id: "17", state: "succeeded" }] });
    stop.abort();
  });
  await work({ url, key: "si_key", kinds: ["test"], pollSeconds: 0.01, signal: stop.signal, log: () => {}, ...given });
  return reports;
}

it("ends where the ledger refuses to give jobs, and says why", async () => {
  const url = await serve((_path, _body, response) => {
    response.writeHead(401).end('{"detail":"the API key is unknown"}');
  });
  const stop = new AbortController().signal;
  const worker = work({ url, key: "si_key", kinds: ["test"], signal: stop, handler: async () => {}, log: () => {} });
  await expect(worker).rejects.toThrow(new CallRefused("claim: 401 the API key is unknown"));
});

it("follows no redirect, which would take the key elsewhere", async () => {
  const url = await serve((_path, _body, response) => {
    response.writeHead(302, { Location: "https://example.com/" }).end();
  });
  const stop = new AbortController().signal;
  const worker = work({ url, key: "si_key", kinds: ["test"], signal: stop, handler: async () => {}, log: () => {} });
  await expect(worker).rejects.toThrow("claim: 302");
});

it("fails a job whose report is refused, since it would be refused at each attempt", async () => {
  const reports = await reportsOf({ handler: async () => ({}) }, (count, response) => {
    if (count > 1) return false;
    response.writeHead(400).end('{"detail":"/reports/0/message: is too long"}');
    return true;
  });
  expect(reports).toMatchObject([
    { outcome: "succeeded" },
    {
      outcome: "failed",
      reason: "report_refused",
      message: "the report was refused: report: 400 /reports/0/message: is too long",
    },
  ]);
});

it("repeats a report as it was while the ledger has answered with an error, or with what is no answer", async () => {
  const reports = await reportsOf({ handler: async () => ({ n: 1 }) }, (count, response) => {
    if (count === 1) response.writeHead(503, { "Retry-After": "0" }).end();
    else if (count === 2) response.end("<html>");
    else if (count === 3) response.destroy();
    return count <= 3;
  });
  const report = { job_id: "17", lease_token: "170", outcome: "succeeded", message: '{"n":1}' };
  expect(reports).toMatchObject([report, report, report, report]);
});

it("aborts an attempt at its deadline, and has it repeated", async () => {
  let reason: unknown = null;
  const reports = await reportsOf({
    deadlineSeconds: 0.05,
    async handler({ signal }) {
      signal.addEventListener("abort", () => (reason = signal.reason));
      await sleep(600_000, undefined, { signal });
    },
  });
  expect(reason).toBeInstanceOf(DeadlineExceeded);
  expect(reports).toMatchObject([{ outcome: "retry", reason: "deadline_exceeded" }]);
});

it("when told to stop, lets a job end that ends soon", async () => {
  const stop = new AbortController();
  const reports = await reportsOf({
    signal: stop.signal,
    async handler() {
      stop.abort();
      await sleep(50);
    },
  });
  expect(reports).toMatchObject([{ outcome: "succeeded" }]);
});

it("refuses options that are out of their range", () => {
  const options = { url: "", key: "", kinds: [], handler: async () => {}, signal: new AbortController().signal };
  expect(() => work({ ...options, concurrency: 0 })).toThrow("concurrency: 0 is not from 1 to 100");
  expect(() => work({ ...options, leaseSeconds: Number.NaN })).toThrow("leaseSeconds: NaN is not from 5 to 3600");
});
