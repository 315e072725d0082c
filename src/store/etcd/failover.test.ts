import assert from 'node:assert/strict'
import test from 'node:test'
import { type Metadata, Server, ServerCredentials, type ServerUnaryCall, status } from '@grpc/grpc-js'
import { systemClock, systemRandom } from '#base'
import { ChangingEndpoints } from './endpoint.ts'
import { openEtcdStore } from './index.ts'
import { etcdCodec } from './messages.ts'

const VERSION = '3.4.23'
const CLUSTER = 7

type State = 'well' | 'gone' | 'silent' | 'without leader'

/** A member of an etcd that has nothing, at revision 5. */
class Member implements AsyncDisposable {
  readonly #server = new Server()
  state: State = 'well'
  /** Reads that reached it. */
  reads = 0
  asked: Metadata | undefined
  url = ''

  static async start(): Promise<Member> {
    const member = new Member()
    member.#answer('KV', 'Range', () => {
      member.reads++
      return { header: { clusterId: CLUSTER, revision: 5 } }
    })
    member.#answer('Maintenance', 'Status', () => ({
      header: { clusterId: BigInt(CLUSTER), memberId: 1n },
      version: VERSION,
      leader: member.state === 'without leader' ? 0n : 1n,
    }))
    const port = await new Promise<number>((resolve, reject) =>
      member.#server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    )
    member.url = `http://127.0.0.1:${port}`
    return member
  }

  #answer(service: string, name: string, answerOf: () => object): void {
    const handle = (call: ServerUnaryCall<Buffer, object>, done: (error: object | null, answer?: object) => void): void => {
      if (name === 'Range') this.asked = call.metadata
      if (this.state === 'gone') done({ code: status.UNAVAILABLE, details: 'gone' })
      else if (this.state !== 'silent') done(null, answerOf())
    }
    this.#server.register(
      `/etcdserverpb.${service}/${name}`,
      handle as never,
      (answer: object) => etcdCodec.encode(`${name}Response`, answer),
      (bytes: Buffer) => bytes,
      'unary',
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown()
  }
}

for (const state of ['silent', 'without leader'] as const)
  test(`when a member fails, one that is ${state} is passed over for one that knows a leader`, async () => {
    await using stack = new AsyncDisposableStack()
    const members: Member[] = []
    for (let count = 0; count < 3; count++) members.push(stack.use(await Member.start()))
    const [first, next, last] = members as [Member, Member, Member]
    const servers = new ChangingEndpoints({ servers: members.map(({ url }) => url) })
    const store = stack.use(await openEtcdStore({ servers, clock: systemClock, random: systemRandom }))
    first.state = 'gone'
    next.state = state
    const before = [next.reads, last.reads]
    // One that came first, and one that comes while it is found out.
    assert.deepEqual(await Promise.all([store.latest(), store.get('/registry/a')]), [5, undefined])
    assert.equal(next.reads, before[0], 'it was asked for nothing')
    assert.ok(last.reads > before[1]!)
  })

test('members are asked to say it when they know no leader, instead of keeping silent', async () => {
  await using member = await Member.start()
  await using store = await openEtcdStore({ servers: [member.url], clock: systemClock, random: systemRandom })
  await store.latest()
  assert.deepEqual(member.asked?.get('hasleader'), ['true'])
})
