import { useI18n } from "vue-i18n";
import { Problem } from "./problem";

/** Failures in sentences for a person. */
export function useProblem() {
  const { t, te } = useI18n();

  function named(code: string, detail: string): string {
    const key = `problem.${code}`;
    return te(key) ? t(key) : detail;
  }

  /** What went wrong: the sentence of the code in the language of the page, else the server's. */
  function sentence(error: unknown): string {
    const problem = Problem.from(error);
    const first = problem.errors[0];
    if (problem.code === "invalid_request" && first) return named(first.code, first.detail);
    return named(problem.code, problem.detail);
  }

  /** What is wrong with one field (`/to`); undefined when nothing is. */
  function field(error: unknown, pointer: string): string | undefined {
    const entry = error == null ? undefined : Problem.from(error).at(pointer);
    return entry && named(entry.code, entry.detail);
  }

  return { sentence, field };
}
