import { pods } from '#api'
import { forbidden } from '#meta'
import { draftOf } from './attributes.ts'
import type { AdmissionPlugin } from './types.ts'

const HOSTNAME = 'kubernetes.io/hostname'

/** A pod keeps others away from its own node only, not from whole zones. */
export const limitPodHardAntiAffinityTopology: AdmissionPlugin = {
  name: 'LimitPodHardAntiAffinityTopology',
  off: true,
  operations: ['CREATE', 'UPDATE'],
  validate(attributes) {
    const terms = draftOf(attributes, pods)?.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution
    const other = terms?.find(({ topologyKey }) => topologyKey !== HOSTNAME)
    if (other === undefined) return
    const why = `affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey ${other.topologyKey} but only key ${HOSTNAME} is allowed`
    throw forbidden(pods, attributes.name, why)
  },
}
