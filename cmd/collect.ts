import type { Command } from "commander";
import { formatPair, type Pair, parseTypedPair } from "../internal/canonical/pair.ts";
import { checkFeed } from "../internal/collect/check.ts";
import { accessOf, feedOf } from "../internal/collect/declare.ts";
import type { Config } from "../internal/config/schema.ts";
import { connectorOf } from "../internal/config/sections/feeds.ts";
import { stopSignal } from "../internal/daemon/stop-signal.ts";
import { loadConfigWithWarnings } from "./settings.ts";
import { parseOption, UsageError } from "./usage-error.ts";

const HELP = `
Connects as the collector does, prints what the venue says and how it is understood, and asks for the trades of the last minutes. It
needs no database and changes nothing.

Examples:
  stellarindex collect check kraken XLM/USD
  stellarindex collect check sdex native/USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN --seconds 60
`;

/** Returns what the configuration says that a source calls the market of a pair. */
function configuredMarket({ feeds }: Config, source: string, pair: Pair): string | undefined {
  return feeds.find((feed) => feed.source === source && formatPair(feed.pair) === formatPair(pair))?.market;
}

/** Adds `collect`, which shows what venues answer. */
export function addCollectCommand(program: Command): void {
  program
    .command("collect")
    .description("look at what is collected from venues")
    .command("check")
    .description("print what a venue answers, and how it is understood")
    .argument("<source>", "the source, such as kraken")
    .argument("<pair>", "the pair in the venue's orientation, such as XLM/USD")
    .option("--market <name>", "what the venue calls the market; by default as configured")
    .option("--seconds <count>", "how long to listen, 1 to 600", "15")
    .addHelpText("after", HELP)
    .action(async (source: string, text: string, options: { market?: string; seconds: string }, command: Command) => {
      const { config } = loadConfigWithWarnings(command);
      const name = connectorOf({ source });
      if (name === null) throw new UsageError(`there is no connector of ${JSON.stringify(source)}`);
      if (!/^[1-9]\d{0,2}$/.test(options.seconds) || Number(options.seconds) > 600) {
        throw new UsageError(`--seconds: ${JSON.stringify(options.seconds)} is not a whole number from 1 to 600`);
      }
      const pair = parseOption("<pair>", () => parseTypedPair(text));
      const { connector, collected } = parseOption("<pair>", () =>
        feedOf({ source, connector: name, pair, market: options.market ?? configuredMarket(config, source, pair) }),
      );
      const isUnderstood = await checkFeed(
        {
          ...{ connector, feed: collected, endpoint: accessOf(connector, source, config.collect) },
          ...{ listenSeconds: Number(options.seconds), say: (line) => void process.stdout.write(`${line}\n`) },
        },
        stopSignal(),
      );
      if (!isUnderstood) process.exitCode = 1;
    });
}
