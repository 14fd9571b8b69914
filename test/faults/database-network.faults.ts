import { describe } from "vitest";
import { testNetworkFaults } from "./network-faults.ts";
import { canMakeWorld } from "./world.ts";

const WHAT = "faults of the network between the daemons and the database";

// A dead connection is detected when a query on it times out.
describe.skipIf(!canMakeWorld(WHAT))(WHAT, () => testNetworkFaults("databaseProxy", 2));
