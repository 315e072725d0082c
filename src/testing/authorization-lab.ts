import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SubjectAccessReviewSpec } from '#api'
import { printKubeconfig } from '#client'
import { startHttpsServer, type TestHttpsServer, type TestRequest } from './https-server.ts'

/** What a test's authorizer answers: the `status` of the review, or what it does with the connection. */
export type AuthorizerAnswer = object | ((request: TestRequest, response: ServerResponse) => void)

/** A real authorization webhook on loopback, and configurations that name it. */
export interface AuthorizationLab extends AsyncDisposable {
  readonly server: TestHttpsServer
  /** What was asked, in order. */
  readonly asked: SubjectAccessReviewSpec[]
  readonly kubeConfigFile: string
  readonly directory: string
  /** A configuration with the webhook in front of Node and RBAC. */
  configuration(webhook?: object): string
}

export async function startAuthorizationLab(
  answer: (spec: SubjectAccessReviewSpec) => AuthorizerAnswer,
): Promise<AuthorizationLab> {
  await using stack = new AsyncDisposableStack()
  const asked: SubjectAccessReviewSpec[] = []
  const server = stack.use(
    await startHttpsServer(['127.0.0.1'], (request, response) => {
      const review = JSON.parse(request.body) as { apiVersion: string; kind: string; spec: SubjectAccessReviewSpec }
      asked.push(review.spec)
      const given = answer(review.spec)
      if (typeof given !== 'function') return { apiVersion: review.apiVersion, kind: review.kind, status: given }
      given(request, response)
      // It is answered, now or never, by what was given.
      return new Promise(() => undefined)
    }),
  )
  const directory = mkdtempSync(join(tmpdir(), 't8s-authorization-'))
  stack.defer(() => rmSync(directory, { recursive: true, force: true }))
  const kubeConfigFile = join(directory, 'kubeconfig')
  const name = 'hook'
  const config = {
    clusters: [
      { name, cluster: { server: `https://127.0.0.1:${server.port}/authorize`, 'certificate-authority-data': server.caBundle } },
    ],
    users: [{ name, user: { token: 'who-asks' } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  }
  writeFileSync(kubeConfigFile, await printKubeconfig(config), { mode: 0o600 })
  const owned = stack.move()
  return {
    server,
    asked,
    kubeConfigFile,
    directory,
    configuration: (webhook = {}) =>
      configurationOf([
        {
          type: 'Webhook',
          name: 'hook',
          webhook: {
            timeout: '3s',
            subjectAccessReviewVersion: 'v1',
            matchConditionSubjectAccessReviewVersion: 'v1',
            failurePolicy: 'NoOpinion',
            connectionInfo: { type: 'KubeConfigFile', kubeConfigFile },
            ...webhook,
          },
        },
        { type: 'Node', name: 'node' },
        { type: 'RBAC', name: 'rbac' },
      ]),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

export const configurationOf = (authorizers: readonly object[]): string =>
  JSON.stringify({ apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthorizationConfiguration', authorizers })
