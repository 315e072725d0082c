import { schemaOf } from '#api'
import { badRequest, isObject, type KubernetesObject } from '#meta'
import type { RequestContext } from '../context.ts'
import { type DecodeOptions, decodeBody, readAs, readBody, UNVERSIONED } from '../registry/decode-body.ts'
import { checkDeleteOptions, type DeleteOptions, type DeleteRequest } from '../registry/deletion.ts'
import { booleanOf, wholeNumberOf } from './query-values.ts'

const DELETE_OPTIONS = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions'

/**
 * What a DELETE asks for: a body says all of it, and where there is one the query says nothing
 * (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/delete-options/). 400 for what can't be read, 422 for what means nothing.
 */
export async function deleteRequest(context: RequestContext): Promise<DeleteRequest> {
  const options = (await optionsOfBody(context)) ?? optionsOfQuery(context.query)
  checkDeleteOptions(options)
  const { propagationPolicy: named, orphanDependents, gracePeriodSeconds, preconditions, dryRun = [] } = options
  const policy = named ?? (orphanDependents === undefined ? undefined : orphanDependents ? 'Orphan' : 'Background')
  return {
    gracePeriodSeconds,
    propagationPolicy: policy,
    preconditions,
    dryRun: dryRun.length > 0,
    isAccepted: orphanDependents === false,
  }
}

async function optionsOfBody({ audit, body: sent, headers }: RequestContext): Promise<DeleteOptions | undefined> {
  const body = await readBody(sent)
  if (body === undefined || (body.kind === 'bytes' && body.bytes.length === 0)) return undefined
  const options: DecodeOptions = {
    type: { apiVersion: 'meta.k8s.io/v1', kind: 'DeleteOptions' },
    isBare: true,
    contentType: headers['content-type'],
    fieldValidation: 'Ignore',
    warnings: [],
    refuse: ({ message }) => badRequest(message),
    read: audit && ((object: KubernetesObject) => audit.requested(object)),
  }
  const { value } = await decodeBody(body, options)
  if (value === null) return {}
  checkOptionsKind(value)
  return readAs(
    { value, duplicates: [] },
    schemaOf(DELETE_OPTIONS),
    { kind: 'DeleteOptions', version: 'v1' },
    options,
  ) as DeleteOptions
}

const SCHEME = 'k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27'

/** Every group has its DeleteOptions; any other kind is somebody's mistake. */
function checkOptionsKind(value: unknown): void {
  if (!isObject(value)) return
  const { apiVersion, kind } = value
  if (typeof kind !== 'string' || kind === '' || kind === 'DeleteOptions') return
  const version = typeof apiVersion === 'string' && apiVersion !== '' ? apiVersion : 'v1'
  if (UNVERSIONED.has(kind)) throw badRequest(`converting (v1.${kind}) to (v1.DeleteOptions): unknown conversion`)
  throw badRequest(`no kind "${kind}" is registered for version "${version}" in scheme "${SCHEME}"`)
}

function optionsOfQuery(query: URLSearchParams): DeleteOptions {
  const [uid, resourceVersion] = [query.get('uid') || undefined, query.get('resourceVersion') || undefined]
  return {
    gracePeriodSeconds: wholeNumberOf(query, 'gracePeriodSeconds'),
    propagationPolicy: query.get('propagationPolicy') ?? undefined,
    orphanDependents: booleanOf(query, 'orphanDependents'),
    preconditions: uid === undefined && resourceVersion === undefined ? undefined : { uid, resourceVersion },
    dryRun: query.getAll('dryRun'),
  }
}
