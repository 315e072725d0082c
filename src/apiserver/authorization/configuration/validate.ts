import { statSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { complaints, duplicateValue, foundBy, invalidValue, oneOf, required, subdomainName, tooMany, unsupported } from '#api'
import { type FieldError, parseGoDuration } from '#meta'
import { MatchConditions } from '../review/conditions.ts'
import type { RawAuthorizer, RawWebhook } from './configuration.ts'

const TYPES = ['AlwaysAllow', 'AlwaysDeny', 'Node', 'RBAC', 'Webhook']
const VERSIONS = ['v1', 'v1beta1']
const TIMEOUT_MS_MAX = 30_000
const CONDITIONS_MAX = 64

/** What is wrong with a configuration, at upstream's field paths. */
export async function* findingsOf(authorizers: readonly RawAuthorizer[], hasPolicies = false): AsyncIterable<FieldError> {
  const known = hasPolicies ? ['ABAC', ...TYPES] : TYPES
  if (authorizers.length === 0) yield required('authorizers', 'at least one authorization mode must be defined')
  const [types, names] = [new Set<string>(), new Set<string>()]
  for (const [index, { type = '', name = '', webhook }] of authorizers.entries()) {
    const path = `authorizers[${index}]`
    if (type === '') {
      yield required(`${path}.type`)
      continue
    }
    if (!known.includes(type)) {
      yield unsupported(`${path}.type`, type, known)
      continue
    }
    // Only webhooks can be asked twice.
    if (type !== 'Webhook' && types.has(type)) yield duplicateValue(`${path}.type`, type)
    types.add(type)
    if (name === '') yield required(`${path}.name`)
    else if (names.has(name)) yield duplicateValue(`${path}.name`, name)
    else yield* foundBy((found) => complaints(subdomainName(name), name, `${path}.name`, found))
    names.add(name)
    if (type !== 'Webhook' && webhook !== undefined)
      yield invalidValue(`${path}.webhook`, 'non-null', 'may only be specified when type=Webhook')
    if (type !== 'Webhook') continue
    if (webhook === undefined) yield required(`${path}.webhook`, 'required when type=Webhook')
    else yield* webhookFindings(webhook, `${path}.webhook`)
  }
}

async function* webhookFindings(webhook: RawWebhook, path: string): AsyncIterable<FieldError> {
  const { timeout, authorizedTTL, unauthorizedTTL, connectionInfo, matchConditions = [] } = webhook
  yield* durationFindings(timeout, `${path}.timeout`, TIMEOUT_MS_MAX, 'must be > 0s and <= 30s')
  // There is a default for what is left out.
  if (authorizedTTL !== undefined) yield* durationFindings(authorizedTTL, `${path}.authorizedTTL`, Infinity, 'must be > 0s')
  if (unauthorizedTTL !== undefined) yield* durationFindings(unauthorizedTTL, `${path}.unauthorizedTTL`, Infinity, 'must be > 0s')
  yield* foundBy((found) => oneOf(webhook.subjectAccessReviewVersion, VERSIONS, `${path}.subjectAccessReviewVersion`, found))
  const conditionVersion = webhook.matchConditionSubjectAccessReviewVersion
  if (conditionVersion !== undefined || matchConditions.length > 0)
    yield* foundBy((found) => oneOf(conditionVersion, ['v1'], `${path}.matchConditionSubjectAccessReviewVersion`, found))
  yield* foundBy((found) => oneOf(webhook.failurePolicy, ['Deny', 'NoOpinion'], `${path}.failurePolicy`, found))
  yield* connectionFindings(connectionInfo, `${path}.connectionInfo`)
  if (matchConditions.length > CONDITIONS_MAX) yield tooMany(`${path}.matchConditions`, matchConditions.length, CONDITIONS_MAX)
  const seen = new Set<string>()
  for (const [index, { expression = '' }] of matchConditions.entries()) {
    const at = `${path}.matchConditions[${index}].expression`
    if (expression.trim() === '') yield required(at)
    else if (seen.has(expression)) yield duplicateValue(at, expression)
    else yield* compileFindings(expression, at)
    seen.add(expression)
  }
}

function* durationFindings(value: string | undefined, path: string, maxMs: number, rule: string): Iterable<FieldError> {
  if (value === undefined || value === '') {
    yield required(path)
    return
  }
  const ms = parseGoDuration(value)
  if (ms === undefined || ms <= 0 || ms > maxMs) yield invalidValue(path, value, rule)
}

function* connectionFindings(connection: RawWebhook['connectionInfo'], path: string): Iterable<FieldError> {
  const { type = '', kubeConfigFile } = connection ?? {}
  const file = `${path}.kubeConfigFile`
  yield* foundBy((found) => oneOf(type, ['InClusterConfig', 'KubeConfigFile'], `${path}.type`, found))
  if (type === 'InClusterConfig' && kubeConfigFile !== undefined)
    yield invalidValue(file, kubeConfigFile, 'can only be set when type=KubeConfigFile')
  if (type !== 'KubeConfigFile') return
  if (!kubeConfigFile) yield required(file)
  else if (!isAbsolute(kubeConfigFile)) yield invalidValue(file, kubeConfigFile, 'must be an absolute path')
  else {
    const found = statSync(kubeConfigFile, { throwIfNoEntry: false })
    if (found === undefined)
      yield invalidValue(file, kubeConfigFile, `error loading file: stat ${kubeConfigFile}: no such file or directory`)
    else if (!found.isFile()) yield invalidValue(file, kubeConfigFile, 'must be a regular file')
  }
}

async function* compileFindings(expression: string, path: string): AsyncIterable<FieldError> {
  try {
    await MatchConditions.compile([expression])
  } catch (error) {
    yield invalidValue(path, expression, `compilation failed: ${(error as Error).message}`)
  }
}
