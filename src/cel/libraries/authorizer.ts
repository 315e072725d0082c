import { declare } from '../types/declarations.ts'
import { bool, string, struct, type Type } from '../types/type.ts'
import { fail } from '../values/failure.ts'
import { Opaque } from '../values/opaque.ts'
import { suspend } from '../values/suspension.ts'
import type { Value } from '../values/value.ts'
import type { Library } from './library.ts'

/** What an expression asks the authorizer. The user is the request's, unless `serviceAccount` names another. */
export interface CheckAttributes {
  readonly verb: string
  readonly serviceAccount?: { readonly namespace: string; readonly name: string }
  /** For a request of no resource. */
  readonly path?: string
  readonly resource?: {
    readonly group: string
    readonly resource: string
    readonly subresource: string
    readonly namespace: string
    readonly name: string
    /** As written; the host parses them, and ignores what does not parse. */
    readonly fieldSelector?: string
    readonly labelSelector?: string
  }
}

export interface CheckDecision {
  readonly allowed: boolean
  readonly reason: string
  readonly error?: string
}

/** Decides for the user of the request. A promise makes the evaluation wait: use `evaluateAsync`. */
export type Authorize = (attributes: CheckAttributes) => CheckDecision | Promise<CheckDecision>

type Resource = NonNullable<CheckAttributes['resource']>
type ServiceAccount = CheckAttributes['serviceAccount']

export const authorizerType: Type = struct('kubernetes.authorization.Authorizer')
const pathCheckType: Type = struct('kubernetes.authorization.PathCheck')
const groupCheckType: Type = struct('kubernetes.authorization.GroupCheck')
export const resourceCheckType: Type = struct('kubernetes.authorization.ResourceCheck')
const decisionType: Type = struct('kubernetes.authorization.Decision')

/** The variable `authorizer`: make one for each request, since it keeps the decisions it got. */
export class Authorizer extends Opaque {
  override readonly typeName = 'kubernetes.authorization.Authorizer'
  private readonly authorize: Authorize
  private readonly serviceAccount: ServiceAccount
  private readonly decided: Map<string, CheckDecision>

  constructor(authorize: Authorize, serviceAccount?: ServiceAccount, decided = new Map<string, CheckDecision>()) {
    super()
    this.authorize = authorize
    this.serviceAccount = serviceAccount
    this.decided = decided
  }

  /** The variable `authorizer.requestResource`. */
  requestResource(resource: Resource): ResourceCheck {
    return new ResourceCheck(this, resource)
  }

  as(namespace: string, name: string): Authorizer {
    return new Authorizer(this.authorize, { namespace, name }, this.decided)
  }

  check(attributes: CheckAttributes): Decision {
    const asked = this.serviceAccount === undefined ? attributes : { ...attributes, serviceAccount: this.serviceAccount }
    const key = JSON.stringify(asked)
    const known = this.decided.get(key)
    if (known !== undefined) return new Decision(known)
    const decision = this.authorize(asked)
    if (decision instanceof Promise) return suspend(decision.then((value) => void this.decided.set(key, value)))
    this.decided.set(key, decision)
    return new Decision(decision)
  }
}

class PathCheck extends Opaque {
  override readonly typeName = 'kubernetes.authorization.PathCheck'
  private readonly authorizer: Authorizer
  private readonly path: string

  constructor(authorizer: Authorizer, path: string) {
    super()
    this.authorizer = authorizer
    this.path = path
  }

  check(verb: string): Decision {
    return this.authorizer.check({ verb, path: this.path })
  }
}

class GroupCheck extends Opaque {
  override readonly typeName = 'kubernetes.authorization.GroupCheck'
  readonly authorizer: Authorizer
  readonly group: string

  constructor(authorizer: Authorizer, group: string) {
    super()
    this.authorizer = authorizer
    this.group = group
  }
}

class ResourceCheck extends Opaque {
  override readonly typeName = 'kubernetes.authorization.ResourceCheck'
  private readonly authorizer: Authorizer
  private readonly resource: Resource

  constructor(authorizer: Authorizer, resource: Resource) {
    super()
    this.authorizer = authorizer
    this.resource = resource
  }

  with(more: Partial<Resource>): ResourceCheck {
    return new ResourceCheck(this.authorizer, { ...this.resource, ...more })
  }

  check(verb: string): Decision {
    return this.authorizer.check({ verb, resource: this.resource })
  }
}

class Decision extends Opaque {
  override readonly typeName = 'kubernetes.authorization.Decision'
  readonly decision: CheckDecision

  constructor(decision: CheckDecision) {
    super()
    this.decision = decision
  }
}

const LABEL = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/
const isLabel = (text: string): boolean => text.length <= 63 && LABEL.test(text)
const isSubdomain = (text: string): boolean => text.length <= 253 && text.split('.').every((part) => LABEL.test(part))

function serviceAccount(authorizer: Value, namespace: Value, name: Value): Authorizer {
  if (!isSubdomain(name as string)) return fail('Invalid service account name')
  if (!isLabel(namespace as string)) return fail('Invalid service account namespace')
  return (authorizer as Authorizer).as(namespace as string, name as string)
}

/** Go's spaces, which are Unicode's. */
const isBlank = (text: string): boolean => /^\p{White_Space}*$/u.test(text)

function resource(check: Value, name: Value): ResourceCheck {
  if (isBlank(name as string)) return fail('resource must not be empty')
  const { authorizer, group } = check as GroupCheck
  return authorizer.requestResource({ group, resource: name as string, subresource: '', namespace: '', name: '' })
}

const path = (authorizer: Value, path: Value): PathCheck =>
  isBlank(path as string) ? fail('path must not be empty') : new PathCheck(authorizer as Authorizer, path as string)

const narrow = (name: string, id: string, field: keyof Resource) =>
  declare(name, {
    members: [
      [
        id,
        [resourceCheckType, string],
        resourceCheckType,
        (check, value) => (check as ResourceCheck).with({ [field]: value as string }),
      ],
    ],
  })

const read = (name: string, type: Type, of: (decision: CheckDecision) => Value) =>
  declare(name, { members: [[`decision_${name}`, [decisionType], type, (decision) => of((decision as Decision).decision)]] })

/** https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-authorizer-library */
export const authorizerLibrary: Library = {
  name: 'kubernetes.authz',
  functions: [
    declare('path', { members: [['authorizer_path', [authorizerType, string], pathCheckType, path]] }),
    declare('group', {
      members: [
        [
          'authorizer_group',
          [authorizerType, string],
          groupCheckType,
          (authorizer, group) => new GroupCheck(authorizer as Authorizer, group as string),
        ],
      ],
    }),
    declare('serviceAccount', {
      members: [['authorizer_serviceaccount', [authorizerType, string, string], authorizerType, serviceAccount]],
    }),
    declare('resource', { members: [['groupcheck_resource', [groupCheckType, string], resourceCheckType, resource]] }),
    narrow('subresource', 'resourcecheck_subresource', 'subresource'),
    narrow('namespace', 'resourcecheck_namespace', 'namespace'),
    narrow('name', 'resourcecheck_name', 'name'),
    declare('check', {
      members: [
        ['pathcheck_check', [pathCheckType, string], decisionType, (check, verb) => (check as PathCheck).check(verb as string)],
        [
          'resourcecheck_check',
          [resourceCheckType, string],
          decisionType,
          (check, verb) => (check as ResourceCheck).check(verb as string),
        ],
      ],
    }),
    read('allowed', bool, ({ allowed }) => allowed),
    read('reason', string, ({ reason }) => reason),
    read('errored', bool, ({ error }) => error !== undefined),
    read('error', string, ({ error }) => error ?? ''),
  ],
}

/** Selectors in checks of lists and watches. */
export const authorizerSelectorsLibrary: Library = {
  name: 'kubernetes.authzSelectors',
  functions: [
    narrow('fieldSelector', 'authorizer_fieldselector', 'fieldSelector'),
    narrow('labelSelector', 'authorizer_labelselector', 'labelSelector'),
  ],
}
