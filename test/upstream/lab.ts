import { after, before, test } from 'node:test'
import { type Asked, Exchange } from './exchange.ts'
import { installKinds } from './kinds.ts'
import { type Servers, startServers } from './servers.ts'

/** Both servers for the tests of one file, with kinds on them, and what asks the two. */
export interface Lab {
  readonly exchange: Exchange
  readonly servers: Servers
  /** A test that the two answer the same, named by what is asked. */
  same(asked: Asked): void
  /** The same of each target. */
  gets(targets: readonly string[], more?: Partial<Asked>): void
}

export function labOf(prepare: (exchange: Exchange) => Promise<void> = async () => undefined): Lab {
  let servers: Servers | undefined
  let opened: Exchange | undefined
  before(async () => {
    servers = await startServers()
    opened = new Exchange(servers)
    await installKinds(opened, servers)
    await prepare(opened)
  })
  after(async () => {
    opened?.[Symbol.dispose]()
    await servers?.[Symbol.asyncDispose]()
  })
  const same = (asked: Asked): void => {
    const { method = 'GET', target, who, headers, body } = asked
    const said = body === undefined ? '' : ` ${typeof body === 'string' ? body : JSON.stringify(body)}`.slice(0, 120)
    const by = Object.values(headers ?? {}).join(' ')
    test(`${method} ${target}${who === undefined ? '' : ` as ${who}`} ${by}${said}`, () =>
      opened!.same(asked).then(() => undefined))
  }
  return {
    get exchange() {
      return opened!
    },
    get servers() {
      return servers!
    },
    same,
    gets: (targets, more = {}) => {
      for (const target of targets) same({ ...more, target })
    },
  }
}
