import { type Namespace, namespaces, pods } from '#api'
import { forbidden, isObject, parseYaml } from '#meta'
import { draftOf } from './attributes.ts'
import type { AdmissionContext, AdmissionPlugin, Attributes } from './types.ts'

const ANNOTATION = 'scheduler.alpha.kubernetes.io/node-selector'
const CLUSTER_DEFAULT = 'clusterDefaultNodeSelector'

type Labels = Record<string, string>

/** Pods of a namespace go to the nodes that the namespace's annotation selects. */
export const podNodeSelector: AdmissionPlugin = {
  name: 'PodNodeSelector',
  off: true,
  operations: ['CREATE'],
  async configured(bytes) {
    const selectors = await parseSelectors(bytes)
    return {
      ...podNodeSelector,
      async mutate(attributes, context) {
        const pod = draftOf(attributes, pods)
        if (pod?.spec === undefined) return
        const wanted = await namespaceSelector(attributes.namespace, context, selectors.get(CLUSTER_DEFAULT) ?? {})
        refuseConflict(attributes, pod.spec.nodeSelector, wanted)
        if (Object.keys(wanted).length > 0) pod.spec.nodeSelector = { ...wanted, ...pod.spec.nodeSelector }
      },
      async validate(attributes, context) {
        const pod = draftOf(attributes, pods)
        if (pod?.spec === undefined) return
        const { nodeSelector = {} } = pod.spec
        refuseConflict(
          attributes,
          nodeSelector,
          await namespaceSelector(attributes.namespace, context, selectors.get(CLUSTER_DEFAULT) ?? {}),
        )
        const allowed = selectors.get(attributes.namespace) ?? {}
        if (Object.keys(allowed).length === 0) return
        if (Object.entries(nodeSelector).some(([key, value]) => allowed[key] !== value))
          throw forbidden(pods, attributes.name, 'pod node label selector labels conflict with its namespace whitelist')
      },
    }
  },
}

function refuseConflict({ name }: Attributes, selector: Labels | undefined, wanted: Labels): void {
  for (const [key, value] of Object.entries(selector ?? {}))
    if (wanted[key] !== undefined && wanted[key] !== value)
      throw forbidden(pods, name, 'pod node label selector conflicts with its namespace node label selector')
}

/** What the namespace's annotation says, or what holds where there is none. */
async function namespaceSelector(namespace: string, { cache }: AdmissionContext, usual: Labels): Promise<Labels> {
  await cache.current()
  const text = (cache.of(namespaces).get(namespace)?.object as Namespace | undefined)?.metadata?.annotations?.[ANNOTATION]
  return text === undefined ? usual : labelsIn(text)
}

/** By namespace: the labels that its pods may select. The file has no kind. */
async function parseSelectors(bytes: Uint8Array | undefined): Promise<ReadonlyMap<string, Labels>> {
  const document = bytes && (await parseYaml(Buffer.from(bytes).toString()))
  const said = isObject(document) ? (document['podNodeSelectorPluginConfig'] ?? {}) : {}
  if (!isObject(said) || Object.values(said).some((each) => typeof each !== 'string'))
    throw new Error('podNodeSelectorPluginConfig takes selectors by namespace')
  return new Map(Object.entries(said as Record<string, string>).map(([namespace, text]) => [namespace, labelsIn(text)]))
}

function labelsIn(text: string): Labels {
  const pairs = text.split(',').filter((pair) => pair.trim() !== '')
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=')
      return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()]
    }),
  )
}
