import { type Pod, pods } from '#api'
import type { WatchCache } from '../watch-cache/watch-cache.ts'
import type { AuthorizationAttributes, Authorizer, Decision } from './types.ts'

const USER_PREFIX = 'system:node:'
const noOpinion = (reason: string): Decision => ({ decision: 'no-opinion', reason })
const allow: Decision = { decision: 'allow', reason: '' }

/** The name of the node that a user is, if it is one. */
export function nodeNameOf(user: { readonly username: string; readonly groups: readonly string[] }): string | undefined {
  return user.username.startsWith(USER_PREFIX) && user.groups.includes('system:nodes')
    ? user.username.slice(USER_PREFIX.length)
    : undefined
}

/**
 * What a node may read beyond its role: only objects that pods bound to it refer to
 * (https://kubernetes.io/docs/reference/access-authn-authz/node/). Everything else of a node is granted by the role `system:node`.
 */
export function nodeAuthorizer(cache: WatchCache): Authorizer {
  return {
    name: 'Node',
    authorize(attributes) {
      const node = nodeNameOf(attributes.user)
      if (node === undefined || !attributes.isResource) return noOpinion('')
      const { resource, group, subresource, name } = attributes
      if (group === '' && (resource === 'secrets' || resource === 'configmaps')) return readReferenced(attributes, cache, node)
      if (group === '' && resource === 'serviceaccounts' && subresource === 'token') {
        return attributes.verb === 'create' && usesServiceAccount(cache, node, attributes.namespace, name)
          ? allow
          : noOpinion(`no relationship found between node '${node}' and this object`)
      }
      return grantedToNodes(attributes) ? allow : noOpinion('')
    },
  }
}

function readReferenced(
  attributes: Extract<AuthorizationAttributes, { isResource: true }>,
  cache: WatchCache,
  node: string,
): Decision {
  const { verb, resource, namespace, name } = attributes
  if (!['get', 'list', 'watch'].includes(verb) || name === '') return noOpinion(`can only read ${resource} by name`)
  for (const pod of podsOf(cache, node)) {
    if (pod.metadata?.namespace === namespace && referencesOf(pod)[resource as 'secrets' | 'configmaps'].has(name)) return allow
  }
  return noOpinion(`no relationship found between node '${node}' and this object`)
}

function usesServiceAccount(cache: WatchCache, node: string, namespace: string, name: string): boolean {
  for (const pod of podsOf(cache, node)) {
    if (pod.metadata?.namespace === namespace && (pod.spec?.serviceAccountName ?? 'default') === name) return true
  }
  return false
}

function* podsOf(cache: WatchCache, node: string): Iterable<Pod> {
  for (const pod of cache.of(pods).objects() as Iterable<Pod>) if (pod.spec?.nodeName === node) yield pod
}

interface References {
  readonly secrets: ReadonlySet<string>
  readonly configmaps: ReadonlySet<string>
}

const known = new WeakMap<Pod, References>()

/** Secrets and ConfigMaps that a pod's volumes, environment and image pulls name; once per version of the pod. */
function referencesOf(pod: Pod): References {
  const found = known.get(pod)
  if (found !== undefined) return found
  const secrets = new Set<string>()
  const configmaps = new Set<string>()
  const note = (set: Set<string>, name: string | undefined): void => void (name !== undefined && set.add(name))
  for (const { name } of pod.spec?.imagePullSecrets ?? []) note(secrets, name)
  for (const container of [
    ...(pod.spec?.initContainers ?? []),
    ...(pod.spec?.containers ?? []),
    ...(pod.spec?.ephemeralContainers ?? []),
  ]) {
    for (const { valueFrom } of container.env ?? []) {
      note(secrets, valueFrom?.secretKeyRef?.name)
      note(configmaps, valueFrom?.configMapKeyRef?.name)
    }
    for (const { secretRef, configMapRef } of container.envFrom ?? []) {
      note(secrets, secretRef?.name)
      note(configmaps, configMapRef?.name)
    }
  }
  for (const volume of pod.spec?.volumes ?? []) {
    note(secrets, volume.secret?.secretName)
    note(configmaps, volume.configMap?.name)
    for (const source of volume.projected?.sources ?? []) {
      note(secrets, source.secret?.name)
      note(configmaps, source.configMap?.name)
    }
  }
  const references = { secrets, configmaps }
  known.set(pod, references)
  return references
}

type Grants = Readonly<Record<string, readonly string[]>>

/** `group/resource` to verbs: upstream's rules for every node, whatever pods it has. */
const GRANTS: Grants = {
  '/nodes': ['get', 'list', 'watch', 'create', 'update', 'patch'],
  '/nodes/status': ['update', 'patch'],
  '/pods': ['get', 'list', 'watch', 'create', 'delete'],
  '/pods/status': ['update', 'patch'],
  '/pods/eviction': ['create'],
  '/services': ['get', 'list', 'watch'],
  '/events': ['create', 'update', 'patch'],
  '/persistentvolumeclaims': ['get'],
  '/persistentvolumes': ['get'],
  'authentication.k8s.io/tokenreviews': ['create'],
  'authorization.k8s.io/subjectaccessreviews': ['create'],
  'authorization.k8s.io/localsubjectaccessreviews': ['create'],
  'certificates.k8s.io/certificatesigningrequests': ['create', 'get', 'list', 'watch'],
  'coordination.k8s.io/leases': ['get', 'create', 'update', 'patch', 'delete'],
  'storage.k8s.io/csidrivers': ['get', 'list', 'watch'],
  'storage.k8s.io/csinodes': ['get', 'create', 'update', 'patch', 'delete'],
  'storage.k8s.io/volumeattachments': ['get'],
  'node.k8s.io/runtimeclasses': ['get', 'list', 'watch'],
}

function grantedToNodes({ group, resource, subresource, verb }: Extract<AuthorizationAttributes, { isResource: true }>): boolean {
  const full = `${group}/${resource}${subresource === '' ? '' : `/${subresource}`}`
  return GRANTS[full]?.includes(verb) ?? false
}
