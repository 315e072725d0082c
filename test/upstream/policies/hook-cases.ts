import type { IncomingMessage, ServerResponse } from 'node:http'
import type { PolicyRequest } from '../../../src/apiserver/admission/policy/trial.ts'
import { creation, deletion, requests, update } from './cases.ts'

/** What a webhook has unless its case says otherwise. */
export const CONTROL = {
  rules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'], scope: '*' }],
  failurePolicy: 'Fail',
  matchPolicy: 'Equivalent',
  namespaceSelector: {},
  objectSelector: {},
  sideEffects: 'None',
  timeoutSeconds: 2,
  admissionReviewVersions: ['v1', 'v1beta1'],
}
export type Review = { apiVersion: string; kind: string; request: { uid: string } }
export type Answer = (review: Review, response: ServerResponse, request: IncomingMessage) => void
export interface HookCase {
  name: string
  type: 'mutating' | 'validating'
  hooks: { answer?: Answer; more?: Record<string, unknown>; client?: Record<string, unknown> }[]
  request: PolicyRequest
  configuration?: string
}

const reply =
  (response: object | ((review: Review) => object), outer: object = {}, status = 200): Answer =>
  (review, answer) => {
    const made = typeof response === 'function' ? response(review) : response
    answer.writeHead(status, { 'content-type': 'application/json' })
    answer.end(
      JSON.stringify({
        apiVersion: review.apiVersion,
        kind: review.kind,
        response: { uid: review.request.uid, ...made },
        ...outer,
      }),
    )
  }
const raw =
  (body: string | Buffer, status = 200, headers: Record<string, string> = { 'content-type': 'application/json' }): Answer =>
  (_review, answer) => {
    answer.writeHead(status, headers)
    answer.end(body)
  }
const b64 = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64')
const patchOf = (ops: unknown, more: object = {}) => reply({ allowed: true, patchType: 'JSONPatch', patch: b64(ops), ...more })

const ok = reply({ allowed: true })
const answers: Record<string, Answer> = {
  ok,
  'ok with warnings': reply({
    allowed: true,
    warnings: ['one', '', 'two', 'x'.repeat(300), 'a\nb'],
    auditAnnotations: { a: '1', 'b/c': '2', '': '3', 'bad key': '4', é: '5' },
  }),
  no: reply({ allowed: false }),
  'no status': reply({ allowed: false, status: {} }),
  'no message': reply({ allowed: false, status: { message: 'm' } }),
  'no reason': reply({ allowed: false, status: { reason: 'Because' } }),
  'no whole': reply({
    allowed: false,
    status: {
      message: 'm',
      reason: 'Gone',
      code: 410,
      status: 'Success',
      details: { name: 'n', kind: 'k', causes: [{ reason: 'r', message: 'c', field: 'f' }], retryAfterSeconds: 3 },
      metadata: { resourceVersion: '3' },
    },
  }),
  'no code 200': reply({ allowed: false, status: { code: 200 } }),
  'no code 700': reply({ allowed: false, status: { code: 700, message: 'x' } }),
  'no with warnings': reply({ allowed: false, warnings: ['w'], auditAnnotations: { k: 'v' }, status: { message: 'no' } }),
  'no with patch': patchOf([{ op: 'add', path: '/data/x', value: 'y' }], { allowed: false }),
  'without response': reply({}, { response: undefined }),
  'null response': reply({}, { response: null }),
  'wrong uid': reply({ uid: 'x', allowed: true }),
  'no uid': reply({ uid: undefined, allowed: true }),
  'number uid': reply({ uid: 3, allowed: true }),
  'wrong version': reply({ allowed: true }, { apiVersion: 'admission.k8s.io/v1beta1' }),
  'unknown version': reply({ allowed: true }, { apiVersion: 'admission.k8s.io/v2' }),
  'wrong kind': reply({ allowed: true }, { kind: 'Other' }),
  'no kind': reply({ allowed: true }, { kind: undefined }),
  'no version': reply({ allowed: true }, { apiVersion: undefined }),
  neither: reply({ allowed: true }, { apiVersion: undefined, kind: undefined }),
  'a pod': raw('{"apiVersion":"v1","kind":"Pod"}'),
  'a status': raw('{"apiVersion":"v1","kind":"Status","status":"Failure","message":"m","reason":"Gone","code":410}'),
  'a success': raw('{"apiVersion":"v1","kind":"Status","status":"Success"}'),
  'allowed is text': reply({ allowed: 'true' }),
  'warnings are text': reply({ allowed: true, warnings: 'w' }),
  'warnings of numbers': reply({ allowed: true, warnings: [1] }),
  'annotations of numbers': reply({ allowed: true, auditAnnotations: { a: 1 } }),
  'status is text': reply({ allowed: false, status: 'no' }),
  'code is text': reply({ allowed: false, status: { code: '404' } }),
  'unknown fields': reply({ allowed: true, other: 1 }),
  empty: raw(''),
  html: raw('<html>', 200, { 'content-type': 'text/html' }),
  half: raw('{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{'),
  list: raw('[]'),
  nul: raw('null'),
  number: raw('1'),
  yaml: raw('apiVersion: admission.k8s.io/v1\nkind: AdmissionReview\n', 200, { 'content-type': 'application/yaml' }),
  protobuf: raw(Buffer.from([0x6b, 0x38, 0x73, 0]), 200, { 'content-type': 'application/vnd.kubernetes.protobuf' }),
  'other type': (review, answer) => {
    answer.writeHead(200, { 'content-type': 'text/plain' })
    answer.end(JSON.stringify({ ...review, response: { uid: review.request.uid, allowed: true } }))
  },
  'no type': (review, answer) => {
    answer.end(JSON.stringify({ ...review, response: { uid: review.request.uid, allowed: true } }))
  },
  ...Object.fromEntries(
    [
      201, 204, 301, 302, 304, 307, 308, 400, 401, 402, 403, 404, 405, 406, 409, 410, 413, 415, 418, 422, 429, 500, 501, 502, 503,
      504, 599,
    ].flatMap((status) => [
      [`status ${status}`, raw('', status)],
      [`status ${status} with text`, raw('some text', status, { 'content-type': 'text/plain' })],
      [
        `status ${status} with a Status`,
        raw(
          JSON.stringify({
            kind: 'Status',
            apiVersion: 'v1',
            status: 'Failure',
            message: 'from status',
            reason: 'Conflict',
            code: 409,
          }),
          status,
        ),
      ],
      [`status ${status} with an answer`, reply({ allowed: true }, {}, status)],
    ]),
  ),
  'status 429 retry': raw('', 429, { 'retry-after': '1' }),
  'status 302 elsewhere': raw('', 302, { location: 'https://127.0.0.1:1/x' }),
  'status 307 elsewhere': raw('', 307, { location: 'https://127.0.0.1:1/x' }),
  closed: (_r, _a, request) => void request.socket.destroy(),
  'closed after headers': (_r, answer) => {
    answer.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' })
    answer.write('{')
    setTimeout(() => answer.destroy(), 20)
  },
  hangs: () => undefined,
  'hangs in body': (_r, answer) => {
    answer.writeHead(200, { 'content-type': 'application/json' })
    answer.write('{')
  },
  patch: patchOf([{ op: 'add', path: '/data/x', value: 'y' }]),
  'patch nothing': patchOf([]),
  'patch same': patchOf([{ op: 'replace', path: '/data/a', value: '1' }]),
  'patch test': patchOf([{ op: 'test', path: '/data/a', value: '9' }]),
  'patch missing': patchOf([{ op: 'remove', path: '/data/zzz' }]),
  'patch unknown op': patchOf([{ op: 'x', path: '/data/a' }]),
  'patch no op': patchOf([{ path: '/data/a' }]),
  'patch no path': patchOf([{ op: 'add', value: 'x' }]),
  'patch no value': patchOf([{ op: 'add', path: '/data/v' }]),
  'patch op number': patchOf([{ op: 1, path: '/data/a' }]),
  'patch of object': patchOf({ op: 'add' }),
  'patch of text': patchOf('x'),
  'patch of numbers': patchOf([1]),
  'patch of null': patchOf('null'),
  'patch of [null]': patchOf('[null]'),
  'patch half': patchOf('[{'),
  'patch unknown field': patchOf([{ op: 'add', path: '/nothing', value: 1 }]),
  'patch wrong type': patchOf([{ op: 'add', path: '/data/a', value: 1 }]),
  'patch kind': patchOf([{ op: 'replace', path: '/kind', value: 'Secret' }]),
  'patch <html>': patchOf([
    { op: 'add', path: '/data/h', value: '<&>é' },
    { value: 'v', path: '/data/i', op: 'add', extra: 1 },
  ]),
  'patch array doc': patchOf([{ op: 'replace', path: '', value: [] }]),
  'patch labels': patchOf([{ op: 'replace', path: '/metadata/labels/app', value: 'b' }]),
  'patch without type': patchOf([{ op: 'add', path: '/data/x', value: 'y' }], { patchType: undefined }),
  'patch type null': patchOf([{ op: 'add', path: '/data/x', value: 'y' }], { patchType: null }),
  'patch type empty': patchOf([{ op: 'add', path: '/data/x', value: 'y' }], { patchType: '' }),
  'patch type Merge': patchOf([{ op: 'add', path: '/data/x', value: 'y' }], { patchType: 'MergePatch' }),
  'type without patch': reply({ allowed: true, patchType: 'JSONPatch' }),
  'type with empty patch': reply({ allowed: true, patchType: 'JSONPatch', patch: '' }),
  'patch no base64': reply({ allowed: true, patchType: 'JSONPatch', patch: '%%%' }),
  'patch plain': reply({ allowed: true, patchType: 'JSONPatch', patch: [{ op: 'add' }] }),
  'patch null': reply({ allowed: true, patchType: 'JSONPatch', patch: null }),
  'empty type': reply({ allowed: true, patchType: '' }),
}

export function* hookCases(): Iterable<HookCase> {
  for (const type of ['mutating', 'validating'] as const) {
    for (const [name, answer] of Object.entries(answers))
      for (const failurePolicy of ['Fail', 'Ignore']) {
        if (name.startsWith('hangs') && type === 'validating') continue
        yield {
          name: `${type} ${name} ${failurePolicy}`,
          type,
          request: creation(),
          hooks: [{ answer, more: { failurePolicy, ...(name.startsWith('hangs') && { timeoutSeconds: 1 }) } }],
        }
        if (!name.startsWith('hangs') && !name.startsWith('status'))
          yield {
            name: `${type} ${name} v1beta1 ${failurePolicy}`,
            type,
            request: creation(),
            hooks: [{ answer, more: { failurePolicy, admissionReviewVersions: ['v2', 'v1beta1', 'v1'] } }],
          }
      }
    for (const [name, request] of Object.entries(requests))
      for (const admissionReviewVersions of [['v1'], ['v1beta1']])
        for (const answer of ['ok', 'patch', 'patch labels'])
          yield {
            name: `${type} request ${name} ${answer}`,
            type,
            request,
            hooks: [{ answer: answers[answer]!, more: { admissionReviewVersions } }],
          }
    for (const sideEffects of ['None', 'NoneOnDryRun', 'Some', 'Unknown'])
      for (const failurePolicy of ['Fail', 'Ignore'])
        yield {
          name: `${type} dry run ${sideEffects}`,
          type,
          request: creation({ dryRun: true }),
          hooks: [{ answer: ok, more: { sideEffects, failurePolicy } }],
        }
    yield {
      name: `${type} versions`,
      type,
      request: creation(),
      hooks: [{ answer: ok, more: { admissionReviewVersions: ['v2'] } }],
    }
    yield {
      name: `${type} versions ignored`,
      type,
      request: creation(),
      hooks: [{ answer: ok, more: { admissionReviewVersions: [], failurePolicy: 'Ignore' } }],
    }
    for (const expression of [
      'true',
      'false',
      'object.nothing == 1',
      'request.name',
      'authorizer.group("").resource("configmaps").namespace("work").name("settings").check("get").allowed()',
      'namespaceObject == null',
      'has(request.subResource)',
      'variables.x',
      'params == null',
      '1',
    ])
      for (const failurePolicy of ['Fail', 'Ignore'])
        for (const request of [creation(), update(), deletion()])
          yield {
            name: `${type} condition ${expression}`,
            type,
            request,
            hooks: [
              {
                answer: ok,
                more: {
                  failurePolicy,
                  matchConditions: [
                    { name: 'a', expression },
                    { name: 'b', expression: 'object != null' },
                  ],
                },
              },
            ],
          }
    for (const more of [
      { namespaceSelector: { matchLabels: { team: 'a' } } },
      { namespaceSelector: { matchLabels: { team: 'b' } } },
      { objectSelector: { matchLabels: { app: 'a' } } },
      { objectSelector: { matchLabels: { app: 'b' } } },
      {
        rules: [
          {
            operations: ['CREATE', 'DELETE'],
            apiGroups: [''],
            apiVersions: ['v1'],
            resources: ['configmaps', 'namespaces/*', 'pods/exec', '*/scale'],
            scope: 'Namespaced',
          },
        ],
      },
      { rules: [] },
      { rules: [{ operations: ['*'], apiGroups: ['apps', ''], apiVersions: ['v1'], resources: ['*/*'], scope: 'Cluster' }] },
    ])
      for (const request of [...Object.values(requests)])
        yield { name: `${type} match ${JSON.stringify(more)}`, type, request, hooks: [{ answer: answers['no message']!, more }] }
    // several
    const two = (a: string, b: string, more: Record<string, unknown> = {}, second: Record<string, unknown> = {}): HookCase => ({
      name: `${type} two ${a} ${b}`,
      type,
      request: creation(),
      hooks: [
        { answer: answers[a]!, more: { reinvocationPolicy: 'Never', ...more } },
        { answer: answers[b]!, more: { reinvocationPolicy: 'Never', ...second } },
      ],
    })
    if (type === 'mutating')
      for (const policy of ['Never', 'IfNeeded'])
        for (const other of ['Never', 'IfNeeded'])
          for (const [a, b] of [
            ['patch', 'patch'],
            ['ok', 'patch'],
            ['patch', 'ok'],
            ['patch same', 'patch same'],
            ['ok', 'patch labels'],
            ['patch labels', 'ok'],
            ['ok', 'no'],
            ['patch', 'empty'],
          ] as const)
            yield two(
              a,
              b,
              { reinvocationPolicy: policy, objectSelector: { matchLabels: { app: 'a' } } },
              { reinvocationPolicy: other, failurePolicy: 'Ignore' },
            )
    yield two('no message', 'ok')
    yield two('empty', 'ok', { failurePolicy: 'Ignore' })
    yield two('ok', 'empty', { rules: [] }, { failurePolicy: 'Ignore' })
    yield two('ok', 'no', {}, { matchConditions: [{ name: 'x', expression: 'object.data.nothing == ""' }] })
    yield two('no', 'ok', {}, { matchConditions: [{ name: 'x', expression: 'object.data.nothing == ""' }] })
    for (const client of [
      { caBundle: b64('x') },
      { caBundle: undefined },
      { caBundle: 'other' },
      { url: 'https://127.0.0.1:1/x' },
      { url: 'http://127.0.0.1:1/x' },
      { url: 'PORT/' },
      { url: 'PORT' },
      { url: 'PORT/a/../b' },
      { url: 'PORT/a%2fb' },
      { url: 'PORT/é' },
      { url: 'PORT//x' },
      { url: 'LOCALHOST/x' },
      { url: 'https://absent.invalid/x' },
    ])
      yield {
        name: `${type} client ${JSON.stringify(client)}`,
        type,
        request: creation(),
        hooks: [{ answer: ok, client: client as Record<string, unknown> }],
      }
  }
}
