import type { FeatureGates } from '#base'
import type { WatchCache } from '../../watch-cache/watch-cache.ts'
import { allows } from '../rbac/rules.ts'
import {
  type AuthorizationAttributes,
  type Authorizer,
  allow,
  type Decision,
  noOpinion,
  type ResourceAttributes,
} from '../types.ts'
import { NodeGraph, type RelatedKind } from './graph.ts'
import { nodeRulesOf } from './rules.ts'

const USER_PREFIX = 'system:node:'
const LEASE_NAMESPACE = 'kube-node-lease'
const ALLOW = allow()
const NO_OPINION = noOpinion()

/** The name of the node that a user is, if it is one. */
export function nodeNameOf(user: { readonly username: string; readonly groups: readonly string[] }): string | undefined {
  return user.username.startsWith(USER_PREFIX) && user.groups.includes('system:nodes')
    ? user.username.slice(USER_PREFIX.length)
    : undefined
}

interface Asked extends ResourceAttributes {
  readonly verb: string
}

type Judge = (node: string, asked: Asked, graph: NodeGraph) => Decision

/**
 * What a kubelet may do (https://kubernetes.io/docs/reference/access-authn-authz/node/): read itself, the pods bound to it and what those refer to, and
 * write itself, its lease and their state. What it may not do to objects of these kinds is admission's, which sees them (NodeRestriction).
 */
export function nodeAuthorizer(cache: WatchCache, features: FeatureGates): Authorizer {
  const rules = nodeRulesOf(features)
  const graph = new NodeGraph(cache)
  return {
    name: 'Node',
    authorize(attributes: AuthorizationAttributes) {
      const node = nodeNameOf(attributes.user)
      if (node === undefined) return NO_OPINION
      if (node === '') return noOpinion(`unknown node for user ${JSON.stringify(attributes.user.username)}`)
      const judge = attributes.isResource ? JUDGES[`${attributes.group}/${attributes.resource}`] : undefined
      if (judge !== undefined) return judge(node, attributes as Asked, graph)
      return rules.some((rule) => allows(rule, attributes)) ? ALLOW : NO_OPINION
    },
    rulesFor: (user) => ({
      resourceRules: [],
      nonResourceRules: [],
      incomplete: nodeNameOf(user) !== undefined,
      errors: nodeNameOf(user) === undefined ? [] : ['node authorizer does not support user rule resolution'],
    }),
  }
}

/** By `group/resource`; any other is decided by the rules that all nodes share. */
const JUDGES: Readonly<Record<string, Judge>> = {
  '/secrets': readRelated('secrets'),
  '/configmaps': readRelated('configmaps'),
  '/persistentvolumeclaims': judgeClaim,
  '/persistentvolumes': getRelated('persistentvolumes'),
  '/serviceaccounts': judgeServiceAccount,
  '/nodes': judgeNode,
  '/pods': judgePod,
  'resource.k8s.io/resourceclaims': getRelated('resourceclaims'),
  'resource.k8s.io/resourceslices': judgeSlice,
  'storage.k8s.io/volumeattachments': getRelated('volumeattachments'),
  'storage.k8s.io/csinodes': judgeCsiNode,
  'coordination.k8s.io/leases': judgeLease,
}

function related(kind: RelatedKind, node: string, { namespace, name }: Asked, graph: NodeGraph): Decision {
  if (name === '') return noOpinion('No Object name found')
  if (graph.relates(node, kind, namespace, name)) return ALLOW
  return noOpinion(`no relationship found between node '${node}' and this object`)
}

function readRelated(kind: RelatedKind): Judge {
  return (node, asked, graph) => {
    if (!['get', 'list', 'watch'].includes(asked.verb)) return noOpinion('can only read resources of this type')
    if (asked.subresource !== '') return noOpinion('cannot read subresource')
    if (asked.namespace === '') return noOpinion('can only read namespaced object of this type')
    return related(kind, node, asked, graph)
  }
}

function getRelated(kind: RelatedKind): Judge {
  return (node, asked, graph) => {
    if (asked.verb !== 'get') return noOpinion('can only get individual resources of this type')
    if (asked.subresource !== '') return noOpinion('cannot get subresource')
    return related(kind, node, asked, graph)
  }
}

function judgeClaim(node: string, asked: Asked, graph: NodeGraph): Decision {
  if (asked.subresource !== 'status') return getRelated('persistentvolumeclaims')(node, asked, graph)
  if (asked.verb !== 'update' && asked.verb !== 'patch') return noOpinion('can only get/update/patch this type')
  return related('persistentvolumeclaims', node, asked, graph)
}

function judgeServiceAccount(node: string, asked: Asked, graph: NodeGraph): Decision {
  // For credential providers of images, which see the account's annotations.
  if (asked.verb === 'get' && asked.subresource === '') return related('serviceaccounts', node, asked, graph)
  if (asked.verb !== 'create' || asked.name === '') return noOpinion('can only create tokens for individual service accounts')
  if (asked.subresource !== 'token') return noOpinion('can only create token subresource of serviceaccount')
  return related('serviceaccounts', node, asked, graph)
}

const OWN_VERBS = ['get', 'create', 'update', 'patch', 'delete']

/** A name is known once there is an object; NodeRestriction compares that of a new one. */
function judgeOwn(what: string, node: string, { verb, name }: Asked): Decision {
  if (verb !== 'create' && name !== node) return noOpinion(`can only access ${what} with the same name as the requesting node`)
  return ALLOW
}

function judgeLease(node: string, asked: Asked): Decision {
  if (!OWN_VERBS.includes(asked.verb)) return noOpinion('can only get, create, update, patch, or delete a node lease')
  if (asked.namespace !== LEASE_NAMESPACE)
    return noOpinion(`can only access leases in the ${JSON.stringify(LEASE_NAMESPACE)} system namespace`)
  return judgeOwn('node lease', node, asked)
}

function judgeCsiNode(node: string, asked: Asked): Decision {
  if (!OWN_VERBS.includes(asked.verb)) return noOpinion('can only get, create, update, patch, or delete a CSINode')
  if (asked.subresource !== '') return noOpinion('cannot authorize CSINode subresources')
  return judgeOwn('CSINode', node, asked)
}

function judgeSlice(node: string, asked: Asked, graph: NodeGraph): Decision {
  if (asked.subresource !== '') return noOpinion('cannot authorize ResourceSlice subresources')
  switch (asked.verb) {
    case 'create':
      return ALLOW
    case 'get':
    case 'update':
    case 'patch':
    case 'delete':
      return related('resourceslices', node, asked, graph)
    case 'watch':
    case 'list':
    case 'deletecollection':
      if (selects(asked, ['nodeName', 'spec.nodeName'], node)) return ALLOW
      return noOpinion('can only list/watch/deletecollection resourceslices with nodeName field selector')
    default:
      return noOpinion(
        'only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection',
      )
  }
}

function judgeNode(node: string, { verb, subresource, name }: Asked): Decision {
  if (subresource === 'status') return verb === 'update' || verb === 'patch' ? ALLOW : NO_OPINION
  if (subresource !== '') return NO_OPINION
  switch (verb) {
    case 'create':
    case 'update':
    case 'patch':
      return ALLOW
    case 'get':
    case 'list':
    case 'watch':
      if (name === node) return ALLOW
      return noOpinion(
        name === ''
          ? `node '${node}' cannot read all nodes, only its own Node object`
          : `node '${node}' cannot read '${name}', only its own Node object`,
      )
    default:
      return NO_OPINION
  }
}

function judgePod(node: string, asked: Asked, graph: NodeGraph): Decision {
  const { verb, subresource, name } = asked
  if (subresource === 'status') return verb === 'update' || verb === 'patch' ? ALLOW : NO_OPINION
  if (subresource === 'eviction') return verb === 'create' ? ALLOW : NO_OPINION
  if (subresource !== '') return NO_OPINION
  switch (verb) {
    case 'get':
      return related('pods', node, asked, graph)
    case 'list':
    case 'watch':
      if (selects(asked, ['spec.nodeName'], node)) return ALLOW
      if (name !== '') return related('pods', node, asked, graph)
      return noOpinion('can only list/watch pods with spec.nodeName field selector')
    case 'create':
    case 'delete':
      return ALLOW
    default:
      return NO_OPINION
  }
}

const selects = ({ fieldSelector }: Asked, keys: readonly string[], value: string): boolean =>
  (fieldSelector ?? []).some((term) => term.operator === 'In' && keys.includes(term.key) && term.values[0] === value)
