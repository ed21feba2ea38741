import { reportSignedOut, request } from "@/api/client";
import { Problem } from "@/api/problem";
import type { components } from "@/api/schema";

// By hand until `/v1/imports` is in the document that schema.d.ts is made from.

/** A file of recipients that was checked. */
export interface Import {
  id: string;
  file_name?: string;
  encoding: string;
  separator: "semicolon" | "comma" | "tab";
  /** The first row has the names of the columns. */
  header: boolean;
  columns: string[];
  to_column: string;
  rows: number;
  valid: number;
  invalid: number;
  repeated: number;
  parts: number;
  reference?: string;
  same_file?: { import: string; sent_at: string };
  by: string;
  created_at: string;
  expires_at: string;
  /** Absent while it was not sent. */
  sent_at?: string;
}

export interface PreviewMessage {
  row: number;
  to: string;
  text: string;
  parts: number;
  encoding: components["schemas"]["TextEncoding"];
}

export interface RowErrors {
  row: number;
  errors: { column?: string; value?: string; code: string; detail: string }[];
}

/** An import with its first messages and its first errors. */
export interface ImportDetails extends Import {
  preview: PreviewMessage[];
  errors: RowErrors[];
}

export type Job = Omit<components["schemas"]["JobView"], "action">;

/** Parameters of a check, as the API names them. */
export type CheckParameters = Record<string, string>;

/** Checks a file. Nothing is sent. */
export async function checkFile(body: Blob | string, parameters: CheckParameters): Promise<ImportDetails> {
  const query = new URLSearchParams(parameters);
  const headers = { "Content-Type": "text/csv" };
  return json(`v1/imports?${query.toString()}`, { method: "POST", body, headers });
}

/** Begins to send. The same call again is answered with the same job. */
export function sendImport(id: string): Promise<Job> {
  return json(`v1/imports/${id}/send`, { method: "POST" });
}

/** Removes one that was not sent. */
export async function removeImport(id: string): Promise<void> {
  await call(`v1/imports/${id}`, { method: "DELETE" });
}

export function readImport(id: string, signal: AbortSignal): Promise<ImportDetails> {
  return json(`v1/imports/${id}`, { signal });
}

export async function readImports(signal: AbortSignal): Promise<Import[]> {
  return (await json<{ data: Import[] }>("v1/imports?limit=50", { signal })).data;
}

async function json<T>(path: string, init: RequestInit): Promise<T> {
  return (await (await call(path, init)).json()) as T;
}

async function call(path: string, init: RequestInit): Promise<Response> {
  try {
    return await request(path, init);
  } catch (error) {
    if (Problem.from(error).status === 401) reportSignedOut();
    throw error;
  }
}
