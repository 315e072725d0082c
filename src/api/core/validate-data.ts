import { deepEqual } from '#base'
import type { ConfigMap, Secret } from '../generated/types.ts'
import { complaints, type Findings, forbid, IMMUTABLE, invalidValue, required, tooLong } from '../validation/findings.ts'
import { configKey } from '../validation/names.ts'

/** More would not fit comfortably into the store. */
const DATA_BYTES_MAX = 1024 * 1024

const FROZEN = 'field is immutable when `immutable` is set'

export function* validateConfigMap({ data = {}, binaryData = {} }: ConfigMap): Findings {
  let size = 0
  for (const [key, text] of Object.entries(data)) {
    yield* complaints(configKey(key), key, `data[${key}]`)
    if (Object.hasOwn(binaryData, key)) yield invalidValue(`data[${key}]`, key, 'duplicate of key present in binaryData')
    size += Buffer.byteLength(text)
  }
  for (const [key, bytes] of Object.entries(binaryData)) {
    yield* complaints(configKey(key), key, `binaryData[${key}]`)
    size += base64Length(bytes)
  }
  // Upstream's path of the whole object prints like this.
  if (size > DATA_BYTES_MAX) yield tooLong('[]', DATA_BYTES_MAX)
}

export function* validateConfigMapUpdate(object: ConfigMap, old: ConfigMap): Findings {
  if (!old.immutable) return
  if (!object.immutable) yield forbid('immutable', FROZEN)
  if (!deepEqual(object.data ?? {}, old.data ?? {})) yield forbid('data', FROZEN)
  if (!deepEqual(object.binaryData ?? {}, old.binaryData ?? {})) yield forbid('binaryData', FROZEN)
}

export function* validateSecret({ metadata, type, data = {} }: Secret): Findings {
  let size = 0
  for (const [key, bytes] of Object.entries(data)) {
    yield* complaints(configKey(key), key, `data[${key}]`)
    size += base64Length(bytes)
  }
  if (size > DATA_BYTES_MAX) yield tooLong('data', DATA_BYTES_MAX)
  switch (type) {
    case 'kubernetes.io/service-account-token':
      if (!metadata?.annotations?.['kubernetes.io/service-account.name']) {
        yield required('metadata.annotations[kubernetes.io/service-account.name]')
      }
      break
    case 'kubernetes.io/dockercfg':
      yield* dockerConfig(data, '.dockercfg')
      break
    case 'kubernetes.io/dockerconfigjson':
      yield* dockerConfig(data, '.dockerconfigjson')
      break
    case 'kubernetes.io/basic-auth':
      if (data['username'] === undefined && data['password'] === undefined) {
        yield required('data[username]')
        yield required('data[password]')
      }
      break
    case 'kubernetes.io/ssh-auth':
      if (!data['ssh-privatekey']) yield required('data[ssh-privatekey]')
      break
    case 'kubernetes.io/tls':
      for (const key of ['tls.crt', 'tls.key']) if (data[key] === undefined) yield required(`data[${key}]`)
      break
    default:
  }
}

export function* validateSecretUpdate(object: Secret, old: Secret): Findings {
  if (object.type !== old.type) yield invalidValue('type', object.type ?? '', IMMUTABLE)
  if (!old.immutable) return
  if (!object.immutable) yield forbid('immutable', FROZEN)
  if (!deepEqual(object.data ?? {}, old.data ?? {})) yield forbid('data', FROZEN)
}

function* dockerConfig(data: Readonly<Record<string, string>>, key: string): Findings {
  const encoded = data[key]
  if (encoded === undefined) {
    yield required(`data[${key}]`)
    return
  }
  try {
    JSON.parse(Buffer.from(encoded, 'base64').toString())
  } catch {
    yield invalidValue(`data[${key}]`, '<secret contents redacted>', 'invalid character in JSON')
  }
}

const base64Length = (text: string): number => Math.floor((text.replace(/=+$/, '').length * 3) / 4)
