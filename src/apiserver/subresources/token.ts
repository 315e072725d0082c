import { pods, type ServiceAccount, schemaOf, type TokenRequest } from '#api'
import { badRequest, conflict, failure, formatTime, notFound } from '#meta'
import { decodeBody, readAs } from '../registry/decode-body.ts'
import { checkWriteOptions } from '../registry/field-management.ts'
import { replyJson } from '../response.ts'
import { decodeOptionsOf } from '../rest/write-options.ts'
import type { Subresource } from './types.ts'

const EXPIRATION_SECONDS_MIN = 600
const EXPIRATION_SECONDS_DEFAULT = 3600
const EXPIRATION_SECONDS_MAX = 24 * 3600

/** `serviceaccounts/token`: a signed token for an account, bound to a pod or secret if the request says so. */
export const token: Subresource = {
  name: 'token',
  resources: ['serviceaccounts'],
  async handle(context, { registry, tokens }) {
    const { info, resource } = context
    const account = (await registry.get(resource, info.namespace, info.name)).object as ServiceAccount
    checkWriteOptions(context, 'CreateOptions', false)
    const options = decodeOptionsOf(context)
    const { value, duplicates } = await decodeBody(context.body, options)
    const request = readAs(
      value,
      duplicates,
      schemaOf('io.k8s.api.authentication.v1.TokenRequest'),
      { kind: 'TokenRequest', version: 'v1' },
      options,
    ) as TokenRequest
    const seconds = request.spec?.expirationSeconds ?? EXPIRATION_SECONDS_DEFAULT
    if (seconds < EXPIRATION_SECONDS_MIN) {
      const message = `Invalid value: ${seconds}: may not specify a duration less than 10 minutes`
      throw failure(422, 'Invalid', `TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: ${message}`, {
        group: 'authentication.k8s.io',
        kind: 'TokenRequest',
        causes: [{ reason: 'FieldValueInvalid', message, field: 'spec.expirationSeconds' }],
      })
    }
    const pod = await boundPod(request, info.namespace, registry)
    const audiences = request.spec?.audiences?.length ? request.spec.audiences : [tokens.issuer]
    const expirationSeconds = Math.min(seconds, EXPIRATION_SECONDS_MAX)
    const issued = await tokens.issue({
      namespace: info.namespace,
      serviceAccount: { name: info.name, uid: account.metadata?.uid ?? '' },
      ...pod,
      audiences,
      expirationSeconds,
    })
    return replyJson(201, {
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: { name: info.name, namespace: info.namespace },
      spec: { ...request.spec, audiences, expirationSeconds },
      status: { token: issued.token, expirationTimestamp: formatTime(issued.expiresAtMs) },
    })
  },
}

async function boundPod(request: TokenRequest, namespace: string, registry: Parameters<Subresource['handle']>[1]['registry']) {
  const reference = request.spec?.boundObjectRef
  if (reference === undefined) return {}
  if (reference.kind !== 'Pod')
    throw badRequest(`cannot bind token for serviceaccount to ${reference.kind}: only Pod is supported`)
  const name = reference.name ?? ''
  const pod = registry.cache.of(pods).get(`${namespace}/${name}`)?.object
  if (pod === undefined) throw notFound(pods, name)
  const uid = pod.metadata?.uid ?? ''
  if (reference.uid && reference.uid !== uid)
    throw conflict(
      pods,
      name,
      `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    )
  return { pod: { name, uid } }
}
