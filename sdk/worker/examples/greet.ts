import { PermanentFailure, stopSignal, work } from "@stellarindex/worker";

const { CONTROL_URL: url = "", CONTROL_KEY: key = "" } = process.env;

await work({
  url,
  key,
  kinds: ["demo.greet"],
  signal: stopSignal(),
  async handler(job) {
    const { name } = job.payload as { name?: string };
    if (name === undefined) throw new PermanentFailure("payload /name is missing");
    const greeting = `Hello ${name}\n`;
    await job.artifact({ name: "greeting.txt", uri: `memory:${job.id}`, content: greeting });
    return { characters: greeting.length };
  },
});
