import { invalidValue, required } from '#api'
import type { FieldError } from '#meta'
import type {
  EncryptionConfiguration,
  KeyConfiguration,
  KeysConfiguration,
  KmsConfiguration,
  ProviderConfiguration,
} from './configuration.ts'
import { type GroupResource, groupResourceOf } from './group-resource.ts'

const AES_KEY_BYTES = [16, 24, 32]
const SECRETBOX_KEY_BYTES = [32]

/** What is wrong with a configuration, in upstream's order and wording. No key is ever shown. */
export function* configurationFindings({ resources }: EncryptionConfiguration, reload: boolean): Iterable<FieldError> {
  if (resources.length === 0) yield required('resources', 'at least one resources is required')
  const kmsNames = new Set<string>()
  for (const [index, each] of resources.entries()) {
    const named = `resources[${index}].resources`
    const providers = `resources[${index}].providers`
    if (each.resources.length === 0) yield required(named, `at least one ${named} is required`)
    yield* overlapFindings(each.resources, named)
    for (const [at, resource] of each.resources.entries()) yield* nameFindings(resource, `${named}[${at}]`)
    if (each.providers.length === 0) yield required(providers, `at least one ${providers} is required`)
    for (const [at, provider] of each.providers.entries())
      yield* providerFindings(provider, `${providers}[${at}]`, kmsNames, reload)
  }
}

function* overlapFindings(resources: readonly string[], field: string): Iterable<FieldError> {
  const parsed = resources.map(groupResourceOf)
  const pairs = parsed.flatMap((one, index) => parsed.slice(index + 1).map((other) => [one, other] as const))
  if (pairs.some(([one, other]) => one.group === other.group && one.resource === other.resource))
    yield invalidValue(field, resources, 'the same resource cannot be specified multiple times')
  const isDifferent = ([one, other]: readonly [GroupResource, GroupResource]): boolean =>
    one.group !== other.group || one.resource !== other.resource
  const isEverything = ({ group, resource }: GroupResource): boolean => group === '*' && resource === '*'
  const overlaps = ([one, other]: readonly [GroupResource, GroupResource]): boolean =>
    isEverything(one) || isEverything(other) || (one.group === other.group && [one.resource, other.resource].includes('*'))
  if (pairs.filter(isDifferent).some(overlaps)) {
    const why =
      "using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked"
    yield invalidValue(field, resources, why)
  }
}

const WITHOUT_API = ['apiserveripinfo', 'serviceipallocations', 'servicenodeportallocations']

function* nameFindings(name: string, field: string): Iterable<FieldError> {
  const { group, resource } = groupResourceOf(name)
  if (name.toLowerCase() !== name) yield invalidValue(field, name, 'resource name should not contain capital letters')
  else if (name === '*')
    yield invalidValue(field, name, "use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources")
  else if (WITHOUT_API.includes(name))
    yield invalidValue(field, name, 'resources which do not have REST API/s cannot be encrypted')
  else if (group === 'events.k8s.io')
    yield invalidValue(
      field,
      name,
      "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the config file",
    )
  else if (group === 'extensions')
    yield invalidValue(field, name, "'extensions' group has been removed and cannot be used for encryption")
  else if (group === '*' && resource !== '*')
    yield invalidValue(field, name, 'encrypting the same resource across groups is not supported')
}

const NO_PROVIDER = 'provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity'
const MANY_PROVIDERS = 'more than one provider specified in a single element, should split into different list elements'

function* providerFindings(
  provider: ProviderConfiguration,
  field: string,
  kmsNames: Set<string>,
  reload: boolean,
): Iterable<FieldError> {
  const { kms, aesgcm, aescbc, secretbox } = provider
  const kinds = Object.keys(provider)
  // Upstream shows the whole provider; a key has no place in a message.
  if (kinds.length === 0) yield invalidValue(field, kinds, NO_PROVIDER)
  if (kinds.length > 1) yield invalidValue(field, kinds, MANY_PROVIDERS)
  if (kms !== undefined) {
    yield* kmsFindings(kms, `${field}.kms`, kmsNames, reload)
    kmsNames.add(kms.name)
  } else if (aesgcm !== undefined) yield* keysFindings(aesgcm, `${field}.aesgcm.keys`, AES_KEY_BYTES)
  else if (aescbc !== undefined) yield* keysFindings(aescbc, `${field}.aescbc.keys`, AES_KEY_BYTES)
  else if (secretbox !== undefined) yield* keysFindings(secretbox, `${field}.secretbox.keys`, SECRETBOX_KEY_BYTES)
}

function* keysFindings({ keys }: KeysConfiguration, field: string, lengths: readonly number[]): Iterable<FieldError> {
  if (keys.length === 0) yield required(field, 'at least one keys is required')
  for (const [index, key] of keys.entries()) yield* keyFindings(key, `${field}[${index}]`, lengths)
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

function* keyFindings({ name, secret }: KeyConfiguration, field: string, lengths: readonly number[]): Iterable<FieldError> {
  if (name === '') yield required(`${field}.name`, 'name is a mandatory field for a key')
  if (secret === '') {
    yield required(`${field}.secret`, 'secret is a mandatory field for a key')
    return
  }
  // Go's decoder passes over line ends.
  const text = secret.replace(/[\r\n]/g, '')
  if (!BASE64.test(text)) {
    yield invalidValue(`${field}.secret`, 'REDACTED', 'secrets must be base64 encoded')
    return
  }
  const length = Buffer.from(text, 'base64').length
  if (!lengths.includes(length)) {
    const why = `secret is not of the expected length, got ${length}, expected one of [${lengths.join(' ')}]`
    yield invalidValue(`${field}.secret`, 'REDACTED', why)
  }
}

function* kmsFindings(kms: KmsConfiguration, field: string, names: Set<string>, reload: boolean): Iterable<FieldError> {
  const { apiVersion, name, endpoint, timeoutMs, cachesize } = kms
  if (name === '') yield required(`${field}.name`, 'name is a mandatory field for a provider')
  if (apiVersion !== 'v1' && name.includes(':'))
    yield invalidValue(`${field}.name`, name, `invalid KMS provider name ${name}, must not contain ':'`)
  if ((reload || apiVersion !== 'v1') && names.has(name))
    yield invalidValue(`${field}.name`, name, `duplicate KMS provider name ${name}, names must be unique`)
  if (timeoutMs <= 0) yield invalidValue(`${field}.timeout`, `${timeoutMs / 1000}s`, 'timeout should be a positive value')
  yield* endpointFindings(endpoint, `${field}.endpoint`)
  if (apiVersion !== 'v1' && cachesize !== undefined)
    yield invalidValue(`${field}.cachesize`, cachesize, 'cachesize is not supported in v2')
  if (apiVersion === 'v1' && cachesize === 0)
    yield invalidValue(`${field}.cachesize`, cachesize, 'cachesize should be a positive value, or negative to disable')
  if (apiVersion !== 'v1' && apiVersion !== 'v2')
    yield invalidValue(
      `${field}.apiVersion`,
      apiVersion,
      'unsupported apiVersion apiVersion for KMS provider, only v1 and v2 are supported',
    )
}

function* endpointFindings(endpoint: string, field: string): Iterable<FieldError> {
  if (endpoint === '') {
    yield invalidValue(field, '', 'endpoint is a mandatory field for a kms')
    return
  }
  if (!URL.canParse(endpoint)) {
    // A path alone is a URL without a scheme to Go.
    const scheme = /^[a-z][a-z0-9+.-]*(?=:)/i.exec(endpoint)?.[0] ?? ''
    yield invalidValue(field, endpoint, `unsupported scheme ${JSON.stringify(scheme)} for KMS provider, only unix is supported`)
    return
  }
  const scheme = new URL(endpoint).protocol.slice(0, -1)
  if (scheme !== 'unix')
    yield invalidValue(field, endpoint, `unsupported scheme ${JSON.stringify(scheme)} for KMS provider, only unix is supported`)
}
