import { createRouter, createWebHistory } from "vue-router";
import { basePath } from "@/lib/base";
import { currentSession } from "@/session/session";

/** The pages, each a chunk of its own. The name of a route is the key of its title: `nav.NAME`. */
export const router = createRouter({
  history: createWebHistory(basePath()),
  routes: [
    { path: "/", redirect: "/send" },
    { path: "/signin", name: "signin", component: () => import("@/pages/signin/SignInPage.vue") },
    { path: "/send/:tab(many)?", name: "send", component: () => import("@/pages/send/SendPage.vue"), props: true },
    { path: "/send/imports/:id", name: "import", component: () => import("@/pages/send/ImportPage.vue"), props: true },
    { path: "/messages", name: "messages", component: () => import("@/pages/messages/MessagesPage.vue") },
    { path: "/messages/:id", name: "message", component: () => import("@/pages/message/MessagePage.vue"), props: true },
    { path: "/monitor", name: "monitor", component: () => import("@/pages/monitor/MonitorPage.vue") },
    { path: "/inbox", name: "inbox", component: () => import("@/pages/inbox/InboxPage.vue") },
    { path: "/settings/:tab?", name: "settings", component: () => import("@/pages/settings/SettingsPage.vue"), props: true },
    { path: "/:rest(.*)*", name: "not_found", component: () => import("@/pages/not_found/NotFoundPage.vue") },
  ],
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
});

/** Begins to fetch the page of the address, for the time in which the server is asked who is there. */
export function fetchPage(): void {
  const page = router.resolve(router.options.history.location).matched.at(-1)?.components?.["default"];
  // The router asks for it again, and says if it cannot be had.
  if (typeof page === "function") void (page as () => Promise<unknown>)().catch(() => null);
}

router.beforeEach((to) => {
  if (to.name === "signin" || currentSession.value) return true;
  return { name: "signin", query: to.fullPath === "/send" ? {} : { to: to.fullPath } };
});
