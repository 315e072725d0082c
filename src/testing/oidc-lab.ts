import type { ConfigurationSource, JwtConfiguration } from '#apiserver'
import { type Log, nullLog, VirtualClock } from '#base'
import type { UserInfo } from '#client'
import { printYaml } from '#meta'
import { eventually } from './kept-store.ts'
import { startIssuer, type TestIssuer } from './oidc-issuer.ts'
import { startTestApiServer } from './test-api-server.ts'
import { bearer, whoAmI } from './who-am-i.ts'

const HOUR = 3600

/** Users are `oidc:` and the subject, unless `more` says otherwise. */
export const jwtOf = (issuer: TestIssuer, more: Partial<JwtConfiguration> = {}, ofIssuer: object = {}): JwtConfiguration => ({
  issuer: { url: issuer.url, audiences: ['kubernetes'], certificateAuthority: issuer.ca, ...ofIssuer },
  claimMappings: { username: { claim: 'sub', prefix: 'oidc:' } },
  ...more,
})

export interface WrittenConfiguration extends ConfigurationSource {
  set(...jwt: JwtConfiguration[]): Promise<void>
  write(text: string): void
}

export function writtenConfiguration(): WrittenConfiguration {
  let text = ''
  let told: () => void = () => undefined
  const write = (next: string): void => {
    text = next
    told()
  }
  return {
    read: async () => text,
    onChange(listener) {
      told = listener
      return { [Symbol.dispose]: () => undefined }
    },
    write,
    set: async (...jwt) =>
      write(await printYaml({ apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthenticationConfiguration', jwt })),
  }
}

/** An API server that knows users of an issuer, once it has read the issuer's keys. */
export async function oidcLab(
  configure: (issuer: TestIssuer) => JwtConfiguration[] = (issuer) => [jwtOf(issuer)],
  log: Log = nullLog,
) {
  await using stack = new AsyncDisposableStack()
  const issuer = stack.use(await startIssuer())
  const clock = new VirtualClock()
  const configuration = writtenConfiguration()
  await configuration.set(...configure(issuer))
  const api = stack.use(await startTestApiServer({ clock, log, authentication: { configuration } }))
  const who = async (token: string): Promise<UserInfo | number> => whoAmI(api, bearer(token))
  const sign = (claims: object = {}, header = {}): Promise<string> =>
    issuer.sign({ sub: 'ann', exp: Math.floor(clock.now() / 1000) + HOUR, ...claims }, header)
  const first = await sign({ probe: true })
  const isReady = async (): Promise<boolean> => !/not initialized/.test((await review(first)) ?? '')
  const review = async (token: string): Promise<string | undefined> => {
    const { tokenReviews } = await import('#api')
    return (await api.client.create(tokenReviews, { spec: { token } })).status?.error
  }
  await eventually(isReady)
  const owned = stack.move()
  return { ...api, clock, issuer, configuration, who, sign, review, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
