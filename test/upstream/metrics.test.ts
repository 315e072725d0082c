/**
 * What the two tell of themselves after the same requests: metrics with their help, types, labels and buckets, indicators of health, /statusz and /flagz.
 *
 * What upstream's program counts and ours does not is listed below with its reason. What ours counts beyond it are metrics of kube-apiserver (encryption, token caches, policies and the like, each of
 * which has tests of its own in src), of Node and of nobody else. Values are compared where both do the same for the same request. Kept: how often flow control dispatched whom, since each server is asked by
 * itself as well; how many objects there are, which upstream counts once a minute; Paths of /statusz; the YAML of /statusz, which js-yaml quotes otherwise.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Answered, type Asked, Exchange } from './exchange.ts'
import { type Family, growth, parseExposition } from './exposition.ts'
import { GADGETS, gadget, installKinds, WIDGETS, widget } from './kinds.ts'
import { type Servers, startServers } from './servers.ts'

const LACKING: readonly (readonly [names: RegExp, why: string])[] = [
  [/^apiserver_delegated_/, 'of a server that asks another one who somebody is and what he may'],
  [/^go_/, "of Go's runtime; Node's are nodejs_*"],
  [/^grpc_client_/, 'of the library that speaks to etcd, which the embedded store does without'],
  [
    /^etcd_request|^apiserver_storage_(db_total_)?size_(in_)?bytes$/,
    'the store is embedded: there are no requests, and no file that one could ask etcd for',
  ],
  [/^workqueue_/, "controllers within the server follow the watch cache and have none of client-go's queues"],
  [
    /^aggregator_discovery_(nopeer|peer)_/,
    'servers of other versions are not asked for what they serve (UnknownVersionInteroperabilityProxy)',
  ],
  [
    /^apiserver_cel_|^apiextensions_apiserver_validation_ratcheting/,
    'evaluations are not timed one by one: the two looks at the clock cost as much as most of them',
  ],
  [/_duration_seconds_summary$/, 'quantiles over ten minutes, beside a histogram of the same'],
  [
    /^apiserver_current_inqueue_requests$|^apiserver_flowcontrol_(current_r|dispatch_r|latest_s|next_|current_inqueue_seats|request_queue_length|demand_seats|priority_level_|read_vs_write|request_concurrency_|watch_count)/,
    'observed by the nanosecond, deprecated, or kept as sums: apiserver_flowcontrol_current_inqueue_requests and the averages tell it',
  ],
  [
    /^apiserver_request_filter_duration_seconds$|^apiserver_request_body_size_bytes$/,
    'the two stages that take time are authentication_ and authorization_duration_seconds; bodies are read by whoever decodes them',
  ],
  [
    /^apiserver_request_timestamp_comparison_time$/,
    'an update that changes only a time is found by identity, in no step of its own',
  ],
  [/^field_validation_request_duration_seconds$/, 'upstream never observes it'],
  [
    /^apiserver_(envelope_encryption_dek_cache|storage_data_key|storage_envelope_transformation)/,
    'there with encryption at rest, which tells what it does',
  ],
  [/^apiserver_validation_/, 'there are no two validations of which one is held to the other'],
  [/^apiserver_webhooks_x509_/, "OpenSSL refuses what Go's library counts"],
  [/^cardinality_enforcement|^etcd_bookmark/, 'of a list of allowed labels, which there is not; of etcd'],
  [/^process_(network|virtual_memory_max)/, 'prom-client does not read them'],
]

/** Labels that are ours to add: none; and those that ours lacks, of flow control. */
const LABELS_LACKING: Readonly<Record<string, readonly string[]>> = {
  apiserver_flowcontrol_request_execution_seconds: ['type'],
  apiserver_flowcontrol_request_wait_duration_seconds: ['execute'],
}

let servers: Servers
let exchange: Exchange
let first: readonly Map<string, Family>[]
let second: readonly Map<string, Family>[]
let last: readonly Map<string, Family>[]

const scrape = async (): Promise<Map<string, Family>[]> =>
  (await exchange.toBoth({ target: '/metrics' })).map(({ body }) => parseExposition(body))

const watched = 'watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1'

before(async () => {
  servers = await startServers()
  exchange = new Exchange(servers)
  await installKinds(exchange, servers)
  first = await scrape()
  const asked: readonly Asked[] = [
    { method: 'POST', target: WIDGETS, body: widget('one') },
    { method: 'POST', target: WIDGETS, body: widget('one') },
    { method: 'POST', target: WIDGETS, body: { kind: 'Widget' } },
    { method: 'POST', target: `${WIDGETS}?dryRun=All`, body: widget('two') },
    { method: 'POST', target: GADGETS, body: gadget('g') },
    { target: WIDGETS },
    { target: `${WIDGETS}?labelSelector=none` },
    { target: `${WIDGETS}?limit=1` },
    { target: '/apis/example.com/v1/widgets' },
    { target: `${WIDGETS}?resourceVersion=0` },
    { target: `${WIDGETS}/one` },
    { target: `${WIDGETS}/none` },
    { target: `${WIDGETS}/one/status` },
    { target: `${WIDGETS}/one/scale` },
    { target: '/apis/example.com/v1beta1/namespaces/a/widgets' },
    {
      method: 'PATCH',
      target: `${WIDGETS}/one`,
      headers: { 'content-type': 'application/merge-patch+json' },
      body: { spec: { color: 'red' } },
    },
    {
      method: 'PATCH',
      target: `${WIDGETS}/two?fieldManager=me`,
      headers: { 'content-type': 'application/apply-patch+yaml' },
      body: widget('two'),
    },
    { target: `${WIDGETS}?${watched}` },
    { method: 'DELETE', target: `${WIDGETS}/one` },
    { method: 'DELETE', target: GADGETS },
    { target: WIDGETS, who: 'nobody' as const },
    { target: '/healthz' },
    { target: '/livez?verbose' },
    { target: '/readyz?exclude=ping&exclude=nope&verbose' },
    { target: '/readyz' },
    { target: '/healthz/ping' },
    { target: '/statusz' },
    { target: '/statusz', headers: { accept: 'application/json' } },
    { target: '/statusz', headers: { accept: statuszIn('v1alpha1') } },
  ]
  for (const each of asked) await exchange.toBoth(each)
  second = await scrape()
  // Upstream has this in a snapshot of its cache, ours in its store, so that one counts other lists than the other.
  const [ours, theirs] = (await exchange.toBoth({ target: WIDGETS })).map(
    ({ body }) => /"resourceVersion":"(\d+)"/.exec(body)?.[1],
  )
  const exact = (revision = ''): string => `${WIDGETS}?resourceVersion=${revision}&resourceVersionMatch=Exact`
  await Promise.all([
    exchange.ask(servers.ours, { target: exact(ours) }),
    exchange.ask(servers.theirs, { target: exact(theirs) }),
  ])
  last = await scrape()
})
after(async () => {
  exchange?.[Symbol.dispose]()
  await servers?.[Symbol.asyncDispose]()
})

test('each family of upstream’s is told by the same help, type, labels and buckets, or is listed', () => {
  const [ours, theirs] = last as [Map<string, Family>, Map<string, Family>]
  const reasons = new Set<RegExp>()
  const lacking: string[] = []
  for (const [name, family] of theirs) {
    const own = ours.get(name)
    if (own === undefined) {
      const listed = LACKING.find(([names]) => names.test(name))
      if (listed === undefined) lacking.push(name)
      else reasons.add(listed[0])
      continue
    }
    assert.deepEqual([own.help, own.type], [family.help, family.type], name)
    assert.deepEqual([...own.labels, ...(LABELS_LACKING[name] ?? [])].sort(), family.labels, name)
    assert.deepEqual(own.bounds, family.bounds, name)
  }
  assert.deepEqual(lacking, [])
  assert.deepEqual(
    LACKING.flatMap(([names]) => (reasons.has(names) ? [] : [names.source])),
    [],
    'what is listed is lacking',
  )
})

test('families come in the order of their names, and say how stable they are', async () => {
  const [own] = await exchange.toBoth({ target: '/metrics' })
  const names = [...own!.body.matchAll(/^# HELP (\S+) /gm)].map(([, name]) => name!)
  assert.deepEqual(
    names,
    names.toSorted((a, b) => (a < b ? -1 : 1)),
  )
  for (const { name, help } of parseExposition(own!.body).values())
    if (!/^(nodejs|process)_/.test(name)) assert.match(help, /^\[(ALPHA|BETA|STABLE)\] ?/, name)
})

for (const [name, ...words] of [
  ['apiserver_request_total', 'group="example.com"'],
  ['apiserver_request_total', 'resource="statusz"'],
  ['apiserver_request_total', 'component=""'],
  ['apiserver_requested_deprecated_apis', 'removed_release'],
  ['apiserver_watch_events_total', 'group="example.com"'],
  ['apiserver_cache_list_total', 'group="example.com"'],
  ['apiserver_cache_list_returned_objects_total', 'group="example.com"'],
  ['apiserver_watch_cache_events_received_total', 'group="example.com"'],
  ['apiserver_storage_events_received_total', 'group="example.com"'],
  ['apiserver_init_events_total', 'group="example.com"'],
  ['apiserver_request_duration_seconds', '_count', 'group="example.com"'],
  ['apiserver_request_sli_duration_seconds', '_count', 'group="example.com"'],
  ['apiserver_response_sizes', '_count', 'group="example.com"'],
  ['apiserver_watch_events_sizes', '_count', 'group="example.com"'],
  ['apiserver_watch_list_duration_seconds', '_count', 'group="example.com"'],
  ['apiserver_longrunning_requests', 'group="example.com"'],
  ['authorization_attempts_total', 'denied'],
] as const)
  test(`${name} grows by the same (${words.join(' ')})`, () => {
    const [ours, theirs] = first.map((before, at) => growth(before, second[at]!, name, ...words))
    assert.deepEqual(ours, theirs)
  })

test('how checks came out is told by the same metrics', async () => {
  const [ours, theirs] = await exchange.toBoth({ target: '/metrics/slis' })
  const shape = ({ status, headers, body }: Answered): unknown => [
    status,
    headers['content-type'],
    [...parseExposition(body).values()].map(({ name, help, type, labels }) => ({
      name,
      // prom-client's has no stability.
      help: help.replace(/^\[ALPHA\] /, ''),
      type,
      labels,
    })),
  ]
  assert.deepEqual(shape(ours!), shape(theirs!))
  for (const check of ['ping', 'etcd', 'etcd-readiness', 'informer-sync', 'shutdown'])
    for (const { body } of [ours!, theirs!])
      assert.ok(body.includes(`kubernetes_healthcheck{name="${check}",type="readyz"} 1\n`), check)
})

for (const target of ['/healthz', '/livez', '/readyz'])
  test(`${target} is told by lines of the same form`, async () => {
    for (const query of ['', '?verbose', '?verbose&exclude=ping&exclude=nope', '?exclude=nope']) {
      const { ours, theirs } = await exchange.both({ target: target + query })
      const common = ({ body, ...answered }: Answered): unknown => ({
        ...answered,
        lines: body.split('\n').filter((line) => !/poststarthook|\]log |loopback-serving/.test(line)),
      })
      assert.deepEqual(common(ours), common(theirs), query)
    }
  })

function statuszIn(version: string, kind = 'Statusz', type = 'application/json'): string {
  return `${type};v=${version};g=config.k8s.io;as=${kind}`
}

/** What is nobody's business but each server's. */
const masked = ({ status, headers, body }: Answered): unknown => ({
  status,
  type: headers['content-type'],
  warning: headers['warning'],
  body: body
    .replace(/^(Started|Up|Go version|Binary version|Emulation version|Paths)(: |:|=| ) /gm, '$1: ')
    .replace(/^(Started|Up|Go version|Paths): .*/gm, '$1')
    .replace(/"(goVersion|startTime)":( ?)"[^"]*"/g, '"$1":$2""')
    .replace(/"uptimeSeconds":( ?)\d+/, '"uptimeSeconds":$10')
    .replace(/"paths":( ?)\[[^\]]*\]/, '"paths":$1[]'),
})

for (const accept of [
  undefined,
  '',
  '*/*',
  'text/plain',
  'text/*',
  'text/html',
  'text/html,*/*;q=0.1',
  'application/json',
  'application/json,text/plain;q=0.9',
  'application/*',
  'nonsense',
  statuszIn('v1beta1'),
  statuszIn('v1alpha1'),
  statuszIn('v2'),
  statuszIn('v1'),
  statuszIn('v1beta1', 'Flagz'),
  statuszIn('v1beta1', 'Statusz', 'text/plain'),
  statuszIn('v1beta1', 'Statusz', 'application/cbor'),
  statuszIn('v1beta1', 'Statusz', '*/*'),
  `${statuszIn('v1beta1')};pretty=1`,
  `${statuszIn('v1beta1')};sv=v1`,
  `${statuszIn('v1beta1')};stream=watch`,
  'application/json;as=Statusz',
  'text/plain;q=0.1,'.concat(statuszIn('v1beta1')),
])
  test(`/statusz, accepting ${accept}`, async () => {
    const headers: Record<string, string> = accept === undefined ? {} : { accept }
    const [ours, theirs] = await exchange.toBoth({ target: '/statusz', headers })
    assert.deepEqual(masked(ours!), masked(theirs!))
  })
