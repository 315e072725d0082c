/**
 * Paths and methods, asked of both. What differs by design: upstream's program serves no core group, lists no groups and lists its paths where kube-apiserver answers a
 * page; its health has other checks. What is kept: a path that is no percent-encoding is told so by a Status, not by a page without an Audit-Id; a path that ends
 * with `watch` is a page, not an internal error. Upstream's program lets everybody ask for health by any method, and takes only watches for requests that last.
 */
import { GADGETS, WIDGETS } from './kinds.ts'
import { labOf } from './lab.ts'

const lab = labOf()

const V1 = '/apis/example.com/v1'
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'

const PATHS = [
  ...[
    '/apis/nope',
    '/apis/nope/',
    '/apis/nope/v1',
    '/apis/nope/v1/foos',
    '/apis//example.com',
    '/apis//example.com/v1/widgets',
    '/apis/./example.com',
  ],
  ...[
    '/apis/example.com',
    '/apis/example.com/',
    '/apis/example.com/v2',
    '/apis/example.com/v2/widgets',
    '/version/',
    '/version/x',
  ],
  ...[
    '/nopes',
    '/nopes/x',
    '/namespaces',
    '/namespaces/a',
    '/namespaces/a/nopes',
    '/namespaces/a/gadgets',
    '/widgets',
    '/widgets/',
    '/widgets/none',
  ].map((rest) => V1 + rest),
  ...['//widgets', '/../v1/widgets', '/%77idgets', '/namespaces/a%2Fb/widgets', '/namespaces/nope/widgets', '/watch/nope'].map(
    (rest) => V1 + rest,
  ),
  ...[
    '',
    '/',
    '/none',
    '/none/',
    '/none/status',
    '/none/scale',
    '/none/nope',
    '/none/status/more',
    '//none',
    '/a%2Fb',
    '/..',
    '/.',
    '/%2e%2e',
    '/a%20b',
    '/a%25b',
    '/UPPER',
  ].map((rest) => WIDGETS + rest),
  ...['', '/none', '/none/status', '/none/scale'].map((rest) => GADGETS + rest),
  ...['/none', '/none/status', '/none/nope', '/a%25b'].map((rest) => CRDS + rest),
  ...[
    '/apis/apiextensions.k8s.io',
    '/apis/apiextensions.k8s.io/v2',
    '/apis/apiextensions.k8s.io/v1/nope',
    '/apis/apiextensions.k8s.io/v1/nope/x',
  ],
  ...[
    '/healthz',
    '/livez',
    '/readyz',
    '/healthz/ping',
    '/readyz/ping',
    '/readyz/informer-sync',
    '/readyz/etcd',
    '/readyz?exclude=etcd',
    '/livez/ping?verbose',
  ],
]

lab.gets(PATHS)

const METHODS = ['POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'PURGE']
const PLACES = [
  '/version',
  `${V1}/widgets`,
  WIDGETS,
  `${WIDGETS}/none`,
  `${WIDGETS}/none/status`,
  `${GADGETS}/none`,
  CRDS,
  `${CRDS}/none`,
  `${CRDS}/none/status`,
  `${CRDS}/none/nope`,
]

/** Whose answers depend on a body, which is another test's. */
const WITH_BODY = /^(POST|PUT|PATCH) .*(s|none|status)$/
const asksOf = (method: string): string[] =>
  PLACES.map((place) => `${method} ${place}`).filter((line) => !WITH_BODY.test(line) || /version$|nope$|v1.widgets$/.test(line))

for (const line of METHODS.flatMap(asksOf)) {
  const [method = '', target = ''] = line.split(' ')
  // The definitions themselves are needed.
  if (method === 'DELETE' && target === CRDS) continue
  lab.same({ method, target })
}

const GUARDED = [
  '/',
  '/nope',
  '/healthz/nope',
  '/metrics',
  WIDGETS,
  `${WIDGETS}/x`,
  `${WIDGETS}?watch=1`,
  `${V1}/watch/widgets`,
  '/apis/nope/v1/foos/x',
]

for (const who of ['nobody', 'anonymous'] as const) {
  lab.gets(['/healthz', '/livez', '/debug/pprof/'], { who })
  for (const method of ['GET', 'POST', 'OPTIONS']) lab.gets(GUARDED, { who, method })
}
