import { fileURLToPath } from "node:url";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";
import { devServer } from "./dev/server.ts";
import { sourcesHash } from "./dev/sources_hash.ts";

export default defineConfig({
  // The server writes the base path into <base>; every address in the build is relative to it.
  base: "./",
  plugins: [vue(), devServer(), sourcesHash()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  define: {
    __VUE_OPTIONS_API__: false,
    __VUE_PROD_DEVTOOLS__: false,
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: false,
    // The compiler of vue-i18n makes data, not code (JIT), so `script-src 'self'` is enough.
    __VUE_I18N_FULL_INSTALL__: true,
    __VUE_I18N_LEGACY_API__: false,
    __INTLIFY_PROD_DEVTOOLS__: false,
    __INTLIFY_JIT_COMPILATION__: true,
    __INTLIFY_DROP_MESSAGE_COMPILER__: false,
  },
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    // A `data:` font or script would break the CSP, and small files compress together badly.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    // The licences of what is bundled, for Settings. The name decides the form: text.
    license: { fileName: "licences.txt" },
    chunkSizeWarningLimit: 400,
  },
});
