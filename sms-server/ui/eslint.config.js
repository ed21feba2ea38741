import vue from "eslint-plugin-vue";
import ts from "typescript-eslint";

export default [
  { ignores: ["dist/", "node_modules/", "src/api/schema.d.ts", "public/"] },
  ...ts.configs.strict,
  ...vue.configs["flat/recommended"],
  {
    files: ["**/*.vue"],
    languageOptions: { parserOptions: { parser: ts.parser } },
  },
  {
    rules: {
      "no-undef": "off",
      // One size of line for people and for Git, 100 as in the rest of the repository.
      "max-lines": ["error", 400],
      "max-len": ["error", { code: 120, ignoreUrls: true, ignoreRegExpLiterals: true, ignoreStrings: true }],
      "no-console": "error",
      // innerHTML of what people typed would be a hole that the CSP alone should not have to close.
      "vue/no-v-html": "error",
      "vue/multi-word-component-names": "off",
      "vue/max-attributes-per-line": "off",
      "vue/singleline-html-element-content-newline": "off",
      "vue/html-self-closing": ["error", { html: { void: "always" } }],
      "vue/require-default-prop": "off",
      "vue/html-closing-bracket-newline": "off",
    },
  },
  // An element with its attributes is one thing: templates may run longer.
  { files: ["**/*.vue"], rules: { "max-len": ["error", { code: 160, ignoreUrls: true }] } },
  { files: ["scripts/**", "tests/**", "dev/**"], rules: { "no-console": "off", "max-len": "off" } },
];
