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

/** By where they grant: in a namespace, or everywhere (''). */
type Places = Map<string, Bindings>

interface Subjects {
  readonly users: Map<string, Places>
  readonly groups: Map<string, Places>
}

/**
 * Which bindings name a subject, by the subject: a decision looks at those of one user and its groups, however many others there are. It follows
 * the bindings one by one. Group `dev` bound as `view` in `a` and as `edit` everywhere is:
 *
 *     groups: 'dev' → { '' → { everywhere → edit }, 'a' → { readers → view } }
 */
export class BindingIndex {
  readonly #cache: WatchCache
  #subjects: Subjects | undefined

  constructor(cache: WatchCache) {
    this.#cache = cache
    for (const resource of [clusterRoleBindings, roleBindings]) cache.of(resource).subscribe((event) => this.#follow(event))
  }

  /** Grants in the whole cluster first, then in `namespace`: by the user's name, then by its groups. */
  boundTo({ username, groups }: UserInfo, namespace: string): readonly Bound[] {
    const subjects = (this.#subjects ??= this.#build())
    const places = [subjects.users.get(username)]
    for (const group of groups) places.push(subjects.groups.get(group))
    const found: Bound[] = []
    collect(places, '', found)
    if (namespace !== '') collect(places, namespace, found)
    return found
  }

  /** Nothing is read before the first question, so that a server that starts over a large cluster is not held up. */
  #build(): Subjects {
    const subjects: Subjects = { users: new Map(), groups: new Map() }
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

function collect(places: readonly (Places | undefined)[], namespace: string, found: Bound[]): void {
  for (const place of places) {
    const bindings = place?.get(namespace)
    if (bindings !== undefined) for (const bound of bindings.values()) found.push(bound)
  }
}

function add(subjects: Subjects, object: KubernetesObject): void {
  const { metadata, subjects: named, roleRef } = object as RoleBinding
  const { name: bindingName = '', namespace = '' } = metadata ?? {}
  for (const subject of named ?? []) {
    const [kind, key] = keyOf(subject, namespace)
    if (kind === undefined) continue
    let places = subjects[kind].get(key)
    if (places === undefined) subjects[kind].set(key, (places = new Map()))
    let bindings = places.get(namespace)
    if (bindings === undefined) places.set(namespace, (bindings = new Map()))
    bindings.set(bindingName, { bindingName, namespace, roleKind: roleRef.kind, roleName: roleRef.name, subject })
  }
}

function remove(subjects: Subjects, object: KubernetesObject): void {
  const { metadata, subjects: named } = object as RoleBinding
  const { name = '', namespace = '' } = metadata ?? {}
  for (const subject of named ?? []) {
    const [kind, key] = keyOf(subject, namespace)
    const places = kind === undefined ? undefined : subjects[kind].get(key)
    const bindings = places?.get(namespace)
    if (bindings === undefined) continue
    bindings.delete(name)
    if (bindings.size === 0) places!.delete(namespace)
    if (places!.size === 0) subjects[kind!].delete(key)
  }
}

/** Among whom a subject is found, and as whom; nowhere for kinds that there are none of. */
function keyOf({ kind, name, namespace }: Subject, bindingNamespace: string): readonly [keyof Subjects | undefined, string] {
  switch (kind) {
    case 'User':
      return ['users', name]
    case 'Group':
      return ['groups', name]
    case 'ServiceAccount':
      return ['users', `system:serviceaccount:${namespace || bindingNamespace}:${name}`]
    default:
      return [undefined, name]
  }
}
