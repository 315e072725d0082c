import { type Binding, type Pod, required, schemaOf, unsupported } from '#api'
import { deepClone } from '#base'
import type { TransportResponse } from '#client'
import { badRequest, conflict, type FieldError, formatTime, invalid, success } from '#meta'
import type { RequestContext } from '../context.ts'
import { decodeBody, readAs } from '../registry/decode-body.ts'
import { checkWriteOptions } from '../registry/field-management.ts'
import { replyObject } from '../response.ts'
import { decodeOptionsOf, isDryRun } from '../rest/write-options.ts'
import type { HandlerDependencies, Subresource } from './types.ts'

/** `pods/binding`: how a scheduler gives a pod to a node; the only way in which `spec.nodeName` is set later. */
export const bindingSubresource: Subresource = { name: 'binding', resources: ['pods'], handle: bind }

export async function bind(context: RequestContext, { registry, clock }: HandlerDependencies): Promise<TransportResponse> {
  const binding = deepClone(await readBody(context))
  const { name } = context.info
  if (binding.metadata?.name && binding.metadata.name !== name)
    throw badRequest('name in URL does not match name in Binding object')
  const { target } = binding
  const errors: FieldError[] = []
  if (target.kind && target.kind !== 'Node') errors.push(unsupported('target.kind', target.kind, ['Node', '<empty>']))
  if (!target.name) errors.push(required('target.name'))
  if (errors.length > 0) throw invalid({ group: '', kind: 'Binding' }, name, errors)
  await registry.admit(context, {
    operation: 'CREATE',
    subresource: 'binding',
    name,
    object: binding,
    oldObject: undefined,
    dryRun: isDryRun(context),
    kind: { group: '', version: 'v1', kind: 'Binding' },
  })
  await registry.update(context, name, {
    dryRun: isDryRun(context),
    subresource: 'binding',
    internal: true,
    preconditions: { uid: binding.metadata?.uid, resourceVersion: binding.metadata?.resourceVersion },
    transform: (current) => assign(context, current as Pod, binding, formatTime(clock.now())),
  })
  return replyObject(201, { ...success(), code: 201 })
}

function assign({ resource }: RequestContext, pod: Pod, { metadata, target }: Binding, now: string): Pod {
  const name = pod.metadata?.name ?? ''
  if (pod.metadata?.deletionTimestamp !== undefined)
    throw conflict(resource, name, `pod ${name} is being deleted, cannot be assigned to a host`)
  if (pod.spec?.nodeName)
    throw conflict(resource, name, `pod ${name} is already assigned to node ${JSON.stringify(pod.spec.nodeName)}`)
  if (pod.spec?.schedulingGates?.length) throw conflict(resource, name, `pod ${name} has non-empty .spec.schedulingGates`)
  const conditions = (pod.status?.conditions ?? []).filter(({ type }) => type !== 'PodScheduled')
  const annotations = { ...pod.metadata?.annotations, ...metadata?.annotations }
  const labels = { ...pod.metadata?.labels, ...metadata?.labels }
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      ...(Object.keys(annotations).length > 0 && { annotations }),
      ...(Object.keys(labels).length > 0 && { labels }),
    },
    spec: { ...pod.spec!, nodeName: target.name! },
    status: {
      ...pod.status,
      conditions: [
        ...conditions,
        { type: 'PodScheduled', status: 'True', lastProbeTime: undefined, lastTransitionTime: now } as never,
      ],
    },
  }
}

async function readBody(context: RequestContext): Promise<Binding> {
  checkWriteOptions(context, 'CreateOptions', false)
  const options = decodeOptionsOf(context, { apiVersion: 'v1', kind: 'Binding' })
  const body = await decodeBody(context.body, options)
  const binding = readAs(body, schemaOf('io.k8s.api.core.v1.Binding'), { kind: 'Binding', version: 'v1' }, options) as Binding
  return binding.target === undefined ? { ...binding, target: {} } : binding
}
