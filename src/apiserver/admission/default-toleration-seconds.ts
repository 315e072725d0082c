import { type Pod, pods, type Toleration } from '#api'
import type { AdmissionPlugin } from './types.ts'

const TAINTS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']
const SECONDS = 300

/** Pods stay five minutes on a node that went silent, unless they say otherwise. */
export const defaultTolerationSeconds: AdmissionPlugin = {
  name: 'DefaultTolerationSeconds',
  operations: ['CREATE', 'UPDATE'],
  mutate({ resource, subresource, object }) {
    if (resource !== (pods as unknown) || subresource !== '') return
    const spec = (object as Pod).spec
    if (spec === undefined) return
    const tolerations = spec.tolerations ?? []
    const missing = TAINTS.filter((key) => !tolerations.some((toleration) => tolerates(toleration, key)))
    if (missing.length === 0) return
    spec.tolerations = [
      ...tolerations,
      ...missing.map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: SECONDS })),
    ]
  },
}

const tolerates = ({ key, effect }: Toleration, taint: string): boolean =>
  (!key || key === taint) && (!effect || effect === 'NoExecute')
