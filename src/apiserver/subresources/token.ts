import { invalidValue, nodes, type Pod, pods, type ServiceAccount, schemaOf, secrets, type TokenRequest } from '#api'
import { badRequest, conflict, type FieldError, formatTime, invalid, type KubernetesObject, notFound } from '#meta'
import { decodeBody, readAs } from '../registry/decode-body.ts'
import { checkWriteOptions } from '../registry/field-management.ts'
import { keyIn, type Registry } from '../registry/registry.ts'
import { replyObject } from '../response.ts'
import { decodeOptionsOf, isDryRun } from '../rest/write-options.ts'
import type { Subresource } from './types.ts'

const EXPIRATION_SECONDS_MIN = 600
const EXPIRATION_SECONDS_DEFAULT = 3600
/** What the tokens that pods ask for by themselves last, as far as the pod is told; and how long they are accepted, so that clients that never read them anew go on. */
const PROJECTED_EXPIRATION_SECONDS = 3607
const EXTENDED_EXPIRATION_SECONDS = 365 * 24 * 3600
/** More can't be meant. */
const EXPIRATION_SECONDS_ACCEPTED = 2 ** 32

/** `serviceaccounts/token`: a signed token for an account, bound to a pod or secret if the request says so. */
export const token: Subresource = {
  name: 'token',
  resources: ['serviceaccounts'],
  async handle(context, { registry, tokens, clock }) {
    const { info, resource } = context
    const account = (await registry.get(resource, info.namespace, info.name)).object as ServiceAccount
    checkWriteOptions(context, 'CreateOptions', false)
    const options = decodeOptionsOf(context, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest' })
    const request = readAs(
      await decodeBody(context.body, options),
      schemaOf('io.k8s.api.authentication.v1.TokenRequest'),
      { kind: 'TokenRequest', version: 'v1' },
      options,
    ) as TokenRequest
    const seconds = request.spec?.expirationSeconds ?? EXPIRATION_SECONDS_DEFAULT
    refuseDuration(seconds)
    await registry.admit(context, {
      operation: 'CREATE',
      subresource: 'token',
      name: info.name,
      object: request,
      oldObject: undefined,
      dryRun: isDryRun(context),
      kind: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' },
    })
    const bound = boundObject(request, account, registry)
    const audiences = request.spec?.audiences?.length ? request.spec.audiences : [...tokens.audiences]
    const { maxExpirationSeconds = 0, extendExpiration = true } = tokens.options
    const expirationSeconds = maxExpirationSeconds > 0 ? Math.min(seconds, maxExpirationSeconds) : seconds
    if (expirationSeconds < seconds)
      context.warnings.push(`requested expiration of ${seconds} seconds shortened to ${expirationSeconds} seconds`)
    // The pod reads its token anew in time all the same; who does not is noticed by the time in it.
    const isExtended =
      extendExpiration &&
      bound.pod !== undefined &&
      expirationSeconds === PROJECTED_EXPIRATION_SECONDS &&
      audiences.every((audience) => tokens.audiences.includes(audience))
    const expiresAtMs = Math.floor(clock.now() / 1000) * 1000 + expirationSeconds * 1000
    const issued = await tokens.issue({
      namespace: info.namespace,
      serviceAccount: { name: info.name, uid: account.metadata?.uid ?? '' },
      ...bound,
      audiences,
      expirationSeconds: isExtended ? EXTENDED_EXPIRATION_SECONDS : expirationSeconds,
      ...(isExtended && { warnAfterSeconds: expirationSeconds }),
    })
    context.audit?.annotations.set('authentication.kubernetes.io/issued-credential-id', `JTI=${idOf(issued)}`)
    return replyObject(201, {
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: { name: info.name, namespace: info.namespace },
      spec: { ...request.spec, audiences, expirationSeconds },
      status: { token: issued, expirationTimestamp: formatTime(expiresAtMs) },
    })
  },
}

/** A token's own id, by which it can be found again without being known. */
function idOf(token: string): string {
  const [, claims = ''] = token.split('.')
  return (JSON.parse(Buffer.from(claims, 'base64url').toString()) as { readonly jti: string }).jti
}

function refuseDuration(seconds: number): void {
  const field = 'spec.expirationSeconds'
  const errors: FieldError[] = []
  if (seconds < EXPIRATION_SECONDS_MIN)
    errors.push(invalidValue(field, seconds, 'may not specify a duration less than 10 minutes'))
  if (seconds > EXPIRATION_SECONDS_ACCEPTED)
    errors.push(invalidValue(field, seconds, 'may not specify a duration larger than 2^32 seconds'))
  if (errors.length > 0) throw invalid({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, '', errors)
}

interface Reference {
  readonly name: string
  readonly uid: string
}

/** What the token lives and dies with; a pod's token also says where the pod runs. */
function boundObject(
  { spec }: TokenRequest,
  { metadata }: ServiceAccount,
  registry: Registry,
): { readonly pod?: Reference; readonly secret?: Reference; readonly node?: Reference } {
  const reference = spec?.boundObjectRef
  if (reference === undefined) return {}
  const { kind = '', apiVersion = '', name = '', uid } = reference
  const namespace = metadata?.namespace
  const find = (resource: typeof pods | typeof secrets | typeof nodes): KubernetesObject => {
    const object = registry.cache.of(resource as never).get(keyIn(resource as never, namespace, name))?.object
    if (object === undefined) throw notFound(resource, name)
    if (uid && uid !== object.metadata?.uid) {
      const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`
      throw conflict({ group: '', names: { plural: kind } }, name, why)
    }
    return object
  }
  const referenceTo = ({ metadata: own }: KubernetesObject): Reference => ({ name: own?.name ?? '', uid: own?.uid ?? '' })
  if (apiVersion === 'v1' && kind === 'Pod') {
    const pod = find(pods) as Pod
    if (pod.spec?.serviceAccountName !== metadata?.name) {
      const rule = `cannot bind token for serviceaccount ${JSON.stringify(metadata?.name)} to pod running with different serviceaccount name.`
      throw badRequest(rule)
    }
    const node = pod.spec?.nodeName && registry.cache.of(nodes).get(pod.spec.nodeName)?.object
    return { pod: referenceTo(pod), ...(node && { node: referenceTo(node) }) }
  }
  if (apiVersion === 'v1' && kind === 'Secret') return { secret: referenceTo(find(secrets)) }
  if (apiVersion === 'v1' && kind === 'Node') return { node: referenceTo(find(nodes)) }
  throw badRequest(
    `cannot bind token to object of type ${apiVersion.includes('/') ? apiVersion : `/${apiVersion}`}, Kind=${kind}`,
  )
}
