import { join } from 'node:path'
import type { ConfigMap, Container, EnvVar, FileKeySelector, Pod, Secret, Service } from '#api'
import type { MountedVolume } from '../volumes/index.ts'
import { readInside, valueIn } from './env-file.ts'
import { expand } from './expand.ts'
import { fieldValue, type PodFacts, resourceValue } from './field-path.ts'

/** Why a container can't be made as its spec says; becomes its waiting reason `CreateContainerConfigError`. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

export interface EnvironmentSources {
  readonly facts: PodFacts
  configMap(name: string): Promise<ConfigMap | undefined>
  secret(name: string): Promise<Secret | undefined>
  /** By name; undefined on a node without disks, whose containers read no variables. */
  readonly volumes: ReadonlyMap<string, MountedVolume> | undefined
  /** Services that a pod of this namespace sees as variables, the API server's among them. */
  readonly services: readonly Service[]
}

/** The environment of a container, in order; later variables may refer to earlier ones. */
export async function environmentOf(pod: Pod, container: Container, sources: EnvironmentSources): Promise<Map<string, string>> {
  const result = new Map<string, string>()
  await addSources(result, container, sources)
  const services = serviceVariables(sources.services)
  for (const variable of container.env ?? []) {
    const value = await lookUp(pod, container, variable, sources, (name) => result.get(name) ?? services.get(name))
    if (value !== undefined) result.set(variable.name, value)
  }
  for (const [name, value] of services) if (!result.has(name)) result.set(name, value)
  return result
}

async function addSources(result: Map<string, string>, container: Container, sources: EnvironmentSources): Promise<void> {
  for (const { configMapRef, secretRef, prefix = '' } of container.envFrom ?? []) {
    if (configMapRef !== undefined) {
      const found = await sources.configMap(configMapRef.name ?? '')
      if (found === undefined && !configMapRef.optional)
        throw new ConfigError(`configmap ${JSON.stringify(configMapRef.name)} not found`)
      for (const [key, value] of Object.entries(found?.data ?? {})) result.set(prefix + key, value)
    }
    if (secretRef !== undefined) {
      const found = await sources.secret(secretRef.name ?? '')
      if (found === undefined && !secretRef.optional) throw new ConfigError(`secret ${JSON.stringify(secretRef.name)} not found`)
      for (const [key, value] of Object.entries(found?.data ?? {})) result.set(prefix + key, decode(value))
    }
  }
}

async function lookUp(
  pod: Pod,
  container: Container,
  { value, valueFrom }: EnvVar,
  sources: EnvironmentSources,
  known: (name: string) => string | undefined,
): Promise<string | undefined> {
  if (valueFrom === undefined) return expand(value ?? '', known)
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = valueFrom
  if (fieldRef !== undefined)
    return fieldValue(pod, fieldRef.fieldPath, sources.facts) ?? refuse(`unsupported fieldPath: ${fieldRef.fieldPath}`)
  if (resourceFieldRef !== undefined) {
    const named = resourceFieldRef.containerName
      ? pod.spec?.containers.find(({ name }) => name === resourceFieldRef.containerName)
      : container
    return (
      resourceValue(pod, named, resourceFieldRef.resource, resourceFieldRef.divisor, sources.facts.node) ??
      refuse(`unsupported container resource : ${resourceFieldRef.resource}`)
    )
  }
  const where = pod.metadata?.namespace ?? ''
  if (configMapKeyRef !== undefined) {
    const found = await sources.configMap(configMapKeyRef.name ?? '')
    const text = found?.data?.[configMapKeyRef.key]
    if (text !== undefined || configMapKeyRef.optional) return text
    throw new ConfigError(
      found === undefined
        ? `configmap ${JSON.stringify(configMapKeyRef.name)} not found`
        : `couldn't find key ${configMapKeyRef.key} in ConfigMap ${where}/${configMapKeyRef.name}`,
    )
  }
  if (secretKeyRef !== undefined) {
    const found = await sources.secret(secretKeyRef.name ?? '')
    const data = found?.data?.[secretKeyRef.key]
    if (data !== undefined) return decode(data)
    if (secretKeyRef.optional) return undefined
    throw new ConfigError(
      found === undefined
        ? `secret ${JSON.stringify(secretKeyRef.name)} not found`
        : `couldn't find key ${secretKeyRef.key} in Secret ${where}/${secretKeyRef.name}`,
    )
  }
  return fileKeyRef === undefined ? '' : fromFile(fileKeyRef, sources)
}

/** From what another container has written to a volume. An empty value is none, and `optional` does not stand for the file itself: both as upstream has them. */
function fromFile({ volumeName, path, key, optional }: FileKeySelector, { volumes }: EnvironmentSources): string | undefined {
  if (volumes === undefined) return undefined
  const volume = volumes.get(volumeName)
  if (volume === undefined) throw new ConfigError(`cannot find the volume ${JSON.stringify(volumeName)} referenced by FileKeyRef`)
  let value: string | undefined
  try {
    value = valueIn(readInside(volume.path, path), key)
  } catch (error) {
    throw new ConfigError("couldn't parse env file", { cause: error })
  }
  if (value || optional) return value || undefined
  throw new ConfigError(
    `environment variable key ${JSON.stringify(key)} not found in file ${JSON.stringify(join(volume.path, path))}`,
  )
}

function refuse(message: string): never {
  throw new ConfigError(message)
}

const decode = (data: string): string => Buffer.from(data, 'base64').toString()

/** Docker-links style variables of Services (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables). */
export function serviceVariables(services: readonly Service[]): Map<string, string> {
  const variables = new Map<string, string>()
  for (const { metadata, spec } of services) {
    const ip = spec?.clusterIP
    const ports = spec?.ports ?? []
    if (!ip || ip === 'None' || ports.length === 0) continue
    const prefix = shout(metadata?.name ?? '')
    variables.set(`${prefix}_SERVICE_HOST`, ip)
    variables.set(`${prefix}_SERVICE_PORT`, String(ports[0]!.port))
    for (const { name, port } of ports) if (name) variables.set(`${prefix}_SERVICE_PORT_${shout(name)}`, String(port))
    for (const [index, { port, protocol = 'TCP' }] of ports.entries()) {
      const scheme = protocol.toLowerCase()
      const url = `${scheme}://${ip}:${port}`
      if (index === 0) variables.set(`${prefix}_PORT`, url)
      const each = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`
      variables.set(each, url).set(`${each}_PROTO`, scheme).set(`${each}_PORT`, String(port)).set(`${each}_ADDR`, ip)
    }
  }
  return variables
}

const shout = (name: string): string => name.replaceAll('-', '_').toUpperCase()
