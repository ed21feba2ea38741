import { reactive } from "vue";
import type { components } from "@/api/schema";

export type Lanes = components["schemas"]["LanesView"];
export type LaneName = keyof Lanes;

export const LANES: readonly LaneName[] = ["urgent", "normal", "bulk"];

/** Ten minutes at one look every 3 s. */
const KEPT = 200;

/**
 * What this tab has seen of each lane. The server keeps no history of its queue, so a line begins
 * when the Monitor is first opened; it goes on over other pages.
 */
export const laneHistory: Record<LaneName, number[]> = reactive({ urgent: [], normal: [], bulk: [] });

/** Notes the depths of now. */
export function note(lanes: Lanes): void {
  for (const lane of LANES) {
    const seen = laneHistory[lane];
    seen.push(lanes[lane].ready);
    if (seen.length > KEPT) seen.splice(0, seen.length - KEPT);
  }
}
