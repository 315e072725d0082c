/**
 * What queries of reads and deletes ask for, asked of both. What is kept: a revision that is no number is the client's mistake (400, 422), where upstream has an internal
 * error for a get and a watch; `%zz` in a query is taken as it stands, where Go drops the parameter.
 */
import { WIDGETS, widget } from './kinds.ts'
import { labOf } from './lab.ts'

const PROBE = { 'user-agent': 'probe/1' }
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'

const lab = labOf(async (exchange) => {
  for (const name of ['w1', 'w2', 'w3'])
    await exchange.toBoth({ method: 'POST', target: WIDGETS, headers: PROBE, body: widget(name, {}, { labels: { n: name } }) })
})

const START = Buffer.from('{"v":"meta.k8s.io/v1","rv":2,"start":"../b/w1"}').toString('base64url')

const LISTS = [
  ...[
    'limit=x',
    'limit=-1',
    'limit=1.5',
    'limit=',
    'limit=1',
    'limit=1&limit=2',
    'limit=99999999999999999999',
    'limit=%201',
    'limit=1e3',
  ],
  ...[
    'continue=x',
    'continue=!!',
    'continue=e30',
    'continue=bnVsbA',
    `continue=${START}`,
    'continue=',
    'continue=x&resourceVersion=1',
    'continue=x&resourceVersionMatch=Exact',
  ],
  ...[
    'resourceVersion=x',
    'resourceVersion=',
    'resourceVersion=-1',
    'resourceVersion=0',
    'resourceVersion=1',
    'resourceVersion=9999999',
    'resourceVersion=18446744073709551616',
  ],
  ...[
    'resourceVersion=0&limit=1',
    'resourceVersion=x&limit=1',
    'resourceVersion=0&resourceVersionMatch=NotOlderThan&limit=1',
    'resourceVersion=0&resourceVersionMatch=Exact',
  ],
  ...[
    'resourceVersionMatch=Exact',
    'resourceVersionMatch=x',
    'resourceVersionMatch=exact',
    'resourceVersion=0&resourceVersionMatch=x',
  ],
  ...[
    'sendInitialEvents=true',
    'sendInitialEvents=',
    'sendInitialEvents=true&resourceVersionMatch=NotOlderThan',
    'allowWatchBookmarks=x',
  ],
  ...[
    'timeoutSeconds=x',
    'timeoutSeconds=-1',
    'timeoutSeconds=',
    'timeout=x',
    'timeout=1',
    'timeout=-1s',
    'timeout=0',
    'timeout=',
    'timeout=1h',
  ],
  ...[
    'labelSelector=n',
    'labelSelector=n=w1',
    'labelSelector=n%20in%20(w1,w2)',
    'labelSelector=n%20in',
    'labelSelector=!n',
    'limit=1&labelSelector=n',
  ],
  ...[
    'fieldSelector=metadata.name=w1',
    'fieldSelector=metadata.name',
    'fieldSelector=spec.color=red',
    'fieldSelector=spec.nope=red',
    'fieldSelector=metadata.namespace=b',
  ],
  ...[
    'pretty=true',
    'pretty=false',
    'pretty=x',
    'pretty=',
    'watch=false',
    'watch=0',
    'watch=FALSE',
    'includeObject=x',
    'unknown=1',
    'dryRun=x',
  ],
]
lab.gets(
  LISTS.map((query) => `${WIDGETS}?${query}`),
  { headers: PROBE },
)

const WATCHES = [
  ...[
    'resourceVersion=0',
    'allowWatchBookmarks=true',
    'resourceVersion=9999999',
    'limit=1',
    'continue=x',
    'labelSelector=n=w1',
    'labelSelector=((',
    'fieldSelector=metadata.name=w2',
  ],
  ...[
    'sendInitialEvents=true',
    'sendInitialEvents=false',
    'resourceVersionMatch=NotOlderThan',
    'resourceVersionMatch=Exact',
    'fieldSelector=spec.nope=x',
    'pretty=true',
  ],
  ...['', '&resourceVersion=0', '&allowWatchBookmarks=true', '&continue=x', '&resourceVersion=9999999'].map(
    (more) => `sendInitialEvents=true&resourceVersionMatch=NotOlderThan${more}`,
  ),
]
lab.gets(
  WATCHES.map((query) => `${WIDGETS}?watch=1&timeoutSeconds=1&${query}`),
  { headers: PROBE },
)
lab.gets(
  ['/namespaces/a/widgets', '/namespaces/a/widgets/w1', '/widgets', '/gadgets'].map(
    (rest) => `/apis/example.com/v1/watch${rest}?timeoutSeconds=1`,
  ),
  { headers: PROBE },
)

const GETS = [
  'resourceVersion=0',
  'resourceVersion=1',
  'resourceVersion=9999999',
  'resourceVersionMatch=Exact',
  'pretty=1',
  'export=true',
  'limit=x',
  'timeout=x',
  'labelSelector=((',
]
lab.gets(
  GETS.flatMap((query) => ['', '/status', '/scale'].map((part) => `${WIDGETS}/w1${part}?${query}`)),
  { headers: PROBE },
)

const DELETES = [
  ...['', '-1', '0', 'x', '1.5', '99999999999999999999'].map((seconds) => `gracePeriodSeconds=${seconds}&dryRun=All`),
  ...['', 'x', 'Orphan', 'orphan', 'Foreground', 'Background'].map((policy) => `propagationPolicy=${policy}&dryRun=All`),
  ...['', 'x', 'true', 'false', '0'].map((orphan) => `orphanDependents=${orphan}&dryRun=All`),
  ...[
    'uid=x&dryRun=All',
    'resourceVersion=1&dryRun=All',
    'preconditions.uid=x&dryRun=All',
    'dryRun=',
    'dryRun=x',
    'dryRun=All&dryRun=x',
    'propagationPolicy=x&orphanDependents=true',
  ],
]
lab.gets(
  DELETES.flatMap((query) => [`${WIDGETS}/w2?${query}`, `${WIDGETS}/nope?${query}`]),
  { method: 'DELETE', headers: PROBE },
)
// To upstream, a revision of a collection is also the one that it is listed at, exactly.
lab.gets(
  DELETES.filter((query) => !query.startsWith('resourceVersion')).map((query) => `${WIDGETS}?${query}`),
  { method: 'DELETE', headers: PROBE },
)
const COLLECTIONS = [
  'limit=x',
  'limit=1',
  'labelSelector=n=w1',
  'labelSelector=((',
  'fieldSelector=spec.nope=x',
  'resourceVersion=x',
  'resourceVersion=0',
  'resourceVersionMatch=Exact',
  'continue=x',
  'timeoutSeconds=x',
  'sendInitialEvents=true',
]
lab.gets(
  COLLECTIONS.map((query) => `${WIDGETS}?dryRun=All&${query}`),
  { method: 'DELETE', headers: PROBE },
)
lab.gets(
  ['dryRun=x', 'dryRun=All', 'propagationPolicy=x'].map((query) => `${CRDS}/nope?${query}`),
  { method: 'DELETE', headers: PROBE },
)
