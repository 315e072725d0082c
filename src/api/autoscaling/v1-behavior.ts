import type { HorizontalPodAutoscalerBehavior } from '../generated/types.ts'

/** Go's names, and ours. */
const FIELDS = {
  ScaleUp: 'scaleUp',
  ScaleDown: 'scaleDown',
  StabilizationWindowSeconds: 'stabilizationWindowSeconds',
  SelectPolicy: 'selectPolicy',
  Policies: 'policies',
  Tolerance: 'tolerance',
  Type: 'type',
  Value: 'value',
  PeriodSeconds: 'periodSeconds',
} as const

type GoName = keyof typeof FIELDS

/** Upstream prints its internal type here: names as Go has them, and null for what is not there. */
export function printBehavior(behavior: HorizontalPodAutoscalerBehavior): string {
  const rules = (value: HorizontalPodAutoscalerBehavior['scaleUp']): object | null =>
    value === undefined
      ? null
      : {
          StabilizationWindowSeconds: value.stabilizationWindowSeconds ?? null,
          SelectPolicy: value.selectPolicy ?? null,
          Policies:
            value.policies?.map(({ type, value: count, periodSeconds }) => ({
              Type: type,
              Value: count,
              PeriodSeconds: periodSeconds,
            })) ?? null,
          Tolerance: value.tolerance ?? null,
        }
  return JSON.stringify({ ScaleUp: rules(behavior.scaleUp), ScaleDown: rules(behavior.scaleDown) })
}

/** Go reads names in any case. */
export function readBehavior(document: unknown): HorizontalPodAutoscalerBehavior | undefined {
  const behavior = renamed(document) as HorizontalPodAutoscalerBehavior | undefined
  return behavior?.scaleUp === undefined && behavior?.scaleDown === undefined ? undefined : behavior
}

const NAMES = new Map((Object.keys(FIELDS) as GoName[]).map((name) => [name.toLowerCase(), FIELDS[name]]))

function renamed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(renamed)
  if (typeof value !== 'object' || value === null) return value ?? undefined
  const fields = Object.entries(value).flatMap(([key, inner]) => {
    const name = NAMES.get(key.toLowerCase())
    return name === undefined || inner === null ? [] : [[name, renamed(inner)] as const]
  })
  return Object.fromEntries(fields)
}
