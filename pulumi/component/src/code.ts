/**
 * The argument `code`: where the packed function comes from.
 *
 * The npm package carries it for both architectures, so that nobody has to build it.
 */

import { readFileSync } from "node:fs";
import * as path from "node:path";

import * as pulumi from "@pulumi/pulumi";

import type { CodeArgs, S3CodeArgs } from "./arguments";
import { bundleProblem } from "./bundle";
import { Fields } from "./catalog/fields";
import type { Architecture } from "./enumerations";
import { isObject, type Unknown, UNKNOWN } from "./known";
import type { Problems } from "./problems";

/** Where the package has the functions; a checkout has none. */
const FUNCTIONS = path.join(__dirname, "..", "functions");

/** Where the code of the function is: a file of this computer (undefined: the package's own), an archive of the program, or an object in S3. */
export type Code =
  | { readonly path: string | undefined }
  | { readonly archive: pulumi.asset.Archive }
  | { readonly s3: S3CodeArgs };

/** The code of the function. */
export function codeOf(code: CodeArgs | undefined): Code {
  if (code === undefined || typeof code === "string") return { path: code };
  return "s3Bucket" in code ? { s3: code } : { archive: code };
}

/** The function that the package has for this architecture. */
export function packaged(architecture: Architecture): string {
  return path.join(FUNCTIONS, `${architecture}.zip`);
}

/** Every problem in `code`. Of archives and of objects in S3, the content is not checked. */
export function checkCode(outer: Fields, architecture: Architecture | Unknown, problems: Problems): void {
  const place = outer.at("code");
  const value = outer.raw("code");
  if (value === UNKNOWN) {
    problems.wrongKind(place, value, "must be known when the program runs; in { s3Bucket, s3Key }, each value may be an output");
  } else if (value === undefined) {
    if (architecture === UNKNOWN) return;
    const absent = fileProblem(packaged(architecture), architecture, `build it (make package ARCH=${architecture}) and name the zip`);
    if (absent !== undefined) problems.missing(place, `the package's own function for ${architecture} ${absent}`);
  } else if (typeof value === "string") {
    if (architecture === UNKNOWN) return;
    const broken = value === "" ? "must be the path of a zip" : fileProblem(value, architecture, "run make package first");
    if (broken !== undefined) problems.invalid(place, value, broken);
  } else if (!isObject(value)) {
    problems.wrongKind(place, value, "must be a path, an archive (pulumi.asset.FileArchive), or { s3Bucket, s3Key }");
  } else if (!pulumi.asset.Archive.isInstance(value)) {
    checkS3(Fields.of(value, place, problems));
  }
}

function checkS3(fields: Fields | undefined): void {
  if (fields === undefined) return;
  fields.needs("s3Bucket", "the bucket that has the packed function");
  fields.parsed("s3Bucket", bucket);
  fields.needs("s3Key", "the packed function's key in the bucket");
  fields.text("s3Key", 1024);
  fields.text("s3ObjectVersion", 1024);
  fields.denyUnknown();
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
function bucket(text: string): string | undefined {
  return /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(text) ? undefined : "must be the name of an S3 bucket";
}

function fileProblem(file: string, architecture: Architecture, repair: string): string | undefined {
  try {
    return bundleProblem(readFileSync(file), architecture);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "an error";
    return `cannot be read (${code}): ${repair}`;
  }
}
