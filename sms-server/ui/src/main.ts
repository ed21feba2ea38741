import { VueQueryPlugin } from "@tanstack/vue-query";
import { createApp } from "vue";
import { queryClient } from "@/api/queries";
import App from "@/App.vue";
import { i18n, startLanguage } from "@/i18n";
import { followTheme } from "@/lib/theme";
import { followEvents } from "@/live/useLive";
import { fetchPage, router } from "@/router";
import { loadSession } from "@/session/session";
import "@/styles/index.css";

async function start(): Promise<void> {
  followTheme();
  fetchPage();
  // Without an answer the sign-in page is shown, and says why when it is used.
  await Promise.all([startLanguage(), loadSession().catch(() => null)]);
  createApp(App).use(i18n).use(VueQueryPlugin, { queryClient }).use(router).mount("#app");
  followEvents();
}

void start();
