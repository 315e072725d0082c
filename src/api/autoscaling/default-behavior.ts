import type { HorizontalPodAutoscalerBehavior } from '../generated/types.ts'

/** Fills a declared behaviour; without one, the controller applies the same rules with its own stabilisation. */
export function defaultBehavior(behavior: HorizontalPodAutoscalerBehavior | undefined): void {
  if (behavior === undefined) return
  const up = (behavior.scaleUp ??= {})
  up.stabilizationWindowSeconds ??= 0
  up.selectPolicy ||= 'Max'
  up.policies ??= [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ]
  const down = (behavior.scaleDown ??= {})
  down.selectPolicy ||= 'Max'
  down.policies ??= [{ type: 'Percent', value: 100, periodSeconds: 15 }]
}
