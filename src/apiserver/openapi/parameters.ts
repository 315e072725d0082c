import type { ResourceDefinition } from '#api'

/** Query parameters by request verb, as published in the 1.36 OpenAPI documents. */
export type ParameterType = 'string' | 'integer' | 'boolean'

export interface QueryParameter {
  readonly name: string
  readonly type: ParameterType
  readonly description: string
}

const parameter = (name: string, type: ParameterType, description: string): QueryParameter => ({ name, type, description })

const pretty = parameter('pretty', 'string', "If 'true', the output is indented for reading.")
const dryRun = parameter('dryRun', 'string', "'All' runs every step of the request except storing its result.")
const fieldManager = parameter('fieldManager', 'string', 'Names the actor on whose behalf fields change; required for apply.')
const fieldValidation = parameter(
  'fieldValidation',
  'string',
  'What happens to unknown and duplicate fields: Ignore drops them, Warn (the default) drops them with a warning, Strict refuses the request.',
)
const resourceVersion = parameter('resourceVersion', 'string', 'Constrains which versions the answer may be served from.')
const selectors = [
  parameter('labelSelector', 'string', 'Restricts the answer to objects whose labels match.'),
  parameter('fieldSelector', 'string', 'Restricts the answer to objects whose fields match.'),
]
const paging = [
  parameter('continue', 'string', 'The token of the previous page.'),
  parameter('limit', 'integer', 'At most this many objects in one answer.'),
  resourceVersion,
  parameter('resourceVersionMatch', 'string', 'How resourceVersion constrains a list: Exact or NotOlderThan.'),
  parameter('shardSelector', 'string', 'Restricts the answer to one shard of the objects.'),
  parameter('sendInitialEvents', 'boolean', 'Starts a watch with synthetic events for what exists, closed by a bookmark.'),
  parameter('timeoutSeconds', 'integer', 'Ends the call after this many seconds.'),
]
const deletion = [
  dryRun,
  parameter('gracePeriodSeconds', 'integer', 'Seconds before the object is deleted; zero deletes at once.'),
  parameter(
    'ignoreStoreReadErrorWithClusterBreakingPotential',
    'boolean',
    'Deletes an object that can not be read from the store.',
  ),
  parameter('orphanDependents', 'boolean', 'Deprecated: use propagationPolicy.'),
  parameter('propagationPolicy', 'string', 'What happens to dependents: Orphan, Background or Foreground.'),
]

export type DocumentedVerb = 'get' | 'list' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection'

export const PARAMETERS: Readonly<Record<DocumentedVerb, readonly QueryParameter[]>> = {
  get: [pretty],
  list: [
    parameter('allowWatchBookmarks', 'boolean', 'Asks for BOOKMARK events.'),
    ...paging,
    ...selectors,
    pretty,
    parameter('watch', 'boolean', 'Streams changes instead of answering once.'),
  ],
  create: [dryRun, fieldManager, fieldValidation, pretty],
  update: [dryRun, fieldManager, fieldValidation, pretty],
  patch: [
    dryRun,
    fieldManager,
    fieldValidation,
    parameter('force', 'boolean', 'Takes over fields of other managers; apply only.'),
    pretty,
  ],
  delete: [...deletion, pretty],
  deletecollection: [...deletion, ...paging, ...selectors, pretty],
}

const proxyPath = [parameter('path', 'string', 'The part of the URL behind the proxied object.')]
const streams = [
  parameter('container', 'string', 'The container; needed when the pod has several.'),
  parameter('stdin', 'boolean', 'Sends standard input to the process.'),
  parameter('stdout', 'boolean', 'Receives standard output of the process.'),
  parameter('stderr', 'boolean', 'Receives standard error of the process.'),
  parameter('tty', 'boolean', 'Allocates a terminal for the process.'),
]

/** What a subresource takes beside the parameters of its verb: by the kind of its options, or by its name. */
export const SUBRESOURCE_PARAMETERS: Readonly<Record<string, readonly QueryParameter[]>> = {
  PodAttachOptions: streams,
  PodExecOptions: [parameter('command', 'string', 'The command and its arguments, one value each.'), ...streams],
  PodPortForwardOptions: [parameter('ports', 'integer', 'The ports to forward; needed by WebSocket clients.')],
  PodProxyOptions: proxyPath,
  NodeProxyOptions: proxyPath,
  ServiceProxyOptions: proxyPath,
  log: [
    parameter('container', 'string', 'The container; needed when the pod has several.'),
    parameter('follow', 'boolean', 'Goes on with what is written later.'),
    parameter('insecureSkipTLSVerifyBackend', 'boolean', "Does not check the kubelet's certificate."),
    parameter('limitBytes', 'integer', 'Ends after this many bytes.'),
    parameter('previous', 'boolean', 'Shows the container that ended before this one.'),
    parameter('sinceSeconds', 'integer', 'Shows only the last seconds.'),
    parameter('stream', 'string', 'All, Stdout or Stderr.'),
    parameter('tailLines', 'integer', 'Shows only the last lines.'),
    parameter('timestamps', 'boolean', 'Puts the time before every line.'),
  ],
}

const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
] as const

/** By these kubectl's apply decides how it patches, so they are told exactly: custom kinds take no strategic merge patch. */
export const patchTypesOf = ({ custom }: Pick<ResourceDefinition, 'custom'>): string[] =>
  PATCH_TYPES.filter((type) => custom === undefined || type !== 'application/strategic-merge-patch+json')
