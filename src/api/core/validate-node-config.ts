import type { ConfigMapNodeConfigSource, NodeConfigSource } from '../generated/types.ts'
import { complaints, type Findings, forbid, invalidValue, required } from '../validation/findings.ts'
import { configKey, dnsLabel, subdomainName } from '../validation/names.ts'

/** Where a kubelet was to find its configuration once, and where it did (`isStatus`): nothing new of it comes in. */
export function validateConfigSource(
  source: NodeConfigSource | undefined,
  field: string,
  isStatus: boolean,
  found: Findings,
): void {
  if (source === undefined) return
  if (source.configMap === undefined)
    found.push(invalidValue(field, { ConfigMap: null }, 'exactly one reference subfield must be non-nil'))
  else validateConfigMap(source.configMap, `${field}.configMap`, isStatus, found)
}

function validateConfigMap(
  { uid, resourceVersion, namespace, name, kubeletConfigKey: key }: ConfigMapNodeConfigSource,
  path: string,
  isStatus: boolean,
  found: Findings,
): void {
  for (const [part, value] of Object.entries({ uid, resourceVersion })) {
    if (isStatus && !value) found.push(required(`${path}.${part}`))
    else if (!isStatus && value) found.push(forbid(`${path}.${part}`, `${part} must not be set in spec`))
  }
  if (!namespace) found.push(required(`${path}.namespace`))
  else complaints(dnsLabel(namespace), namespace, `${path}.namespace`, found)
  if (!name) found.push(required(`${path}.name`))
  else complaints(subdomainName(name), name, `${path}.name`, found)
  if (!key) found.push(required(`${path}.kubeletConfigKey`))
  else complaints(configKey(key), key, `${path}.kubeletConfigKey`, found)
}
