import assert from 'node:assert/strict'
import test from 'node:test'
import { seededRandom } from '#base'
import { ConnectionError } from './errors.ts'
import { HeaderDecoder } from './header-decoder.ts'
import { HeaderEncoder } from './header-encoder.ts'

const LIMITS = { bytes: 64 * 1024, fields: 256 }

const bytesOf = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex')

function linesOf(decoder: HeaderDecoder, block: Buffer): string[] {
  const { fields, isTooLarge } = decoder.decode(block)
  assert.equal(isTooLarge, false)
  return fields.map(({ name, value }) => `${name}: ${value}`)
}

const REQUESTS = [
  [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'],
  [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com', 'cache-control: no-cache'],
  [':method: GET', ':scheme: https', ':path: /index.html', ':authority: www.example.com', 'custom-key: custom-value'],
]
const LOCATION = 'location: https://www.example.com'
const RESPONSES = [
  [':status: 302', 'cache-control: private', 'date: Mon, 21 Oct 2013 20:13:21 GMT', LOCATION],
  [':status: 307', 'cache-control: private', 'date: Mon, 21 Oct 2013 20:13:21 GMT', LOCATION],
  [
    ':status: 200',
    'cache-control: private',
    'date: Mon, 21 Oct 2013 20:13:22 GMT',
    LOCATION,
    'content-encoding: gzip',
    'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
  ],
]
/** Of a table of 256 bytes. */
const SMALL = '3fe101'

/** RFC 7541, appendix C: blocks of one connection, and the fields of each. */
const VECTORS: Readonly<Record<string, readonly (readonly [hex: string, lines: readonly string[]])[]>> = {
  'C.2.1 a literal that is kept': [['400a637573746f6d2d6b65790d637573746f6d2d686561646572', ['custom-key: custom-header']]],
  'C.2.2 a literal that is not kept': [['040c2f73616d706c652f70617468', [':path: /sample/path']]],
  'C.2.3 a literal that is never kept': [['100870617373776f726406736563726574', ['password: secret']]],
  'C.2.4 an indexed field': [['82', [':method: GET']]],
  'C.3 requests': [
    ['828684410f7777772e6578616d706c652e636f6d', REQUESTS[0]!],
    ['828684be58086e6f2d6361636865', REQUESTS[1]!],
    ['828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565', REQUESTS[2]!],
  ],
  'C.4 requests with Huffman codes': [
    ['828684418cf1e3c2e5f23a6ba0ab90f4ff', REQUESTS[0]!],
    ['828684be5886a8eb10649cbf', REQUESTS[1]!],
    ['828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf', REQUESTS[2]!],
  ],
  'C.5 responses, with evictions': [
    [
      `${SMALL}4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d`,
      RESPONSES[0]!,
    ],
    ['4803333037c1c0bf', RESPONSES[1]!],
    [
      '88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31',
      RESPONSES[2]!,
    ],
  ],
  'C.6 responses with Huffman codes, with evictions': [
    [
      `${SMALL}488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3`,
      RESPONSES[0]!,
    ],
    ['4883640effc1c0bf', RESPONSES[1]!],
    [
      '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
      RESPONSES[2]!,
    ],
  ],
}

for (const [name, blocks] of Object.entries(VECTORS))
  test(`RFC 7541 ${name}`, () => {
    const decoder = new HeaderDecoder(LIMITS)
    for (const [hex, lines] of blocks) assert.deepEqual(linesOf(decoder, bytesOf(hex)), lines)
  })

const BROKEN: Readonly<Record<string, string>> = {
  'an index of nothing': '80',
  'an index beyond both tables': 'be',
  'an integer that never ends': 'ffffffffffffffffffffffff',
  'an integer of many zeros': 'ff808080808080808080808000',
  'an integer that breaks off': 'ff80',
  'a string beyond its block': '000561',
  'a name without a value': '000161',
  'a string that breaks off in its length': '007f',
  'a table larger than it may be': '3fe21f',
  'a change of the table after a field': '8220',
  'a Huffman code with the end in it': '0084ffffffff00',
  'Huffman padding that is too long': '0082 1fff 00',
  'Huffman padding that is not all ones': '0081 10 00',
}

for (const [name, hex] of Object.entries(BROKEN))
  test(`${name} ends the connection`, () => {
    assert.throws(() => new HeaderDecoder(LIMITS).decode(bytesOf(hex)), ConnectionError)
  })

test('what is beyond the limit of a head is not kept, and what follows it is read nevertheless', () => {
  const decoder = new HeaderDecoder({ bytes: 10_000, fields: 256 })
  const long = Buffer.concat([bytesOf('40016e7fa11e'), Buffer.alloc(4_000, 'x')])
  assert.equal(decoder.decode(long).isTooLarge, false)
  // A bomb: each byte stands for 4 KB.
  const { fields, isTooLarge } = decoder.decode(Buffer.alloc(16_000, 0xbe))
  assert.deepEqual([fields.length, isTooLarge], [2, true])
  const many = new HeaderDecoder(LIMITS).decode(Buffer.alloc(300, 0x82))
  assert.deepEqual([many.fields.length, many.isTooLarge], [256, true])
  assert.equal(linesOf(decoder, bytesOf('be'))[0]!.length, 4_003)
})

test('whatever bytes a head is made of, it is read or refused', () => {
  const random = seededRandom(7)
  const valid = Object.values(VECTORS).flatMap((blocks) => blocks.map(([hex]) => bytesOf(hex)))
  let refused = 0
  for (let turn = 0; turn < 20_000; turn++) {
    const block = Buffer.from(valid[Math.floor(random.float() * valid.length)]!)
    for (let changes = 1 + Math.floor(random.float() * 4); changes > 0; changes--)
      block[Math.floor(random.float() * block.length)] = Math.floor(random.float() * 256)
    const decoder = new HeaderDecoder(LIMITS)
    try {
      for (const { bytes } of decoder.decode(block.subarray(0, Math.ceil(random.float() * block.length))).fields)
        assert.ok(bytes >= 32)
    } catch (error) {
      assert.ok(error instanceof ConnectionError, String(error))
      refused++
    }
  }
  assert.ok(refused > 1_000 && refused < 19_000, `${refused} were refused`)
})

test('what the encoder writes is what a decoder reads, whatever is kept and dropped on the way', () => {
  const random = seededRandom(11)
  const [encoder, decoder] = [new HeaderEncoder(), new HeaderDecoder(LIMITS)]
  const names = [
    'content-type',
    'audit-id',
    'set-cookie',
    'X-Kubernetes-Pf-Flowschema-Uid',
    'cache-control',
    'location',
    'etag',
    'vary',
  ]
  const word = (): string => 'v'.repeat(Math.floor(random.float() ** 8 * 6_000)) + Math.floor(random.float() * 40)
  for (let turn = 0; turn < 3_000; turn++) {
    if (random.float() < 0.05) encoder.resize(Math.floor(random.float() * 6_000))
    const headers: Record<string, string | string[]> = { connection: 'close' }
    for (const name of names) if (random.float() < 0.5) headers[name] = random.float() < 0.2 ? [word(), word()] : word()
    const status = [200, 201, 404, 409, 503][Math.floor(random.float() * 5)]!
    const length = random.float() < 0.5 ? undefined : Math.floor(random.float() * 100_000)
    const expected = [`:status: ${status}`, 'date: now']
    for (const [name, value] of Object.entries(headers).slice(1))
      for (const each of [value].flat()) expected.push(`${name.toLowerCase()}: ${each}`)
    if (length !== undefined) expected.push(`content-length: ${length}`)
    assert.deepEqual(linesOf(decoder, encoder.encode(status, headers, length, 'now')), expected)
  }
})

test('fields that answers have in common are a byte each from the second time on, secrets and what passes never', () => {
  const encoder = new HeaderEncoder()
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-cache, private' }
  const [first, second] = [headers, headers].map((each) => encoder.encode(200, each, undefined, undefined).length)
  assert.ok(first! > 30)
  assert.equal(second, 3)
  const secret = encoder.encode(200, { 'set-cookie': ['a=b'] }, undefined, undefined)
  assert.equal(secret[1]! & 0xf0, 0x10)
})

test('a value can not end its line', () => {
  const block = new HeaderEncoder().encode(200, { location: '/a\r\nset-cookie: b' }, undefined, undefined)
  assert.deepEqual(linesOf(new HeaderDecoder(LIMITS), block)[1], 'location: /a  set-cookie: b')
})
