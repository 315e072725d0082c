/** What a plugin says about a pod, or about a pod on a node. A plugin that cannot decide throws. */
export type Verdict =
  | { readonly kind: 'fits' }
  /** It does not fit now; evicting other pods may help. */
  | { readonly kind: 'unschedulable'; readonly reasons: readonly string[] }
  /** It does not fit, and evicting pods would change nothing. */
  | { readonly kind: 'unresolvable'; readonly reasons: readonly string[] }

export type Rejection = Exclude<Verdict, { readonly kind: 'fits' }>

export const fits: Verdict = { kind: 'fits' }

export const unschedulable = (...reasons: string[]): Rejection => ({ kind: 'unschedulable', reasons })

export const unresolvable = (...reasons: string[]): Rejection => ({ kind: 'unresolvable', reasons })

/** A plugin's answer before filtering or scoring: it has nothing to say about this pod, so it is not asked again. */
export const skip = { kind: 'skip' } as const
export type Skip = typeof skip
