import { type Namespace, namespaces } from '#api'
import { failure, forbidden, notFound } from '#meta'
import type { AdmissionPlugin } from './types.ts'

const IMMORTAL = new Set(['default', 'kube-system', 'kube-public'])

/** Nothing is created in a namespace that does not exist or is going; three namespaces can't be deleted. */
export const namespaceLifecycle: AdmissionPlugin = {
  name: 'NamespaceLifecycle',
  operations: ['CREATE', 'UPDATE', 'DELETE'],
  async validate({ operation, resource, namespace, name, subresource }, { cache }) {
    if (operation === 'DELETE' && resource === (namespaces as unknown) && IMMORTAL.has(name)) {
      throw forbidden(resource, name, 'this namespace may not be deleted')
    }
    if (operation !== 'CREATE' || resource.scope !== 'Namespaced' || resource.group === 'authorization.k8s.io') return
    await cache.current()
    const found = cache.of(namespaces).get(namespace)?.object as Namespace | undefined
    if (found === undefined) throw notFound(namespaces, namespace)
    if (found.metadata?.deletionTimestamp === undefined && found.status?.phase !== 'Terminating') return
    if (subresource !== '') return
    const message = `namespace ${namespace} is being terminated`
    const status = forbidden(
      resource,
      name,
      `unable to create new content in namespace ${namespace} because it is being terminated`,
    )
    throw failure(403, 'Forbidden', status.message, {
      ...status.status.details,
      causes: [{ reason: 'NamespaceTerminating', message, field: 'metadata.namespace' }],
    })
  },
}
