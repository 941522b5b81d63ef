/** IAM policy documents as plain data. */

/** One value or several of a condition key. */
export type ConditionValues = string | string[];

/** One statement. */
export interface Statement {
  readonly Sid: string;
  readonly Effect: "Allow" | "Deny";
  readonly Principal?: { readonly Service: string } | "*";
  readonly Action: string[];
  readonly Resource?: string[] | "*";
  readonly Condition?: Record<string, Record<string, ConditionValues>>;
}

/** A policy document. */
export interface PolicyDocument {
  readonly Version: "2012-10-17";
  readonly Statement: Statement[];
}

/** A policy document with these statements. */
export function document(...statements: Statement[]): PolicyDocument {
  return { Version: "2012-10-17", Statement: statements };
}
