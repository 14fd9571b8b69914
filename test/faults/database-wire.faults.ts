import { describe } from "vitest";
import { testWire } from "./test-wire.ts";
import { canMakeWorld } from "./world.ts";

const WHAT = "faults of the network between the daemons and the database";

// A dead connection is noticed when a query over it times out.
describe.skipIf(!canMakeWorld(WHAT))(WHAT, () => testWire("databaseWire", 2));
