import { ref } from "vue";

/** True while the person has stopped live updates: no events, no polls, no refetch on focus. */
export const paused = ref(false);
