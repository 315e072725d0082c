import { clusterRoleBindings, type RoleBinding, roleBindings, type Subject } from '#api'
import type { UserInfo } from '#client'
import type { KubernetesObject } from '#meta'
import type { CacheEvent } from '../../watch-cache/resource-cache.ts'
import type { WatchCache } from '../../watch-cache/watch-cache.ts'

/** One subject of one binding. */
export interface Bound {
  readonly bindingName: string
  /** Where the role is granted; '' is the whole cluster. */
  readonly namespace: string
  readonly roleKind: string
  readonly roleName: string
  readonly subject: Subject
}

/** By the binding's name, since one binding may name a subject twice and is told as a whole. */
type Bindings = Map<string, Bound>

/**
 * Which bindings name a subject, by the subject: a decision looks at those of one user and its groups, however many others there are. It follows
 * the bindings one by one. Group `dev` bound as `view` in `a` and as `edit` everywhere is:
 *
 *     'Group dev' → { '' → { everywhere → edit }, 'a' → { readers → view } }
 */
export class BindingIndex {
  readonly #cache: WatchCache
  #subjects: Map<string, Map<string, Bindings>> | undefined

  constructor(cache: WatchCache) {
    this.#cache = cache
    for (const resource of [clusterRoleBindings, roleBindings]) cache.of(resource).subscribe((event) => this.#follow(event))
  }

  /** Grants in the whole cluster first, then in `namespace`: by the user's name, then by its groups. */
  *boundTo({ username, groups }: UserInfo, namespace: string): Iterable<Bound> {
    const subjects = (this.#subjects ??= this.#build())
    const keys = [userKey(username), ...groups.map(groupKey)]
    for (const where of namespace === '' ? [''] : ['', namespace]) {
      for (const key of keys) {
        const bindings = subjects.get(key)?.get(where)
        if (bindings !== undefined) yield* bindings.values()
      }
    }
  }

  /** Nothing is read before the first question, so that a server that starts over a large cluster is not held up. */
  #build(): Map<string, Map<string, Bindings>> {
    const subjects = new Map<string, Map<string, Bindings>>()
    for (const resource of [clusterRoleBindings, roleBindings])
      for (const binding of this.#cache.of(resource).objects()) add(subjects, binding)
    return subjects
  }

  #follow({ type, version, previous }: CacheEvent): void {
    if (this.#subjects === undefined) return
    if (previous !== undefined) remove(this.#subjects, previous.object)
    if (type !== 'DELETED') add(this.#subjects, version.object)
  }
}

function add(subjects: Map<string, Map<string, Bindings>>, object: KubernetesObject): void {
  const { metadata, subjects: named, roleRef } = object as RoleBinding
  const { name: bindingName = '', namespace = '' } = metadata ?? {}
  for (const subject of named ?? []) {
    const key = keyOf(subject, namespace)
    if (key === undefined) continue
    let places = subjects.get(key)
    if (places === undefined) subjects.set(key, (places = new Map()))
    let bindings = places.get(namespace)
    if (bindings === undefined) places.set(namespace, (bindings = new Map()))
    bindings.set(bindingName, { bindingName, namespace, roleKind: roleRef.kind, roleName: roleRef.name, subject })
  }
}

function remove(subjects: Map<string, Map<string, Bindings>>, object: KubernetesObject): void {
  const { metadata, subjects: named } = object as RoleBinding
  const { name = '', namespace = '' } = metadata ?? {}
  for (const subject of named ?? []) {
    const key = keyOf(subject, namespace)
    const places = key === undefined ? undefined : subjects.get(key)
    const bindings = places?.get(namespace)
    if (bindings === undefined) continue
    bindings.delete(name)
    if (bindings.size === 0) places!.delete(namespace)
    if (places!.size === 0) subjects.delete(key!)
  }
}

function keyOf({ kind, name, namespace }: Subject, bindingNamespace: string): string | undefined {
  switch (kind) {
    case 'User':
      return userKey(name)
    case 'Group':
      return groupKey(name)
    case 'ServiceAccount':
      return userKey(`system:serviceaccount:${namespace || bindingNamespace}:${name}`)
    default:
      return undefined
  }
}

const userKey = (name: string): string => `User ${name}`
const groupKey = (name: string): string => `Group ${name}`
