import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { quantile } from "simple-statistics";
import type { BenchGateway } from "./made.ts";

/** A load that does not slow down with the answers. */
interface Load {
  readonly perSecond: number;
  readonly seconds: number;
}

interface Answer {
  readonly status: number;
  readonly ms: number;
}

/**
 * Sends one trade a request at a fixed rate, while PostgreSQL restarts, and prints how long acknowledgements took, from the
 * moment that each request was due.
 */
export async function measureAcknowledgements(
  { database, url, key }: BenchGateway,
  { perSecond, seconds }: Load,
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 512 });
  const answers: Promise<Answer>[] = [];
  const started = performance.now();
  const restarted = restart(database, (seconds * 1000) / 3);
  for (let sent = 0; sent < perSecond * seconds; ) {
    const due = Math.floor(((performance.now() - started) / 1000) * perSecond);
    for (; sent < Math.min(due, perSecond * seconds); sent++) {
      answers.push(send(agent, url, key, sent, started + (sent / perSecond) * 1000));
    }
    await sleep(1);
  }
  const all = await Promise.all(answers);
  await restarted;
  agent.destroy();
  const times = all.flatMap(({ status, ms }) => (status === 200 || status === 202 ? ms : []));
  const of = (status: number) => all.filter((answer) => answer.status === status).length;
  console.log(
    `${perSecond} requests/s for ${seconds} s, one trade each; PostgreSQL restarted after a third of the time`,
  );
  console.log(
    `  acknowledged: p50 ${ms(times, 0.5)}, p99 ${ms(times, 0.99)}, longest ${ms(times, 1)} (goals: p99 50 ms, 500 ms)`,
  );
  console.log(
    `  stored ${of(200)}, journalled ${of(202)}, refused ${of(503)}, others ${all.length - of(200) - of(202) - of(503)}`,
  );
}

async function restart(database: BenchGateway["database"], afterMs: number): Promise<void> {
  await sleep(afterMs);
  await database.stop("fast");
  await database.start();
}

function send(agent: Agent, url: string, key: string, n: number, due: number): Promise<Answer> {
  const body = JSON.stringify({
    base_asset: `crypto:T${n % 20}`,
    quote_asset: "fiat:USD",
    ts: new Date().toISOString(),
    source: "kraken",
    trade_id: String(n),
    base_amount: "1.5",
    quote_amount: `150.${n % 1000}`,
  });
  const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
  return new Promise((resolve) => {
    const done = (status: number) => resolve({ status, ms: performance.now() - due });
    const sent = request(url, { method: "POST", agent, headers }, (response) => {
      response.resume();
      response.once("end", () => done(response.statusCode ?? 0));
    });
    sent.once("error", () => done(0));
    sent.end(body);
  });
}

function ms(times: readonly number[], part: number): string {
  return times.length === 0 ? "none" : `${quantile([...times], part).toFixed(1)} ms`;
}
