import { type Pod, pods, type RuntimeClass, runtimeClasses, type Toleration } from '#api'
import { deepClone, deepEqual } from '#base'
import { canonicalQuantity, forbidden } from '#meta'
import { draftOf } from './attributes.ts'
import type { AdmissionContext, AdmissionPlugin, Attributes } from './types.ts'

const MISMATCH = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
const UNDEFINED = 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead'

/** Gives a pod the overhead and the nodes of its runtime class (https://kubernetes.io/docs/concepts/containers/runtime-class/). */
export const runtimeClass: AdmissionPlugin = {
  name: 'RuntimeClass',
  operations: ['CREATE'],
  async mutate(attributes, context) {
    const pod = draftOf(attributes, pods)
    const found = pod && (await classOf(pod, attributes, context))
    if (found === undefined) return
    const spec = pod!.spec!
    const overhead = found.overhead?.podFixed
    if (overhead !== undefined) {
      if (spec.overhead !== undefined && !sameAmounts(spec.overhead, overhead)) throw forbidden(pods, attributes.name, MISMATCH)
      spec.overhead = { ...overhead }
    }
    schedule(pod!, found, attributes)
  },
  async validate(attributes, context) {
    const pod = draftOf(attributes, pods)
    if (pod === undefined) return
    const defined = (await classOf(pod, attributes, context))?.overhead?.podFixed
    const own = pod.spec?.overhead
    if (defined !== undefined && !sameAmounts(own ?? {}, defined)) throw forbidden(pods, attributes.name, MISMATCH)
    if (defined === undefined && own !== undefined) throw forbidden(pods, attributes.name, UNDEFINED)
  },
}

async function classOf(pod: Pod, { name }: Attributes, { cache }: AdmissionContext): Promise<RuntimeClass | undefined> {
  const wanted = pod.spec?.runtimeClassName
  if (!wanted) return undefined
  await cache.current()
  const found = cache.of(runtimeClasses).get(wanted)?.object as RuntimeClass | undefined
  if (found === undefined) throw forbidden(pods, name, `pod rejected: RuntimeClass ${JSON.stringify(wanted)} not found`)
  return found
}

function schedule({ spec }: Pod, { scheduling }: RuntimeClass, { name }: Attributes): void {
  if (scheduling === undefined || spec === undefined) return
  for (const [key, value] of Object.entries(scheduling.nodeSelector ?? {})) {
    const own = spec.nodeSelector?.[key]
    if (own !== undefined && own !== value) {
      const said = `conflict: runtimeClass.Scheduling.NodeSelector[${key}] = ${value}; pod.Spec.NodeSelector[${key}] = ${own}`
      throw forbidden(pods, name, said)
    }
    spec.nodeSelector = { ...spec.nodeSelector, [key]: value }
  }
  const added = (scheduling.tolerations ?? []).filter((each) => !spec.tolerations?.some((own) => deepEqual(own, each)))
  if (added.length > 0) spec.tolerations = [...(spec.tolerations ?? []), ...(deepClone(added) as Toleration[])]
}

function sameAmounts(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)])
  return [...names].every(
    (name) => a[name] !== undefined && b[name] !== undefined && canonicalQuantity(a[name]) === canonicalQuantity(b[name]),
  )
}
