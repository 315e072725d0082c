import type { Type, TypeProvider } from '#cel'

type Cel = typeof import('#cel')

const REQUEST = 'kubernetes.AdmissionRequest'
const NAMESPACE = 'kubernetes.Namespace'

/** A request and a namespace as expressions of policies and webhooks see them, field by field; their data is read as it is. */
export interface RequestTypes {
  readonly request: Type
  readonly namespaceObject: Type
  readonly provider: TypeProvider
}

/** https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#validation-expression */
export function requestTypes({ types }: Cel): RequestTypes {
  const { string, struct, list, int, timestamp } = types
  const texts = list(string)
  const labels = types.map(string, string)
  const kind = struct('kubernetes.GroupVersionKind')
  const resource = struct('kubernetes.GroupVersionResource')
  const known: Readonly<Record<string, Readonly<Record<string, Type>>>> = {
    [kind.name]: { group: string, version: string, kind: string },
    [resource.name]: { group: string, version: string, resource: string },
    'kubernetes.UserInfo': { username: string, uid: string, groups: texts, extra: types.map(string, texts) },
    [REQUEST]: {
      kind,
      resource,
      subResource: string,
      requestKind: kind,
      requestResource: resource,
      requestSubResource: string,
      name: string,
      namespace: string,
      operation: string,
      userInfo: struct('kubernetes.UserInfo'),
      dryRun: types.bool,
      options: types.dyn,
    },
    'kubernetes.NamespaceSpec': { finalizers: texts },
    'kubernetes.NamespaceCondition': {
      status: string,
      type: string,
      lastTransitionTime: timestamp,
      message: string,
      reason: string,
    },
    'kubernetes.NamespaceStatus': { conditions: list(struct('kubernetes.NamespaceCondition')), phase: string },
    'kubernetes.NamespaceMetadata': {
      name: string,
      generateName: string,
      namespace: string,
      labels,
      annotations: labels,
      UID: string,
      creationTimestamp: timestamp,
      deletionGracePeriodSeconds: int,
      deletionTimestamp: timestamp,
      generation: int,
      resourceVersion: string,
      finalizers: texts,
    },
    [NAMESPACE]: {
      metadata: struct('kubernetes.NamespaceMetadata'),
      spec: struct('kubernetes.NamespaceSpec'),
      status: struct('kubernetes.NamespaceStatus'),
    },
  }
  return {
    request: struct(REQUEST),
    namespaceObject: struct(NAMESPACE),
    provider: {
      hasType: (name) => Object.hasOwn(known, name),
      field(name, field) {
        const fields = Object.hasOwn(known, name) ? known[name]! : {}
        return Object.hasOwn(fields, field) ? { type: fields[field]! } : undefined
      },
    },
  }
}
