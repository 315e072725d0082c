import { type Findings, type Namespace, namespaces, type Pod, pods, qosClass, type Toleration, validateTolerations } from '#api'
import { deepEqual } from '#base'
import { badRequest, forbidden } from '#meta'
import { decodeConfiguration, integer, listOf, objectOf, refuseConfiguration, text } from '../configuration-file.ts'
import { draftOf } from './attributes.ts'
import type { AdmissionContext, AdmissionPlugin, Attributes } from './types.ts'

const DEFAULTS = 'scheduler.alpha.kubernetes.io/defaultTolerations'
const ALLOWED = 'scheduler.alpha.kubernetes.io/tolerationsWhitelist'
const MEMORY_PRESSURE: Toleration = { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' }

const toleration = objectOf({ key: text, operator: text, value: text, effect: text, tolerationSeconds: integer })
const KIND = {
  kind: 'Configuration',
  versions: ['podtolerationrestriction.admission.k8s.io/v1alpha1'],
  schema: objectOf({ apiVersion: text, kind: text, default: listOf(toleration), whitelist: listOf(toleration) }),
}

/** Pods of a namespace get the tolerations that its annotations name, and no others than those allow. */
export const podTolerationRestriction: AdmissionPlugin = {
  name: 'PodTolerationRestriction',
  off: true,
  operations: ['CREATE', 'UPDATE'],
  async configured(bytes) {
    const cluster = await parseClusterTolerations(bytes)
    return {
      ...podTolerationRestriction,
      async mutate(attributes, context) {
        const pod = draftOf(attributes, pods)
        if (pod?.spec === undefined || attributes.operation !== 'CREATE') return
        const defaults = (await tolerationsOf(DEFAULTS, attributes, context)) ?? cluster.default
        const own = pod.spec.tolerations ?? []
        const extra = [...defaults, ...(qosClass(pod) === 'BestEffort' ? [] : [MEMORY_PRESSURE])]
        const missing = extra.filter((each) => !own.some((toleration) => deepEqual(toleration, each)))
        if (missing.length > 0) pod.spec.tolerations = [...own, ...missing.map((each) => ({ ...each }))]
      },
      async validate(attributes, context) {
        const pod = draftOf<Pod>(attributes, pods)
        const tolerations = pod?.spec?.tolerations ?? []
        if (tolerations.length === 0) return
        const ofNamespace = await tolerationsOf(ALLOWED, attributes, context)
        const allowed = ofNamespace ?? cluster.whitelist
        if (allowed.length === 0 || tolerations.every((each) => allowed.some((one) => includes(one, each)))) return
        const whose = ofNamespace === undefined ? 'cluster' : 'namespace'
        const why = `pod tolerations (possibly merged with namespace default tolerations) conflict with its ${whose} whitelist`
        throw forbidden(pods, attributes.name, why)
      },
    }
  },
}

/** What holds in namespaces that say nothing. */
interface ClusterTolerations {
  readonly default: readonly Toleration[]
  readonly whitelist: readonly Toleration[]
}

async function parseClusterTolerations(bytes: Uint8Array | undefined): Promise<ClusterTolerations> {
  if (bytes === undefined) return { default: [], whitelist: [] }
  const { default: defaults = [], whitelist = [] } = (await decodeConfiguration(bytes, KIND)) as Partial<ClusterTolerations>
  const found: Findings = []
  validateTolerations(defaults, 'default', found)
  validateTolerations(whitelist, 'whitelist', found)
  refuseConfiguration(found)
  return { default: defaults, whitelist }
}

async function tolerationsOf(
  annotation: string,
  { namespace }: Attributes,
  { cache }: AdmissionContext,
): Promise<Toleration[] | undefined> {
  await cache.current()
  const found = cache.of(namespaces).get(namespace)?.object as Namespace | undefined
  const text = found?.metadata?.annotations?.[annotation]
  if (text === undefined) return undefined
  if (text === '') return []
  try {
    return JSON.parse(text) as Toleration[]
  } catch (error) {
    throw badRequest(`the annotation ${annotation} of namespace ${namespace} is no list of tolerations`, error)
  }
}

/** Whether what `wide` tolerates holds all that `narrow` tolerates. */
function includes(wide: Toleration, narrow: Toleration): boolean {
  if (wide.key && wide.key !== narrow.key) return false
  if (!wide.key && wide.operator !== 'Exists') return false
  if (wide.effect && wide.effect !== narrow.effect) return false
  if (wide.operator === 'Exists') return true
  return narrow.operator !== 'Exists' && (wide.value ?? '') === (narrow.value ?? '')
}
