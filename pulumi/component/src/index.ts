/** What the npm package `start-engines` exports. */

export type * from "./arguments";
export type * from "./catalog/service";
export type * from "./inputs";
export * from "./enumerations";
export { exportLines } from "./environment";
export { type KeyPolicyArgs, kmsKeyPolicyStatements } from "./keyStatements";
export { settingsFiles, type SettingsFilesArgs } from "./settingsFiles";
export type { Request, SourcePolicies } from "./sourcePolicies";
export { COMPONENT_TYPE, StartEngines } from "./startEngines";
