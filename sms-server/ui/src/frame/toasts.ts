import { ref } from "vue";
import type { Tone } from "@/components/states";

export interface Toast {
  id: number;
  text: string;
  tone: Tone;
}

export const toasts = ref<Toast[]>([]);
let last = 0;

/** Shows a short message: 6 s, a failure until it is closed. */
export function toast(text: string, tone: Tone = "ok"): void {
  const id = ++last;
  toasts.value = [...toasts.value.slice(-3), { id, text, tone }];
  if (tone !== "bad") setTimeout(() => dismiss(id), 6000);
}

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((shown) => shown.id !== id);
}
