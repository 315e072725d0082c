import type { KubernetesObject } from '#meta'
import type { Ingress, IngressBackend } from '../generated/types.ts'

interface OldBackend {
  readonly serviceName?: string
  readonly servicePort?: number | string
  readonly resource?: IngressBackend['resource']
}

interface OldPath {
  readonly path?: string
  readonly pathType?: string
  readonly backend?: OldBackend
}

interface OldRule {
  readonly host?: string
  readonly http?: { readonly paths?: readonly OldPath[] | null }
}

interface OldIngress extends KubernetesObject {
  readonly spec?: Omit<NonNullable<Ingress['spec']>, 'defaultBackend' | 'rules'> & {
    readonly backend?: OldBackend
    readonly rules?: readonly OldRule[] | null
  }
}

/** Of networking.k8s.io/v1beta1 and extensions/v1beta1: the service of a backend stood in two fields, and a path without a type was up to the controller. */
export function ingress(object: KubernetesObject): KubernetesObject {
  const { backend, rules, ...rest } = (object as OldIngress).spec ?? {}
  const spec = {
    ...rest,
    ...(backend && { defaultBackend: backendOf(backend) }),
    ...(rules && { rules: rules.map(ruleOf) }),
  }
  return { ...object, spec } as KubernetesObject
}

const ruleOf = ({ http, ...rule }: OldRule): object => ({
  ...rule,
  ...(http && {
    http: {
      paths: (http.paths ?? []).map(({ pathType = 'ImplementationSpecific', backend = {}, ...path }) => ({
        ...path,
        pathType,
        backend: backendOf(backend),
      })),
    },
  }),
})

function backendOf({ serviceName = '', servicePort = 0, resource }: OldBackend): IngressBackend {
  const hasService = serviceName !== '' || servicePort !== 0
  const port = typeof servicePort === 'string' ? { name: servicePort } : { number: servicePort }
  return { ...(resource && { resource }), ...(hasService && { service: { name: serviceName, port } }) }
}
