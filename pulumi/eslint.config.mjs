import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["**/node_modules/", "component/lib/", "plugin/lib/"] },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "no-console": "error",
      // Messages are made of numbers too.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // Code points are what the function counts, too.
      "@typescript-eslint/no-misused-spread": ["error", { allow: ["string"] }],
      // node:test's `test` and `describe` answer with promises that nobody has to wait for.
      "@typescript-eslint/no-floating-promises": [
        "error",
        { allowForKnownSafeCalls: [{ from: "package", package: "node:test", name: ["test", "describe", "it", "suite"] }] },
      ],
    },
  },
);
