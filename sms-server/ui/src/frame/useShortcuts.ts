import { onBeforeUnmount, onMounted } from "vue";

/** A key by its place (`event.code`), so that it works with a Russian layout too. */
export type Shortcut = "Slash" | "Question" | "KeyJ" | "KeyK" | "KeyX" | "Enter" | "Escape";

/** Where keys are typed; a box that is ticked is none. */
const FIELDS = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";

/**
 * Handles keys while the component is there. They do nothing in fields (but Escape, which leaves
 * the field), under an open dialog, or with Ctrl, Alt or Meta. `Question` is Shift and `Slash`.
 * Enter is left to a focused link or button.
 */
export function useShortcuts(handlers: Partial<Record<Shortcut, (event: KeyboardEvent) => void>>): void {
  function onKey(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    if (document.querySelector("dialog[open]")) return;
    const target = event.target instanceof HTMLElement ? event.target : null;
    if (target?.closest(FIELDS)) {
      if (event.code === "Escape") target.blur();
      return;
    }
    if (event.code === "Enter" && target?.closest("a, button")) return;
    const name = event.code === "Slash" && event.shiftKey ? "Question" : event.code;
    const handler = handlers[name as Shortcut];
    if (!handler) return;
    event.preventDefault();
    handler(event);
  }
  onMounted(() => document.addEventListener("keydown", onKey));
  onBeforeUnmount(() => document.removeEventListener("keydown", onKey));
}
