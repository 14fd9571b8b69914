import { describe } from "vitest";
import { testNetworkFaults } from "./network-faults.ts";
import { canMakeWorld } from "./world.ts";

const WHAT = "faults of the network between the daemons and Redis";

// A dead connection is detected when nothing has arrived on it for ten seconds.
describe.skipIf(!canMakeWorld(WHAT))(WHAT, () => testNetworkFaults("redisProxy", 10));
