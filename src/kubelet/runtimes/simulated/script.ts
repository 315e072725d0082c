/** Pod annotation: what each container does, as JSON by container name. `*` is for every container without a name of its own. */
export const SCRIPT_ANNOTATION = 't8s.dev/simulate'

/** The declared life of one container; without one it runs until it is stopped. */
export interface ContainerScript {
  /** Ends by itself after this long; null: never. Of a list each start of the container takes the next, and the last serves all that follow. */
  readonly afterSeconds?: number | null | readonly (number | null)[]
  /** 0 by default. A list is as above. */
  readonly exitCode?: number | readonly number[]
  /** The runtime refuses to start it, with this message. */
  readonly startError?: string
  /** Network probes fail until then. */
  readonly healthyAfterSeconds?: number
  /** Network probes fail from then on. */
  readonly sickAfterSeconds?: number
  /** What is different in the pod of an indexed Job, by its completion index. */
  readonly byIndex?: Readonly<Record<string, Omit<ContainerScript, 'byIndex'>>>
  /** Answers of commands run inside, by the command's words joined by spaces. */
  readonly exec?: Readonly<Record<string, { readonly exitCode?: number; readonly stdout?: string }>>
}

const INDEX_ANNOTATION = 'batch.kubernetes.io/job-completion-index'

/** Scripts of a pod; a malformed annotation declares nothing. */
export function scriptFor(annotations: Readonly<Record<string, string>>, container: string): ContainerScript {
  try {
    const scripts = JSON.parse(annotations[SCRIPT_ANNOTATION] ?? '{}') as Readonly<Record<string, ContainerScript>>
    const script = scripts[container] ?? scripts['*'] ?? {}
    return { ...script, ...script.byIndex?.[annotations[INDEX_ANNOTATION] ?? ''] }
  } catch {
    return {}
  }
}

/** When and how a start, counted from 0, ends; undefined: not by itself. */
export function endOf(
  { afterSeconds, exitCode }: ContainerScript,
  attempt: number,
): { readonly afterSeconds: number; readonly exitCode: number } | undefined {
  const after = ofStart(afterSeconds, attempt)
  return typeof after === 'number' ? { afterSeconds: after, exitCode: ofStart(exitCode, attempt) ?? 0 } : undefined
}

const ofStart = <T>(value: T | readonly T[], attempt: number): T | undefined =>
  Array.isArray(value) ? (value as readonly T[])[Math.min(attempt, value.length - 1)] : (value as T)
