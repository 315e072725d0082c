import { namespaces } from '#api'
import { isAlreadyExists, notFound } from '#meta'
import type { AdmissionContext, AdmissionPlugin, Attributes } from './types.ts'

/** Nothing happens in a namespace that is not there. */
export const namespaceExists: AdmissionPlugin = {
  name: 'NamespaceExists',
  off: true,
  operations: ['CREATE', 'UPDATE', 'DELETE'],
  async validate(attributes, context) {
    if (await lacksNamespace(attributes, context)) throw notFound(namespaces, attributes.namespace)
  },
}

/** What is created in a namespace that is not there brings it into being. */
export const namespaceAutoProvision: AdmissionPlugin = {
  name: 'NamespaceAutoProvision',
  off: true,
  operations: ['CREATE'],
  async mutate(attributes, context) {
    if (attributes.dryRun || !(await lacksNamespace(attributes, context))) return
    try {
      const metadata = { name: attributes.namespace }
      await context.client().create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata })
    } catch (error) {
      if (!isAlreadyExists(error)) throw error
    }
  },
}

async function lacksNamespace({ resource, namespace }: Attributes, { cache }: AdmissionContext): Promise<boolean> {
  if (resource.scope !== 'Namespaced' || namespace === '') return false
  await cache.current()
  return cache.of(namespaces).get(namespace) === undefined
}
