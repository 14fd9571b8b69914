import PgBoss from "pg-boss";

const QUEUE = "bench";

/** pg-boss on a database of the benchmark, as the measure of a queue in PostgreSQL. */
export async function openPgBoss(url: string) {
  const boss = new PgBoss({ connectionString: url, max: 8, supervise: false, schedule: false });
  await boss.start();
  await boss.createQueue(QUEUE);
  return {
    contestant: (batchSize: number) => ({
      add: async (count: number) => {
        for (let done = 0; done < count; done += 5_000) {
          const size = Math.min(5_000, count - done);
          await boss.insert(Array.from({ length: size }, () => ({ name: QUEUE, data: {} })));
        }
      },
      work: async () => {
        const jobs = await boss.fetch(QUEUE, { batchSize });
        if (jobs.length === 0) return 0;
        await boss.complete(
          QUEUE,
          jobs.map(({ id }) => id),
        );
        return jobs.length;
      },
    }),
    close: () => boss.stop({ graceful: false }),
  };
}
