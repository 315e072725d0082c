/** Pod annotation: what each container does, as JSON by container name. `*` is for every container without a name of its own. */
export const SCRIPT_ANNOTATION = 't8s.dev/simulate'

/** The declared life of one container; without one it runs until it is stopped. */
export interface ContainerScript {
  /** Ends by itself after this long. */
  readonly afterSeconds?: number
  /** 0 by default. */
  readonly exitCode?: number
  /** The runtime refuses to start it, with this message. */
  readonly startError?: string
  /** Network probes fail until then. */
  readonly healthyAfterSeconds?: number
  /** Network probes fail from then on. */
  readonly sickAfterSeconds?: number
  /** Answers of commands run inside, by the command's words joined by spaces. */
  readonly exec?: Readonly<Record<string, { readonly exitCode?: number; readonly stdout?: string }>>
}

/** Scripts of a pod; a malformed annotation declares nothing. */
export function scriptFor(annotations: Readonly<Record<string, string>>, container: string): ContainerScript {
  try {
    const scripts = JSON.parse(annotations[SCRIPT_ANNOTATION] ?? '{}') as Readonly<Record<string, ContainerScript>>
    return scripts[container] ?? scripts['*'] ?? {}
  } catch {
    return {}
  }
}
