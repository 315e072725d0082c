import { deepEqual } from '#base'
import { jsonProblem } from '#meta'
import type { ConfigMap, Secret } from '../generated/types.ts'
import { complaints, type Findings, forbid, IMMUTABLE, invalidValue, required, tooLong, WHOLE } from '../validation/findings.ts'
import { configKey } from '../validation/names.ts'

/** More would not fit comfortably into the store. */
const DATA_BYTES_MAX = 1024 * 1024

const FROZEN = 'field is immutable when `immutable` is set'

export function validateConfigMap({ data = {}, binaryData = {} }: ConfigMap, found: Findings): void {
  let size = 0
  for (const [key, text] of Object.entries(data)) {
    complaints(configKey(key), key, `data[${key}]`, found)
    if (Object.hasOwn(binaryData, key)) found.push(invalidValue(`data[${key}]`, key, 'duplicate of key present in binaryData'))
    size += Buffer.byteLength(text)
  }
  for (const [key, bytes] of Object.entries(binaryData)) {
    complaints(configKey(key), key, `binaryData[${key}]`, found)
    size += base64Length(bytes)
  }
  if (size > DATA_BYTES_MAX) found.push(tooLong(WHOLE, DATA_BYTES_MAX))
}

/** All there is to say of an update; what it may not change comes first. */
export function validateConfigMapUpdate(object: ConfigMap, old: ConfigMap, found: Findings): void {
  if (old.immutable) {
    if (!object.immutable) found.push(forbid('immutable', FROZEN))
    if (!deepEqual(object.data ?? {}, old.data ?? {})) found.push(forbid('data', FROZEN))
    if (!deepEqual(object.binaryData ?? {}, old.binaryData ?? {})) found.push(forbid('binaryData', FROZEN))
  }
  validateConfigMap(object, found)
}

export function validateSecret({ metadata, type, data = {} }: Secret, found: Findings): void {
  let size = 0
  for (const [key, bytes] of Object.entries(data)) {
    complaints(configKey(key), key, `data[${key}]`, found)
    size += base64Length(bytes)
  }
  if (size > DATA_BYTES_MAX) found.push(tooLong('data', DATA_BYTES_MAX))
  switch (type) {
    case 'kubernetes.io/service-account-token':
      if (!metadata?.annotations?.['kubernetes.io/service-account.name']) {
        found.push(required('metadata.annotations[kubernetes.io/service-account.name]'))
      }
      break
    case 'kubernetes.io/dockercfg':
      dockerConfig(data, '.dockercfg', found)
      break
    case 'kubernetes.io/dockerconfigjson':
      dockerConfig(data, '.dockerconfigjson', found)
      break
    case 'kubernetes.io/basic-auth':
      if (data['username'] === undefined && data['password'] === undefined) {
        found.push(required('data[username]'))
        found.push(required('data[password]'))
      }
      break
    case 'kubernetes.io/ssh-auth':
      if (!data['ssh-privatekey']) found.push(required('data[ssh-privatekey]'))
      break
    case 'kubernetes.io/tls':
      for (const key of ['tls.crt', 'tls.key']) if (data[key] === undefined) found.push(required(`data[${key}]`))
      break
    default:
  }
}

/** As {@link validateConfigMapUpdate}. */
export function validateSecretUpdate(object: Secret, old: Secret, found: Findings): void {
  if (object.type !== old.type) found.push(invalidValue('type', object.type ?? '', IMMUTABLE))
  if (old.immutable) {
    if (!object.immutable) found.push(forbid('immutable', FROZEN))
    if (!deepEqual(object.data ?? {}, old.data ?? {})) found.push(forbid('data', FROZEN))
  }
  validateSecret(object, found)
}

function dockerConfig(data: Readonly<Record<string, string>>, key: string, found: Findings): void {
  const encoded = data[key]
  if (encoded === undefined) {
    found.push(required(`data[${key}]`))
    return
  }
  const bytes = Buffer.from(encoded, 'base64')
  const problem = jsonProblem(bytes) ?? unlessObject(JSON.parse(bytes.toString()))
  if (problem !== undefined) found.push(invalidValue(`data[${key}]`, '<secret contents redacted>', problem))
}

function unlessObject(value: unknown): string | undefined {
  const type = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value
  return type === 'object' ? undefined : `json: cannot unmarshal ${type} into Go value of type map[string]interface {}`
}

const base64Length = (text: string): number => Math.floor((text.replace(/=+$/, '').length * 3) / 4)
