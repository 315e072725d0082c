import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import test from 'node:test'
import { type Answer, type DecodedPacket, decode, encode, type Packet, type RecordType, streamEncode } from 'dns-packet'
import type { EndpointSlice, Service } from '#api'
import { memoryLog, nullLog, seededRandom, systemClock } from '#base'
import { Forwarder } from './forwarder.ts'
import { Resolver } from './resolver.ts'
import { DnsServer } from './server.ts'
import { ServiceIndex } from './service-index.ts'
import { Zone } from './zone.ts'

/** `dns-packet` decodes the response code too. */
type Reply = DecodedPacket & { readonly rcode: string; readonly bytes: number }

function service(name: string, spec: Service['spec'], namespace = 'default'): Service {
  return { metadata: { namespace, name }, spec }
}

function slice(name: string, endpoints: EndpointSlice['endpoints'], ports: EndpointSlice['ports'] = []): EndpointSlice {
  return {
    metadata: { namespace: 'default', name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints,
    ports,
  }
}

const ready = { ready: true }

function sampleIndex(): ServiceIndex {
  const index = new ServiceIndex()
  const http = { name: 'http', port: 80, protocol: 'TCP' }
  index.service({ after: service('web', { clusterIP: '10.96.0.20', clusterIPs: ['10.96.0.20', 'fd00::20'], ports: [http] }) })
  index.service({ after: service('db', { clusterIP: 'None', ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }] }) })
  index.service({ after: service('empty', { clusterIP: 'None' }) })
  index.service({ after: service('ext', { type: 'ExternalName', externalName: 'www.example.org' }) })
  index.service({ after: service('inner', { type: 'ExternalName', externalName: 'web.default.svc.cluster.local' }) })
  index.service({ after: service('round', { type: 'ExternalName', externalName: 'round.default.svc.cluster.local' }) })
  const endpoints = [
    { addresses: ['10.71.1.5'], hostname: 'db-0', conditions: ready },
    { addresses: ['10.71.1.6'], conditions: ready },
    { addresses: ['10.71.1.7'], conditions: { ready: false } },
  ]
  index.slice({ after: slice('db', endpoints, [{ name: 'sql', port: 5432, protocol: 'TCP' }]) })
  return index
}

interface LabOptions {
  readonly upstreams?: readonly { readonly host: string; readonly port: number }[]
  readonly index?: ServiceIndex
  readonly log?: ReturnType<typeof memoryLog>
  readonly timeoutMs?: number
}

async function startServer({ upstreams = [], index = sampleIndex(), log, timeoutMs = 2_000 }: LabOptions = {}) {
  const [clock, random] = [systemClock, seededRandom(1)]
  const zone = new Zone({
    clusterDomain: 'cluster.local',
    index,
    namespaceExists: (name) => name === 'default',
    serverAddresses: ['10.96.0.10'],
    clock,
    random,
  })
  const forwarder = new Forwarder({ clock, random, log: log ?? nullLog, upstreams, timeoutMs })
  const resolver = new Resolver({ zone, forwarder, random })
  const server = new DnsServer({ resolver, clock, log: nullLog, listen: { host: '127.0.0.1', port: 0 } })
  await server.start()
  return Object.assign(server, { forwarder })
}

async function send(port: number, bytes: Buffer): Promise<Reply> {
  const socket = createSocket('udp4')
  try {
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    socket.send(bytes, port, '127.0.0.1')
    const [answer] = (await once(socket, 'message', { signal: AbortSignal.timeout(5_000) })) as [Buffer]
    return { ...decode(answer), bytes: answer.length } as Reply
  } finally {
    socket.close()
  }
}

function question(name: string, type: string, extra: Partial<Packet> = {}): Packet {
  return { type: 'query', id: 4711, flags: 0x0100, questions: [{ name, type: type as RecordType }], ...extra }
}

const ask = (port: number, name: string, type = 'A', extra: Partial<Packet> = {}): Promise<Reply> =>
  send(port, encode(question(name, type, extra)))

/** Each answer's data in a fixed order, or the response code when there is none. */
function says({ answers = [], authorities = [], rcode }: Reply): unknown {
  if (answers.length > 0) return answers.map((answer) => ('data' in answer ? answer.data : '')).sort()
  const [soa] = authorities
  return `${rcode}${soa?.type === 'SOA' ? ' +SOA' : ''}`
}

const CASES: readonly (readonly [name: string, type: string, expected: unknown])[] = [
  ['web.default.svc.cluster.local', 'A', ['10.96.0.20']],
  ['web.default.svc.cluster.local', 'AAAA', ['fd00::20']],
  ['WEB.Default.svc.CLUSTER.local', 'A', ['10.96.0.20']],
  ['web.default.svc.cluster.local', 'MX', 'NOERROR +SOA'],
  ['none.default.svc.cluster.local', 'A', 'NXDOMAIN +SOA'],
  ['web.nowhere.svc.cluster.local', 'A', 'NXDOMAIN +SOA'],
  ['web.default.svc.cluster.local.default.svc.cluster.local', 'A', 'NXDOMAIN +SOA'],
  ['db.default.svc.cluster.local', 'A', ['10.71.1.5', '10.71.1.6']],
  ['db.default.svc.cluster.local', 'AAAA', 'NOERROR +SOA'],
  ['empty.default.svc.cluster.local', 'A', 'NXDOMAIN +SOA'],
  ['db-0.db.default.svc.cluster.local', 'A', ['10.71.1.5']],
  ['10-71-1-6.db.default.svc.cluster.local', 'A', ['10.71.1.6']],
  ['10-71-1-7.db.default.svc.cluster.local', 'A', 'NXDOMAIN +SOA'],
  ['_tcp.web.default.svc.cluster.local', 'A', 'NOERROR +SOA'],
  ['_udp.web.default.svc.cluster.local', 'A', 'NXDOMAIN +SOA'],
  ['_http._udp.web.default.svc.cluster.local', 'SRV', 'NXDOMAIN +SOA'],
  ['_http._tcp.web.default.svc.cluster.local', 'A', 'NOERROR +SOA'],
  ['ext.default.svc.cluster.local', 'CNAME', ['www.example.org']],
  ['inner.default.svc.cluster.local', 'A', ['10.96.0.20', 'web.default.svc.cluster.local']],
  ['default.svc.cluster.local', 'A', 'NOERROR +SOA'],
  ['svc.cluster.local', 'A', 'NOERROR +SOA'],
  ['cluster.local', 'A', 'NOERROR +SOA'],
  ['cluster.local', 'NS', ['ns.dns.cluster.local']],
  ['ns.dns.cluster.local', 'A', ['10.96.0.10']],
  ['10-71-1-99.default.pod.cluster.local', 'A', ['10.71.1.99']],
  ['fd00--5.default.pod.cluster.local', 'AAAA', ['fd00::5']],
  ['10-71-1.default.pod.cluster.local', 'A', 'NXDOMAIN +SOA'],
  ['20.0.96.10.in-addr.arpa', 'PTR', ['web.default.svc.cluster.local']],
  ['5.1.71.10.in-addr.arpa', 'PTR', ['db-0.db.default.svc.cluster.local']],
  [`0.2.0.0.${'0.'.repeat(24)}0.0.d.f.ip6.arpa`, 'PTR', ['web.default.svc.cluster.local']],
  ['1.0.0.127.in-addr.arpa', 'PTR', 'SERVFAIL'],
  ['toString.default.svc.cluster.local', 'A', 'NXDOMAIN +SOA'],
]

test('names of Services, endpoints and pods resolve after the specification', async () => {
  await using server = await startServer()
  for (const [name, type, expected] of CASES)
    assert.deepEqual(says(await ask(server.port, name, type)), expected, `${name} ${type}`)
})

test('the version of the specification is told, and answers are authoritative with short TTLs', async () => {
  await using server = await startServer()
  const version = await ask(server.port, 'dns-version.cluster.local', 'TXT')
  assert.equal(String((version.answers as { data: Buffer[] }[])[0]!.data[0]), '1.1.0')
  const web = await ask(server.port, 'web.default.svc.cluster.local')
  assert.equal(web.flag_aa && web.flag_ra && web.flag_rd && web.flag_qr, true)
  assert.equal((web.answers![0] as { ttl: number }).ttl, 30)
  const none = await ask(server.port, 'none.default.svc.cluster.local')
  assert.equal((none.authorities![0] as { ttl: number }).ttl, 5)
  assert.equal((await ask(server.port, 'wEb.default.svc.cluster.local')).answers![0]!.name, 'wEb.default.svc.cluster.local')
})

test('SRV records name the port and where it is, with the addresses at hand', async () => {
  await using server = await startServer()
  const web = await ask(server.port, '_http._tcp.web.default.svc.cluster.local', 'SRV')
  assert.deepEqual(says(web), [{ priority: 0, weight: 100, port: 80, target: 'web.default.svc.cluster.local' }])
  assert.deepEqual(
    web.additionals!.map((record) => ('data' in record ? record.data : '')),
    ['10.96.0.20', 'fd00::20'],
  )
  const db = await ask(server.port, '_sql._tcp.db.default.svc.cluster.local', 'SRV')
  const targets = db.answers!.map((answer) => (answer.type === 'SRV' ? `${answer.data.weight} ${answer.data.target}` : '')).sort()
  assert.deepEqual(targets, ['50 10-71-1-6.db.default.svc.cluster.local', '50 db-0.db.default.svc.cluster.local'])
})

test('changes of Services and slices show at once', async () => {
  const index = sampleIndex()
  await using server = await startServer({ index })
  const before = service('web', { clusterIP: '10.96.0.20' })
  index.service({ before, after: service('web', { clusterIP: '10.96.0.21' }) })
  assert.deepEqual(says(await ask(server.port, 'web.default.svc.cluster.local')), ['10.96.0.21'])
  assert.equal(says(await ask(server.port, '20.0.96.10.in-addr.arpa', 'PTR')), 'SERVFAIL')
  index.service({ before })
  assert.equal(says(await ask(server.port, 'web.default.svc.cluster.local')), 'NXDOMAIN +SOA')
  index.slice({ before: slice('db', []), after: slice('db', [{ addresses: ['10.71.1.9'], conditions: ready }]) })
  assert.deepEqual(says(await ask(server.port, 'db.default.svc.cluster.local')), ['10.71.1.9'])
  index.slice({ before: slice('db', []) })
  assert.equal(says(await ask(server.port, 'db.default.svc.cluster.local')), 'NXDOMAIN +SOA')
})

function crowd(count: number): ServiceIndex {
  const index = sampleIndex()
  const endpoints = Array.from({ length: count }, (_, at) => ({ addresses: [`10.71.${at >> 8}.${at & 255}`], conditions: ready }))
  index.slice({ before: slice('db', []), after: slice('db', endpoints) })
  return index
}

test('an answer that does not fit is cut and marked, by the size the asker takes, and whole over TCP', async () => {
  await using server = await startServer({ index: crowd(100) })
  const name = 'db.default.svc.cluster.local'
  const plain = await ask(server.port, name)
  assert.equal(plain.flag_tc, true)
  assert.ok(plain.bytes <= 512, String(plain.bytes))
  const opt: Answer = {
    type: 'OPT',
    name: '.',
    udpPayloadSize: 65_000,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  }
  const wide = await ask(server.port, name, 'A', { additionals: [opt] })
  assert.ok(wide.bytes > 512 && wide.bytes <= 1232, String(wide.bytes))
  assert.equal(wide.additionals![0]!.type, 'OPT')
  const future = await ask(server.port, name, 'A', { additionals: [{ ...opt, ednsVersion: 1 }] })
  assert.equal((future.additionals![0] as typeof opt).extendedRcode, 1)
  const connection = connect(server.port, '127.0.0.1')
  // Two questions in one go, the second in two pieces.
  const both = Buffer.concat([streamEncode(question(name, 'A')), streamEncode({ ...question(name, 'A'), id: 2 })])
  connection.write(both.subarray(0, both.length - 5))
  connection.write(both.subarray(both.length - 5))
  let received = Buffer.alloc(0)
  for await (const chunk of connection) {
    received = Buffer.concat([received, chunk as Buffer])
    const first = received.length > 1 ? received.readUInt16BE(0) + 2 : Number.POSITIVE_INFINITY
    if (received.length > first + 1 && received.length >= first + 2 + received.readUInt16BE(first)) break
  }
  const answer = decode(received.subarray(2, 2 + received.readUInt16BE(0)))
  assert.equal(answer.answers!.length, 100)
  assert.equal(answer.flag_tc, false)
})

test('names that fit into no message are left out', async () => {
  const index = sampleIndex()
  index.service({ after: service('bad', { type: 'ExternalName', externalName: `${'x'.repeat(300)}.example.org` }) })
  await using server = await startServer({ index })
  assert.equal((await ask(server.port, 'bad.default.svc.cluster.local')).rcode, 'NXDOMAIN')
  assert.deepEqual(says(await ask(server.port, 'web.default.svc.cluster.local')), ['10.96.0.20'])
})

test('what is not a question gets an error or nothing, and the server goes on', async () => {
  await using server = await startServer()
  const good = encode(question('web.default.svc.cluster.local', 'A'))
  const opcode = Buffer.from(good)
  opcode.writeUInt8(0x28, 2)
  assert.equal((await send(server.port, opcode)).rcode, 'NOTIMP')
  assert.equal((await send(server.port, good.subarray(0, 20))).rcode, 'FORMERR')
  const twice = Buffer.from(good)
  twice.writeUInt16BE(2, 4)
  assert.equal((await send(server.port, twice)).rcode, 'FORMERR')
  const loop = Buffer.concat([good.subarray(0, 12), Buffer.from([0xc0, 0x0c, 0, 1, 0, 1])])
  assert.equal((await send(server.port, loop)).rcode, 'FORMERR')
  assert.equal((await ask(server.port, 'cluster.local', 'AXFR')).rcode, 'REFUSED')
  const chaos = encode({ ...question('version.bind', 'TXT'), questions: [{ name: 'version.bind', type: 'TXT', class: 'CH' }] })
  assert.equal((await send(server.port, chaos)).rcode, 'REFUSED')
  // An answer gets no answer: the next thing heard is about the question after it.
  const answer = Buffer.from(good)
  answer.writeUInt8(0x81, 2)
  const socket = createSocket('udp4')
  socket.send(answer, server.port, '127.0.0.1')
  socket.send(Buffer.from([1, 2, 3]), server.port, '127.0.0.1')
  socket.send(good, server.port, '127.0.0.1')
  const [reply] = (await once(socket, 'message', { signal: AbortSignal.timeout(5_000) })) as [Buffer]
  socket.close()
  assert.deepEqual(says(decode(reply) as Reply), ['10.96.0.20'])
})

/** An upstream name server under test control. */
async function startUpstream(answer: (query: DecodedPacket, protocol: 'udp' | 'tcp') => Packet | undefined) {
  const seen: string[] = []
  const ids = new Set<number>()
  const handle = (bytes: Buffer, protocol: 'udp' | 'tcp'): Buffer | undefined => {
    const query = decode(bytes)
    ids.add(query.id!)
    seen.push(`${protocol} ${query.questions![0]!.name} ${query.questions![0]!.type}`)
    const reply = answer(query, protocol)
    return reply && encode({ type: 'response', id: query.id!, questions: query.questions!, ...reply })
  }
  const tcp = createServer((connection) => {
    connection.on('error', () => {})
    connection.on('data', (bytes) => {
      const reply = handle(bytes.subarray(2), 'tcp')
      const length = Buffer.alloc(2)
      if (reply === undefined) return
      length.writeUInt16BE(reply.length)
      connection.end(Buffer.concat([length, reply]))
    })
  })
  tcp.listen(0, '127.0.0.1')
  await once(tcp, 'listening')
  const { port } = tcp.address() as { port: number }
  const udp = createSocket('udp4')
  udp.bind(port, '127.0.0.1')
  await once(udp, 'listening')
  udp.on('message', (bytes, { port: to, address }) => {
    const reply = handle(bytes, 'udp')
    if (reply !== undefined) udp.send(reply, to, address)
  })
  const dispose = async (): Promise<void> => {
    udp.close()
    await new Promise((done) => tcp.close(done))
  }
  return { host: '127.0.0.1', port, seen, ids, [Symbol.asyncDispose]: dispose }
}

const record = (name: string, data: string, ttl = 60): Answer => ({ name, type: 'A', ttl, data })

test('other names are asked upstream, once while the answer lasts, and the asker’s spelling and id are kept', async () => {
  await using upstream = await startUpstream(({ questions }) => ({ answers: [record(questions![0]!.name, '192.0.2.1')] }))
  await using server = await startServer({ upstreams: [upstream] })
  assert.deepEqual(says(await ask(server.port, 'www.example.org')), ['192.0.2.1'])
  const again = await ask(server.port, 'WWW.example.org', 'A', { id: 99 })
  assert.deepEqual([says(again), again.id, again.questions![0]!.name], [['192.0.2.1'], 99, 'WWW.example.org'])
  assert.deepEqual(upstream.seen, ['udp www.example.org A'])
  await ask(server.port, 'a.example.org')
  assert.ok(![...upstream.ids].includes(4711), 'the asker’s id is not used upstream')
})

test('an alias out of the cluster is followed upstream, an alias to itself ends', async () => {
  await using upstream = await startUpstream(() => ({ answers: [record('www.example.org', '192.0.2.1')] }))
  await using server = await startServer({ upstreams: [upstream] })
  assert.deepEqual(says(await ask(server.port, 'ext.default.svc.cluster.local')), ['192.0.2.1', 'www.example.org'])
  assert.equal((await ask(server.port, 'round.default.svc.cluster.local')).rcode, 'NOERROR')
})

test('a cut answer from upstream is fetched by TCP and cut again only as far as needed', async () => {
  const many = Array.from({ length: 40 }, (_, at) => record('big.example.org', `192.0.2.${at}`))
  await using upstream = await startUpstream((_, protocol) => (protocol === 'udp' ? { flags: 0x0200 } : { answers: many }))
  await using server = await startServer({ upstreams: [upstream] })
  const reply = await ask(server.port, 'big.example.org')
  assert.deepEqual([reply.flag_tc, reply.answers!.length], [true, 0])
  assert.deepEqual(upstream.seen, ['udp big.example.org A', 'tcp big.example.org A'])
})

test('an upstream that fails gives way to the next, and forged answers do not count', async () => {
  await using broken = await startUpstream(() => ({ flags: 2 }))
  await using working = await startUpstream(() => ({ answers: [record('www.example.org', '192.0.2.7')] }))
  await using server = await startServer({ upstreams: [broken, working] })
  assert.deepEqual(says(await ask(server.port, 'www.example.org')), ['192.0.2.7'])
  await using forger = await startUpstream(() => ({
    questions: [{ name: 'evil.example.org', type: 'A' }],
    answers: [record('www.example.org', '203.0.113.66')],
  }))
  await using other = await startServer({ upstreams: [forger, working], timeoutMs: 50 })
  assert.deepEqual(says(await ask(other.port, 'www.example.org')), ['192.0.2.7'])
})

test('an upstream that leads back here is found and dropped', async () => {
  const log = memoryLog()
  const upstreams: { host: string; port: number }[] = []
  await using server = await startServer({ upstreams, log })
  // The forwarder holds the same list; the port is known only now.
  upstreams.push({ host: '127.0.0.1', port: server.port })
  await server.forwarder.detectLoops()
  assert.match(log.lines[0]!.message, /leads back here/)
  assert.equal((await ask(server.port, 'www.example.org')).rcode, 'SERVFAIL')
})
