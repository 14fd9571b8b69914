import { describe } from "vitest";
import { testWire } from "./test-wire.ts";
import { canMakeWorld } from "./world.ts";

const WHAT = "faults of the network between the daemons and Redis";

// A dead connection is noticed when nothing has come over it for ten seconds.
describe.skipIf(!canMakeWorld(WHAT))(WHAT, () => testWire("redisWire", 10));
