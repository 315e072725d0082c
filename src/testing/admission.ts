import { namespaces, type Pod, serviceAccounts } from '#api'
import type { ApiServerOptions } from '#apiserver'
import { VirtualClock } from '#base'
import type { Client } from '#client'
import { StatusError } from '#meta'
import { startTestApiServer, type TestApiServer } from './test-api-server.ts'

/** An API server with what pods need to be admitted: a namespace `work` and its default service account. */
export async function startAdmissionTest(
  options: Pick<ApiServerOptions, 'admission' | 'authorization'> & { readonly clock?: VirtualClock } = {},
): Promise<TestApiServer & { readonly clock: VirtualClock }> {
  const { clock = new VirtualClock() } = options
  const api = await startTestApiServer({ ...options, clock })
  await makeNamespace(api.client, 'work')
  return { ...api, clock, [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() }
}

export async function makeNamespace(client: Client, name: string, labels: Record<string, string> = {}): Promise<void> {
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: name } }
  await client.create(serviceAccounts, account)
}

/** A pod of one container in the namespace `work`. */
export function podOf(name: string, spec: Partial<NonNullable<Pod['spec']>> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'work' },
    spec: { containers: [{ name: 'main', image: 'example.com/main' }], ...spec },
  }
}

/** The message of the refusal that `promise` ends with; an Error when it is none. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (error instanceof StatusError) return error.message
    throw error
  }
  throw new Error('nothing was refused')
}
